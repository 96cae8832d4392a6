"""How a file lays out its bars: a ticker in each row, in the file's name, in each column, or above each column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlpretrain.errors import DataError
from rlpretrain.market.files.columns import CLOSES, FIELDS, column_of, meanings, preferred
from rlpretrain.market.files.dates import is_date
from rlpretrain.market.files.sheet import Sheet
from rlpretrain.market.tickers import normal_ticker

__all__ = ["Block", "Layout", "find_layout"]

_HINT = (
    "a price file has dates, and a ticker and a close in each row, or one ticker, which is its name, or a column of "
    "closes for each ticker; docs/prices.md lists the forms"
)
_SUFFIXES = (".gz", ".csv", ".txt", ".parquet", ".pq")


@dataclass(frozen=True)
class Block:
    """Bars of one ticker, or of the tickers that a column names."""

    ticker: str | None
    """Ticker as the file writes it; None where a column names it in each row."""
    fields: Mapping[str, int]
    """Column of a bar -> its position in the file."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where a file's dates, tickers and prices are."""

    header_lines: int = 1
    date: int | None
    """Position of the dates; None where a folder's name holds the date of all rows."""
    symbol: int | None = None
    """Position of the tickers, if a column names them."""
    blocks: tuple[Block, ...]
    names: Mapping[str, str]
    """Column of a bar -> its name in the file."""
    closes_only: bool = False
    """Whether the file has a column of closes for each ticker, and nothing else."""

    @property
    def month_first(self) -> bool:
        """Whether dates such as 03/01/2024 begin with the month: only Nasdaq's files, which have `Close/Last`, do."""
        return re.sub(r"\W+", "", self.names.get("close", "").lower()) == "closelast"


def find_layout(sheet: Sheet) -> Layout:
    """Find a file's layout by its header.

    Raises
    ------
    DataError
        There is no date, no close or no ticker; the message names the columns and what to do.
    """
    two = _two_levels(sheet)
    if two is not None:
        return two
    head = sheet.lines[0]
    meant = meanings(head)
    date = _date_position(sheet, meant)
    symbol = preferred(head, meant, "symbol")
    ticker = None if symbol is not None else sheet.partition.get("symbol")
    fields = _fields(sheet, meant)
    rest = [p for p, meaning in enumerate(meant) if p != date and meaning != "index"]
    if symbol is None and ticker is None:
        if _are_tickers(head, rest, meant):
            blocks = tuple(Block(head[p], {"close": p}) for p in rest)
            return Layout(date=date, blocks=blocks, names={}, closes_only=True)
        if fields.keys() & CLOSES:
            ticker = _name_of_file(sheet)
    if not fields.keys() & CLOSES:
        raise _unreadable(sheet, "no column 'close'" if rest else "no prices")
    names = {column: head[position] for column, position in fields.items()}
    return Layout(date=date, symbol=symbol, blocks=(Block(ticker, fields),), names=names)


def _unreadable(sheet: Sheet, complaint: str) -> DataError:
    shown = ", ".join(sheet.lines[0][:12]) + (", ..." if len(sheet.lines[0]) > 12 else "")
    return DataError(f"{sheet.path}: {complaint}; its columns are: {shown or 'none'}", hint=_HINT)


def _date_position(sheet: Sheet, meant: Sequence[str | None]) -> int | None:
    # An index without a name is written as a column without one, and may be the dates.
    for column in ("date", "index"):
        position = preferred(sheet.lines[0], meant, column)
        if position is not None or "date" in sheet.partition:
            return position
    raise _unreadable(sheet, "no column 'date'")


def _fields(sheet: Sheet, meant: Sequence[str | None]) -> dict[str, int]:
    head = sheet.lines[0]
    fields: dict[str, int] = {}
    for position, meaning in enumerate(meant):
        if meaning is None or meaning not in FIELDS:
            continue
        if meaning in fields:
            raise DataError(
                f"{sheet.path}: both {head[fields[meaning]]!r} and {head[position]!r} mean {meaning}",
                hint="rename or remove one of the two columns",
            )
        fields[meaning] = position
    return fields


def _are_tickers(head: Sequence[str], rest: Sequence[int], meant: Sequence[str | None]) -> bool:
    """Return whether the columns besides the date are tickers; the fields of a bar among them say that they are not.

    OPEN and LOW are tickers too, and written so.
    """
    fields = [p for p in rest if meant[p] in FIELDS]
    if any(meant[p] not in ("open", "low") or not head[p].isupper() for p in fields):
        return False
    return any(normal_ticker(head[p]) is not None for p in rest if p not in fields)


def _name_of_file(sheet: Sheet) -> str:
    name = sheet.path.name
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    if normal_ticker(name) is None:
        raise DataError(
            f"{sheet.path}: no column 'symbol', and the file's name is no ticker; its columns are: "
            f"{', '.join(sheet.lines[0])}",
            hint="name the file by its ticker, such as SPY.csv, or add a column 'symbol'",
        )
    return name


def _two_levels(sheet: Sheet) -> Layout | None:
    """Find fields above tickers, or tickers above fields, as yfinance's download and pandas write them."""
    if len(sheet.lines) < 2:
        return None
    top, below = sheet.lines[:2]
    if len(top) != len(below) or is_date(below[0]):
        return None
    if sheet.is_parquet:
        columns = [p for p in range(len(top)) if top[p] != below[p]]
        dates = [p for p in range(len(top)) if p not in columns and column_of(top[p]) in ("date", "index")]
    else:
        dates, columns = [0], list(range(1, len(top)))
    upper, lower = [top[p] for p in columns], [below[p] for p in columns]
    if not dates or any(is_date(cell) or _is_number(cell) for cell in lower):
        return None  # The second line is data.
    if not (_are_fields(upper) or _are_fields(lower)):
        return None
    fields, tickers = (upper, lower) if _are_fields(upper) else (lower, upper)
    blocks: dict[str, dict[str, int]] = {}
    for position, field, ticker in zip(columns, fields, tickers, strict=True):
        meaning = column_of(field)
        if meaning in FIELDS:
            blocks.setdefault(ticker, {})[meaning] = position
    third = sheet.lines[2] if len(sheet.lines) > 2 else ()
    names_index = bool(third) and not is_date(third[0]) and not any(third[1:])
    return Layout(
        header_lines=3 if names_index else 2,
        date=dates[0],
        blocks=tuple(Block(ticker, found) for ticker, found in blocks.items() if found.keys() & CLOSES),
        names={meaning: field for field in fields if (meaning := column_of(field)) in FIELDS},
    )


def _are_fields(cells: Sequence[str]) -> bool:
    known = [meaning for meaning in map(column_of, cells) if meaning in FIELDS]
    return not CLOSES.isdisjoint(known) and 2 * len(known) > len(cells)


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\s*\$?[-+]?\d*\.?\d+(e[-+]?\d+)?\s*", cell, re.IGNORECASE) is not None
