"""One file as a table of columns, whose header is known and whose cells are read when they are asked for."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market.files.columns import column_of
from rlpretrain.market.panel import Floats

__all__ = ["Numbers", "Sheet", "is_price_file", "open_sheet"]

_LINES = 4
"""Number of lines that are enough to recognise a layout: three of header, and one of bars."""
_FEW_LINES, _LONGEST_LINES = 2**15, 2**22
"""Bytes that contain these lines in most files, and at most; a line of ten thousand tickers has 60 kB."""
_UTF8 = "save the file as UTF-8"
_BLANK = ("", "nan", "NaN", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "-")


@dataclass(frozen=True)
class Numbers:
    """A column of prices, (n,)."""

    values: Floats
    """NaN where the cell is blank, no number or infinite."""
    wrong: NDArray[np.bool_]
    """Whether the cell contains something else than a finite number."""


@dataclass(frozen=True)
class Sheet:
    """A file whose header has been read."""

    path: Path
    lines: tuple[tuple[str, ...], ...]
    """First lines of a text file, at most four; the names of a Parquet file's columns, a line for each level."""
    partition: dict[str, str]
    """Columns that the names of the folders hold, such as ``symbol=SPY``."""
    names: tuple[str, ...] = ()
    """Names of a Parquet file's columns, as they are in the file."""
    delimiter: str = ","

    @property
    def is_parquet(self) -> bool:
        """Whether the file is Parquet and not text."""
        return _is_parquet(self.path)

    def place(self, row: int, header_lines: int) -> str:
        """Name a row as a reader of the file counts: the first line of a text file is line 1."""
        return f"row {row + 1}" if self.is_parquet else f"line {row + header_lines + 1}"

    def read(self, columns: Collection[int], header_lines: int, texts: Collection[int]) -> SheetColumns:
        """Read columns by their positions; those in `texts` as they are, the others as numbers.

        Raises
        ------
        DataError
            The file is damaged, or a row has too few or too many cells.
        """
        if self.is_parquet:
            return SheetColumns(_read_parquet(self.path, self.names, columns))
        names = [str(position) for position in range(len(self.lines[0]))]
        if not any(self.lines[header_lines:]):  # Arrow refuses to read no rows.
            return SheetColumns({position: pa.chunked_array([[]], pa.string()) for position in columns})
        return SheetColumns(_read_text(self, names, header_lines, columns, texts))


@dataclass(frozen=True)
class SheetColumns:
    """Columns of a sheet by their positions."""

    by_position: dict[int, pa.ChunkedArray]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.by_position.values())))

    def text(self, position: int) -> pa.ChunkedArray:
        """Return a column as it is in the file."""
        return self.by_position[position]

    def sample(self, position: int, row: int) -> str:
        """Return a cell as text, for a message."""
        return str(self.by_position[position][row].as_py())

    def numbers(self, position: int) -> Numbers:
        """Return a column as numbers."""
        column = self.by_position[position]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if _is_text(column.type):
            text = pd.Series(column.to_pandas(), dtype=object).str.strip()
            blank = (text.isna() | text.isin(_BLANK)).to_numpy(dtype=bool)
            amounts = text.str.removeprefix("$")
            values = pd.to_numeric(amounts, errors="coerce").to_numpy(dtype=np.float64, copy=True)
        else:
            try:
                values = np.array(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
                blank = np.isnan(values)
            except pa.ArrowException:  # Nothing in it is a number.
                values = np.full(len(column), np.nan)
                blank = np.asarray(column.is_null(nan_is_null=False).to_numpy(), dtype=bool)
        wrong = ~np.isfinite(values) & ~blank
        values[wrong] = np.nan
        return Numbers(values, wrong)


def is_price_file(path: Path) -> bool:
    """Return whether a file may contain prices, judged by its name, and a ``.txt`` file by its header too."""
    name = path.name.lower()
    if name.startswith(".") or not path.is_file():
        return False
    if name.endswith((".txt", ".txt.gz")):
        # A folder may have a README.txt too.
        try:
            head = open_sheet(path).lines[0]
        except DataError:
            return False
        return len(head) > 2 and any(column_of(cell) == "date" for cell in head)
    return name.endswith((".csv", ".csv.gz", ".parquet", ".pq"))


def open_sheet(path: Path) -> Sheet:
    """Read a file's header.

    Raises
    ------
    DataError
        The file is damaged or no text; the message names it.
    """
    try:
        if _is_parquet(path):
            names = tuple(pyarrow.parquet.read_schema(path).names)
            if len(set(names)) == len(names):
                return Sheet(path, _levels(names), _partition(path), names)
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"{path}: column {twice!r} appears twice")
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as raw:
            head = raw.read(_FEW_LINES)
            if len(head.splitlines()) <= _LINES:
                head += raw.read(_LONGEST_LINES)
        # A character may be cut at the end of what was read.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
        first = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
        delimiter = max((",", ";", "\t", "|"), key=first.count)
        rows = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)
        lines = tuple(tuple(row) for row, _ in zip(rows, range(_LINES), strict=False))
    except UnicodeDecodeError as error:
        line = len((head[: error.start] + b".").splitlines())
        raise DataError(f"{path}, line {line} cannot be read: {error}", hint=_UTF8) from None
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num} cannot be read: {error}") from None
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    return Sheet(path, lines or ((),), _partition(path), delimiter=delimiter)


