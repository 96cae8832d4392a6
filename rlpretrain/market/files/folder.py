"""Prices from a folder of files, read in place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from rlpretrain.errors import DataError
from rlpretrain.market.calendars import is_crypto
from rlpretrain.market.files.bars import Bars, gather
from rlpretrain.market.files.price_file import file_symbols, read_price_file
from rlpretrain.market.files.price_table import FIELDS
from rlpretrain.market.files.sheet import is_price_file
from rlpretrain.market.panel import PricePanel
from rlpretrain.market.tickers import near_misses

__all__ = ["folder_symbols", "read_folder"]


def folder_symbols(folder: Path) -> tuple[str, ...]:
    """Return every ticker that the folder's files contain, sorted."""
    return tuple(sorted({symbol for path in _price_files(folder) for symbol in file_symbols(path)}))


def read_folder(folder: Path, symbols: Sequence[str] | None) -> PricePanel:
    """Read the bars of `symbols`, or of all tickers, from a folder's files.

    An asset with rows in a long file takes nothing from files that have closes only. An asset's history may be split
    between files, in any order. Of equal rows for a day one is kept, and of different ones none. Tickers that no file
    has are left out.

    Raises
    ------
    DataError
        The folder or usable files are missing, a file cannot be read, or none of the requested tickers was found.
    """
    wanted = None if symbols is None else frozenset(symbols)
    bars = gather([read_price_file(path, wanted) for path in _price_files(folder)])
    found = {bars.symbols[code] for code in np.unique(bars.code)}
    order = sorted(found) if symbols is None else [symbol for symbol in symbols if symbol in found]
    source = f"files:{folder}"
    if not order:
        near = near_misses(symbols or (), folder_symbols(folder))
        problems = "; ".join(map(str, bars.findings[:3]))
        raise DataError(
            f"{source} has no prices of {', '.join(symbols or ()) or 'any asset'}{near}",
            hint=problems or None,
        )
    return _panel(bars, order, source)


def _price_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(
            f"market folder {folder} does not exist", hint="'files:DIR' names a folder of price files"
        )
    try:
        files = sorted(_files(folder, deeper=True))
    except OSError as error:
        raise DataError(f"{error.filename or folder} cannot be read: {error.strerror}") from None
    if not files:
        raise DataError(f"{folder} contains no price file", hint="add .csv, .csv.gz, .txt or .parquet files")
    return files


def _files(folder: Path, *, deeper: bool) -> Iterator[Path]:
    """Yield the price files of a folder, of its folders, and of partitions such as ``symbol=SPY`` at any depth."""
    for path in folder.iterdir():
        if is_price_file(path):
            yield path
        elif path.is_dir() and not path.name.startswith(".") and (deeper or "=" in path.name):
            yield from _files(path, deeper=False)


def _panel(bars: Bars, order: Collection[str], source: str) -> PricePanel:
    column_of = {symbol: column for column, symbol in enumerate(order)}
    column = np.array([column_of.get(symbol, -1) for symbol in bars.symbols], dtype=np.intp)[bars.code]
    dates, row = np.unique(bars.date, return_inverse=True)
    arrays = {}
    for name in FIELDS:
        array = np.full((len(dates), len(column_of)), np.nan)
        array[row, column] = bars.values[name]
        arrays[name] = array
    raw = arrays.pop("raw_close")
    return PricePanel(
        symbols=tuple(order),
        dates=dates,
        crypto=np.array([is_crypto(symbol) for symbol in order]),
        source=source,
        raw_close=raw if np.isfinite(raw).any() else None,
        findings=bars.findings,
        raw_close_origins=bars.raw_close_origins,
        **arrays,
    )
