"""The names by which files call their columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["BARS", "CLOSES", "COLUMNS", "FIELDS", "column_of", "meanings", "preferred"]

BARS = ("open", "high", "low", "close", "volume")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "timestamp", "datetime", "windowstart", "tradedate", "tradingday", "day", "time"),
    "symbol": ("symbol", "ticker", "tic", "instrument", "code", "actsymbol", "name"),
    "open": ("open", "openprice"),
    "high": ("high", "highprice"),
    "low": ("low", "lowprice"),
    "close": ("close", "closeprice"),
    "volume": ("volume", "vol"),
    "raw_close": ("rawclose", "closeraw", "unadjustedclose", "unadjclose", "closeunadj", "closeunadjusted"),
    "adj_open": ("adjopen", "adjustedopen", "openadj", "openadjusted"),
    "adj_high": ("adjhigh", "adjustedhigh", "highadj", "highadjusted"),
    "adj_low": ("adjlow", "adjustedlow", "lowadj", "lowadjusted"),
    "adj_close": ("adjclose", "adjustedclose", "closeadj", "closeadjusted", "adjcloseprice", "adjustedcloseprice"),
    "split": ("splitfactor", "stocksplits", "splitratio", "splitcoefficient", "split", "splits"),
    "dividend": ("divcash", "dividends", "dividend", "dividendamount", "exdividend", "cashdividend"),
    "factor": ("factor", "adjfactor", "adjustfactor", "adjustmentfactor", "cumfactor"),
    "index": ("", "index", "indexlevel0", "level0", "unnamed0"),
    "other": (
        "per", "period", "openint", "openinterest", "vwap", "transactions", "tradecount", "adjvolume", "capitalgains",
    ),
}  # fmt: skip
"""Column -> its spellings in files, in lower case without spaces and punctuation.

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

_OF = {spelling: column for column, spellings in COLUMNS.items() for spelling in spellings}
_NUMBERED = re.compile(r"\d+\.\s+(?=[a-z])")


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
    rank = {spelling: place for place, spelling in enumerate(COLUMNS[column])}
    found = [position for position, meaning in enumerate(meant) if meaning == column]
    return min(found, key=lambda position: rank.get(_plain(names[position]), 0), default=None)


def _either(one: str | None, other: str | None) -> str | None:
    return other if one is None else one


def _plain(name: str) -> str:
    """Return a column's name without letter case, spaces, punctuation and a leading number such as ``4. close``."""
    return re.sub(r"[\W_]+", "", _NUMBERED.sub("", name.strip().lower(), count=1))
