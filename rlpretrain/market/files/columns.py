"""The names by which files call their columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["BARS", "CLOSES", "COLUMNS", "FIELDS", "column_of", "meanings", "preferred"]

BARS = ("open", "high", "low", "close", "volume")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "timestamp", "datetime", "window_start", "trade_date", "trading_day", "day", "time"),
    "symbol": ("symbol", "ticker", "tic", "instrument", "code", "act_symbol", "name"),
    "open": ("open", "open_price"),
    "high": ("high", "high_price"),
    "low": ("low", "low_price"),
    "close": ("close", "close_price", "close_last"),
    "volume": ("volume", "vol"),
    "raw_close": ("raw_close", "close_raw", "unadjusted_close", "unadj_close", "close_unadj", "close_unadjusted"),
    "adj_open": ("adj_open", "adjusted_open", "open_adj", "open_adjusted"),
    "adj_high": ("adj_high", "adjusted_high", "high_adj", "high_adjusted"),
    "adj_low": ("adj_low", "adjusted_low", "low_adj", "low_adjusted"),
    "adj_close": (
        "adj_close", "adjusted_close", "close_adj", "close_adjusted", "adj_close_price", "adjusted_close_price",
        "adjcp",
    ),
    "split": ("split_factor", "stock_splits", "split_ratio", "split_coefficient", "split", "splits"),
    "dividend": ("div_cash", "dividends", "dividend", "dividend_amount", "ex_dividend", "cash_dividend"),
    "factor": ("factor", "adj_factor", "adjust_factor", "adjustment_factor", "cum_factor"),
    "index": ("", "index", "__index_level_0__", "level_0", "unnamed: 0"),
    "other": (
        "per", "period", "openint", "open_interest", "vwap", "transactions", "trade_count", "adj_volume",
        "capital_gains",
    ),
}  # fmt: skip
"""Column -> its spellings in files; letter case, spaces and punctuation do not matter.

To read another vendor's spelling, add it to its row.
"""

LETTERS: Mapping[str, str] = {
    "t": "date", "s": "symbol", "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vw": "other",
    "n": "other",
}  # fmt: skip
"""Names of one letter or two, which are tickers too; they count only where a whole bar is written in them."""

CLOSES = frozenset({"close", "adj_close"})
"""One of them makes a row a bar."""
FIELDS = frozenset(COLUMNS) - {"date", "symbol", "index", "other"}
"""Columns that a bar is made of."""

_NUMBERED = re.compile(r"\d+\.\s+(?=[a-z])")


def _plain(name: str) -> str:
    """Return a column's name without letter case, spaces, punctuation and a leading number such as ``4. close``."""
    return re.sub(r"[\W_]+", "", _NUMBERED.sub("", name.strip().lower(), count=1))


_OF = {_plain(spelling): column for column, spellings in COLUMNS.items() for spelling in spellings}


def column_of(name: str) -> str | None:
    """Return the column that a name in a file means, or None if it may be a ticker."""
    return _OF.get(_plain(name))


def meanings(names: Sequence[str]) -> list[str | None]:
    """Return the column that each name of a header means; letters count if nothing else in it is unknown."""
    known = [column_of(name) for name in names]
    letters = [LETTERS.get(name.strip().lower()) for name in names]
    if {"open", "high", "low", "close"} <= set(letters) and all(map(_either, known, letters)):
        return list(map(_either, letters, known))
    return known


def preferred(names: Sequence[str], meant: Sequence[str | None], column: str) -> int | None:
    """Return the position of a column; the first spelling in its row of the table counts where there are several."""
    rank = {_plain(spelling): place for place, spelling in enumerate(COLUMNS[column])}
    found = [position for position, meaning in enumerate(meant) if meaning == column]
    return min(found, key=lambda position: rank.get(_plain(names[position]), 0), default=None)


def _either(one: str | None, other: str | None) -> str | None:
    return other if one is None else one
