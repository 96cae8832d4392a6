"""Prices from a folder of files, in the forms in which vendors and programs write them."""

from rlpretrain.market.files.folder import folder_symbols, read_folder
from rlpretrain.market.files.price_file import read_price_file
from rlpretrain.market.files.price_table import PriceTable

__all__ = ["PriceTable", "folder_symbols", "read_folder", "read_price_file"]
