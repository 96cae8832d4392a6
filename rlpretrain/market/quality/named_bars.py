"""Bars that a setting names: a ticker, or a ticker with a day or a span of days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import SettingsError
from rlpretrain.market.panel import Dates
from rlpretrain.market.tickers import normal_ticker

__all__ = ["NamedBars"]

_SYNTAX = "write TICKER, TICKER:YYYY-MM-DD or TICKER:YYYY-MM-DD..YYYY-MM-DD"
_FIRST, _LAST = dt.date.min, dt.date.max


@dataclass(frozen=True)
class NamedBars:
    """Spans of days of tickers, both ends included."""

    spans: tuple[tuple[str, dt.date, dt.date], ...]

    @classmethod
    def read(cls, texts: Sequence[str]) -> NamedBars:
        """Read the entries of a setting.

        Raises
        ------
        SettingsError
            An entry names no ticker or no day, or its span ends before it starts.
        """
        return cls(tuple(_read(text) for text in texts))

    def covers(self, ticker: str, dates: Dates) -> NDArray[np.bool_]:
        """Return for each day whether the ticker's bar is named."""
        named = np.zeros(len(dates), dtype=bool)
        for name, first, last in self.spans:
            if name == ticker:
                named |= (dates >= np.datetime64(first, "D")) & (dates <= np.datetime64(last, "D"))
        return named


def _read(text: str) -> tuple[str, dt.date, dt.date]:
    name, colon, days = text.partition(":")
    ticker = normal_ticker(name)
    if ticker is None:
        raise SettingsError(f"{text!r} names no ticker", hint=_SYNTAX)
    if not colon:
        return ticker, _FIRST, _LAST
    start, _, end = days.partition("..")
    try:
        first, last = dt.date.fromisoformat(start), dt.date.fromisoformat(end or start)
    except ValueError:
        raise SettingsError(f"{text!r} names no days of {ticker}", hint=_SYNTAX) from None
    if last < first:
        raise SettingsError(f"{text!r} ends before it starts", hint=_SYNTAX)
    return ticker, first, last
