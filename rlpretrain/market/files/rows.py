"""Rows of bars as a file has them, whatever its layout, before anything is checked or adjusted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market.files.dates import FORMS, Days, read_days
from rlpretrain.market.files.layouts import Layout
from rlpretrain.market.files.sheet import Sheet, SheetColumns
from rlpretrain.market.panel import Floats
from rlpretrain.market.tickers import normal_ticker

__all__ = ["Rows", "read_rows", "tickers_in"]

_NO_PRICE = frozenset({"volume", "dividend", "factor"})


@dataclass(frozen=True)
class Rows:
    """Rows that contain a price, (n,) each."""

    sheet: Sheet
    layout: Layout
    columns: SheetColumns
    days: Days
    """Dates of all rows of the file."""
    written: Sequence[str]
    """Tickers as the file writes them."""
    code: NDArray[np.intp]
    """Index of each row's ticker in `written`."""
    row: NDArray[np.intp]
    """Row of the file, from 0."""
    block: NDArray[np.intp]
    """Index of the row's block in the layout."""
    values: dict[str, Floats]
    """Column -> numbers; NaN where the file has none."""
    wrong: dict[str, NDArray[np.bool_]]
    """Column -> whether the cell contains something else than a finite number."""

    def place(self, at: int) -> str:
        """Name the file and the line of a row."""
        return f"{self.sheet.path}, {self.sheet.place(int(self.row[at]), self.layout.header_lines)}"

    def cell(self, column: str, at: int) -> str:
        """Return what the file has in a column of a row, as a reader sees it."""
        fields = self.layout.blocks[self.block[at]].fields
        position = self.layout.date if column == "date" else fields[column]
        return "" if position is None else self.columns.sample(position, int(self.row[at]))


def tickers_in(sheet: Sheet, layout: Layout) -> Sequence[str]:
    """Return the tickers of a file as it writes them."""
    if layout.symbol is None:
        return [str(block.ticker) for block in layout.blocks]
    columns = sheet.read([layout.symbol], layout.header_lines, [layout.symbol])
    return _encoded(sheet.path, columns.text(layout.symbol))[0]


def read_rows(sheet: Sheet, layout: Layout, wanted: Collection[str] | None) -> Rows:
    """Read the rows of `wanted` tickers, or of all; a row without a price is none.

    Raises
    ------
    DataError
        The file is damaged, or none of its dates can be read.
    """
    blocks = layout.blocks
    prices = {position for block in blocks for position in block.fields.values()}
    texts = {position for position in (layout.date, layout.symbol) if position is not None}
    columns = sheet.read(sorted(prices | texts), layout.header_lines, texts)
    days = _days(sheet, layout, columns)
    n = len(days.day)
    if layout.symbol is None:
        written: Sequence[str] = [str(block.ticker) for block in blocks]
        code = np.repeat(np.arange(len(blocks)), n)
    else:
        written, code = _encoded(sheet.path, columns.text(layout.symbol))
    row, block = np.tile(np.arange(n), len(blocks)), np.repeat(np.arange(len(blocks)), n)
    names = list(dict.fromkeys(name for one in blocks for name in one.fields))
    values, wrong = {}, {}
    has_price = np.zeros(len(row), dtype=bool)
    for name in names:
        read = [columns.numbers(one.fields[name]) if name in one.fields else None for one in blocks]
        values[name] = np.concatenate([np.full(n, np.nan) if one is None else one.values for one in read])
        wrong[name] = np.concatenate([np.zeros(n, dtype=bool) if one is None else one.wrong for one in read])
        if name == "split":
            # A split counts on a day without a bar too.
            has_price |= np.isfinite(values[name]) & (values[name] != 0) & (values[name] != 1)
        elif name not in _NO_PRICE:
            has_price |= np.isfinite(values[name]) | wrong[name]
    if wanted is not None:
        # What is no ticker is kept to be named.
        kept = [normal_ticker(name) is None or normal_ticker(name) in wanted for name in written]
        has_price &= np.array(kept, dtype=bool)[code]
    return Rows(
        sheet=sheet,
        layout=layout,
        columns=columns,
        days=days,
        written=written,
        code=code[has_price],
        row=row[has_price],
        block=block[has_price],
        values={name: array[has_price] for name, array in values.items()},
        wrong={name: array[has_price] for name, array in wrong.items()},
    )


def _encoded(path: Path, column: pa.ChunkedArray) -> tuple[Sequence[str], NDArray[np.intp]]:
    """Return the distinct texts of a column, and the index of each row's; a missing one is the empty text."""
    try:
        texts = column.cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
    except pa.ArrowException as error:
        raise DataError(f"{path}: tickers cannot be read: {error}") from None
    return texts.dictionary.to_pylist(), np.asarray(texts.indices, dtype=np.intp)


def _days(sheet: Sheet, layout: Layout, columns: SheetColumns) -> Days:
    if layout.date is None:
        column = pa.chunked_array([pa.repeat(sheet.partition["date"], columns.rows)])
    else:
        column = columns.text(layout.date)
    try:
        days = read_days(column, month_first=layout.month_first)
    except (OverflowError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{sheet.path}: dates cannot be read: {error}") from None
    unknown = ~days.known_form & ~days.blank
    if unknown.any() and not days.known_form.any():
        first = column[int(np.flatnonzero(unknown)[0])].as_py()
        raise DataError(f"{sheet.path}: {first!r} is no date", hint=f"dates are written as {FORMS}")
    return days