def _levels(names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Split names that pandas writes for columns of two levels, such as ``('Close', 'SPY')``."""
    pairs = [re.fullmatch(r"\('(.*)', '(.*)'\)", name) for name in names]
    if not any(pairs):
        return (names,)
    return tuple(
        tuple(pair[level] if pair else name for name, pair in zip(names, pairs, strict=True))
        for level in (1, 2)
    )


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _partition(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in path.absolute().parents:
        key, equals, value = folder.name.partition("=")
        if not equals:
            break
        found[column_of(key) or key] = unquote(value)
    return found


def _read_parquet(path: Path, names: tuple[str, ...], columns: Collection[int]) -> dict[int, pa.ChunkedArray]:
    try:
        # A name with a dot would mean a field inside a column, so then all are read.
        wanted = None if any("." in name for name in names) else [names[position] for position in columns]
        table = pyarrow.parquet.ParquetFile(path).read(columns=wanted)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    return {position: table[names[position]] for position in columns}


def _read_text(
    sheet: Sheet, names: list[str], header_lines: int, columns: Collection[int], texts: Collection[int]
) -> dict[int, pa.ChunkedArray]:
    wanted = [names[position] for position in columns]
    numbers = {names[position]: pa.string() if position in texts else pa.float64() for position in columns}

    def read(types: dict[str, pa.DataType], *, threads: bool) -> pa.Table:
        return pyarrow.csv.read_csv(
            sheet.path,
            read_options=pyarrow.csv.ReadOptions(
                column_names=names, skip_rows=header_lines, use_threads=threads
            ),
            parse_options=pyarrow.csv.ParseOptions(delimiter=sheet.delimiter),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, include_columns=wanted, null_values=_BLANK
            ),
        )

    try:
        try:
            table = read(numbers, threads=True)
        except pa.ArrowInvalid:
            # A cell is no number. Arrow names a faulty row only when it reads on one thread.
            table = read(dict.fromkeys(wanted, pa.string()), threads=False)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise _unread(sheet.path, str(error)) from None
    return {position: table[names[position]] for position in columns}


def _unread(path: Path, reason: str) -> DataError:
    """Return an error with the line that Arrow names as a row: it counts from the file's first line."""
    row = re.search(r"Row #(\d+)", reason)
    place = f"{path}, line {row[1]}" if row else str(path)
    hint = {"Expected": "each row has as many cells as the header", "UTF8": _UTF8}
    return DataError(
        f"{place} cannot be read: {reason}", hint=next((hint[word] for word in hint if word in reason), None)
    )
