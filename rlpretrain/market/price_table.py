"""One file of prices, read and checked: long OHLCV or wide close-only, as CSV, gzipped CSV or Parquet."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market.panel import Dates, Floats

__all__ = ["PriceTable", "file_symbols", "is_price_file", "read_price_file"]

_PRICES = ("open", "high", "low", "close")
_FIELDS = (*_PRICES, "volume")
_LAYOUT = "long (date, symbol, open, high, low, close, volume) or wide (date and one column of closes for each ticker)"


@dataclass(frozen=True)
class PriceTable:
    """Checked rows of one file, (n,) each; `code` indexes `symbols`, and prices that a row lacks are NaN."""

    path: Path
    wide: bool
    symbols: tuple[str, ...]
    code: NDArray[np.intp]
    date: Dates
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def is_price_file(path: Path) -> bool:
    """Return whether a file may contain prices, judged by its name."""
    name = path.name.lower()
    return path.is_file() and not name.startswith(".") and name.endswith((".csv", ".csv.gz", ".parquet"))


def file_symbols(path: Path) -> tuple[str, ...]:
    """Return the tickers of one file, sorted."""
    columns = _columns(path)
    if _is_wide(path, columns):
        return tuple(sorted(columns[1:]))
    return tuple(sorted(pc.unique(_read(path, ["symbol"])["symbol"]).to_pylist()))


def read_price_file(path: Path, wanted: Collection[str] | None) -> PriceTable:
    """Read the rows of `wanted` tickers, or of all, from one file.

    Raises
    ------
    DataError
        The layout is neither long nor wide, a value does not parse, a price is not positive, a high is below
        its low, or an asset has two rows on one day. The message names the file and the line.
    """
    columns = _columns(path)
    if _is_wide(path, columns):
        return _read_wide(path, [name for name in columns[1:] if wanted is None or name in wanted])
    return _read_long(path, [name for name in _FIELDS if name in columns], wanted)


def _columns(path: Path) -> list[str]:
    """Return the header, with `date` first."""
    try:
        if path.suffix == ".parquet":
            names = list(pyarrow.parquet.read_schema(path).names)
        else:
            with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as raw:
                names = next(csv.reader([raw.readline().decode("utf-8-sig")]), [])
    except (OSError, EOFError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: column {twice!r} appears twice")
    if "date" not in names:
        raise DataError(f"{path}: no column 'date'", hint=f"a price file is {_LAYOUT}")
    return ["date", *(name for name in names if name != "date")]


def _is_wide(path: Path, columns: list[str]) -> bool:
    if "symbol" in columns:
        if "close" not in columns:
            raise DataError(f"{path}: no column 'close'", hint=f"a price file is {_LAYOUT}")
        return False
    if "close" in columns or len(columns) < 2:
        raise DataError(f"{path}: no column 'symbol'", hint=f"a price file is {_LAYOUT}")
    return True


def _read(path: Path, columns: list[str]) -> pa.Table:
    types = {name: pa.float64() for name in columns} | {"date": pa.date32(), "symbol": pa.string()}
    types = {name: types[name] for name in columns}
    try:
        if path.suffix == ".parquet":
            table = pyarrow.parquet.read_table(path, columns=columns)
            return table.select(columns).cast(pa.schema(types.items()))
        convert = pyarrow.csv.ConvertOptions(column_types=types, include_columns=columns)
        try:
            return pyarrow.csv.read_csv(path, convert_options=convert)
        except pa.ArrowInvalid:
            # Arrow names the faulty row only when it reads on one thread.
            return pyarrow.csv.read_csv(
                path, convert_options=convert, read_options=pyarrow.csv.ReadOptions(use_threads=False)
            )
    except (OSError, EOFError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{path}: {error}", hint=f"a price file is {_LAYOUT}, dates as YYYY-MM-DD") from None


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _read_long(path: Path, fields: list[str], wanted: Collection[str] | None) -> PriceTable:
    table = _read(path, ["date", "symbol", *fields])
    line = np.arange(table.num_rows)
    if wanted is not None:
        keep = pc.is_in(table["symbol"], value_set=pa.array(sorted(wanted), pa.string()))
        table, line = table.filter(keep), line[np.asarray(keep.to_numpy(zero_copy_only=False), dtype=bool)]
    encoded = table["symbol"].combine_chunks().dictionary_encode()
    symbols = tuple(encoded.dictionary.to_pylist())
    code = np.asarray(encoded.indices.fill_null(-1), dtype=np.intp)
    _reject(path, line, (code < 0) | _blank(table["date"]), "no date or no symbol")
    blank = np.full(table.num_rows, np.nan)
    values = {name: _floats(table[name]) if name in fields else blank for name in _FIELDS}
    traded = np.isfinite(values["close"])
    _reject(path, line, ~traded & np.isfinite(values["open"]), "an open without a close")
    for name in _PRICES:
        _reject(path, line, (values[name] <= 0) | np.isinf(values[name]), f"{name} is not a positive number")
    _reject(path, line, values["high"] < values["low"], "high is below low")
    _reject(path, line, (values["volume"] < 0) | np.isinf(values["volume"]), "volume is negative or infinite")
    # A long file's row without any price means that the asset did not trade.
    return PriceTable(
        path=path,
        wide=False,
        symbols=symbols,
        code=code[traded],
        date=_dates(table["date"])[traded],
        **{name: array[traded] for name, array in values.items()},
    )


def _read_wide(path: Path, symbols: list[str]) -> PriceTable:
    table = _read(path, ["date", *symbols])
    line = np.arange(table.num_rows)
    _reject(path, line, _blank(table["date"]), "no date")
    closes = np.empty((table.num_rows, len(symbols)))
    for column, symbol in enumerate(symbols):
        closes[:, column] = _floats(table[symbol])
        _reject(
            path,
            line,
            (closes[:, column] <= 0) | np.isinf(closes[:, column]),
            f"{symbol} is not a positive number",
        )
    row, code = np.nonzero(np.isfinite(closes))
    blank = np.full(len(row), np.nan)
    return PriceTable(
        path=path,
        wide=True,
        symbols=tuple(symbols),
        code=code,
        date=_dates(table["date"])[row],
        open=blank,
        high=blank,
        low=blank,
        close=closes[row, code],
        volume=blank,
    )


def _dates(column: pa.ChunkedArray) -> Dates:
    return np.asarray(column.to_numpy(), dtype="datetime64[D]")


def _blank(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(column.is_null().to_numpy(), dtype=bool)


def _reject(path: Path, line: NDArray[np.intp], wrong: NDArray[np.bool_], complaint: str) -> None:
    """Raise when any row is wrong, naming the first as a reader of the file counts: the header is line 1."""
    if wrong.any():
        first = int(line[np.flatnonzero(wrong)[0]])
        place = f"row {first + 1}" if path.suffix == ".parquet" else f"line {first + 2}"
        raise DataError(f"{path}, {place}: {complaint}")
