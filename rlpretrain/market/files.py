"""Prices from a folder of files, read in place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market.calendars import is_crypto
from rlpretrain.market.panel import Dates, Floats, PricePanel
from rlpretrain.market.price_table import PriceTable, file_symbols, is_price_file, read_price_file

__all__ = ["folder_symbols", "read_folder"]


def folder_symbols(folder: Path) -> tuple[str, ...]:
    """Return every ticker that the folder's files contain, sorted."""
    return tuple(sorted({symbol for path in _price_files(folder) for symbol in file_symbols(path)}))


def read_folder(folder: Path, symbols: Sequence[str] | None) -> PricePanel:
    """Read the bars of `symbols`, or of all tickers, from a folder's files.

    An asset with rows in a long file takes nothing from wide ones. An asset's history may be split between
    files, in any order. Tickers that no file has are left out.

    Raises
    ------
    DataError
        The folder or usable files are missing, a file is malformed, or none of the requested tickers was found.
    """
    wanted = None if symbols is None else frozenset(symbols)
    tables = [read_price_file(path, wanted) for path in _price_files(folder)]
    found = {table.symbols[code] for table in tables for code in np.unique(table.code)}
    order = sorted(found) if symbols is None else [symbol for symbol in symbols if symbol in found]
    source = f"files:{folder}"
    if not order:
        raise DataError(f"{source} has no prices of {', '.join(symbols or ()) or 'any asset'}")
    return _assemble(tables, order, source)


def _price_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(
            f"market folder {folder} does not exist", hint="'files:DIR' names a folder of price files"
        )
    files = sorted(path for path in folder.iterdir() if is_price_file(path))
    if not files:
        raise DataError(f"{folder} contains no price file", hint="add .csv, .csv.gz or .parquet files")
    return files


def _assemble(tables: list[PriceTable], order: list[str], source: str) -> PricePanel:
    column_of = {symbol: column for column, symbol in enumerate(order)}
    dates = np.unique(np.concatenate([table.date for table in tables]))
    shape = (len(dates), len(order))
    arrays = {name: np.full(shape, np.nan) for name in ("open", "high", "low", "close", "volume")}
    has_bars = np.zeros(len(order), dtype=bool)
    # Long files first: what they contain is not taken from wide ones.
    for table in sorted(tables, key=lambda table: table.wide):
        # A ticker without a single price has no column, and no row points to it.
        columns = np.array([column_of.get(symbol, -1) for symbol in table.symbols], dtype=np.intp)[table.code]
        keep = ~has_bars[columns] if table.wide else np.ones(len(columns), dtype=bool)
        columns, rows = columns[keep], np.searchsorted(dates, table.date[keep])
        cells = rows * len(order) + columns
        _reject_duplicates(table, dates, order, cells, arrays["close"])
        for name, array in arrays.items():
            array[rows, columns] = getattr(table, name)[keep]
        if not table.wide:
            has_bars[columns] = True
    known = np.isfinite(arrays["close"]).any(axis=1)
    return PricePanel(
        symbols=tuple(order),
        dates=dates[known],
        crypto=np.array([is_crypto(symbol) for symbol in order]),
        source=source,
        **{name: array[known] for name, array in arrays.items()},
    )


def _reject_duplicates(
    table: PriceTable, dates: Dates, order: list[str], cells: NDArray[np.intp], close: Floats
) -> None:
    """Raise when an asset has a second row on a day, in this file or an earlier one."""
    ordered = np.sort(cells)
    again = np.concatenate(
        (ordered[1:][ordered[1:] == ordered[:-1]], cells[np.isfinite(close.ravel()[cells])])
    )
    if len(again):
        row, column = divmod(int(again.min()), len(order))
        raise DataError(
            f"{table.path}: {order[column]} has two prices on {dates[row]}",
            hint="keep one row for each day and asset",
        )
