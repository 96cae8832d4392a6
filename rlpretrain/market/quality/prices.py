"""The prices that the rules judge: each ticker's bars, and the days on which it should have one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.calendars import calendar_days, exchange_sessions
from rlpretrain.market.panel import AssetSeries, Dates, PricePanel
from rlpretrain.market.quality.named_bars import NamedBars

__all__ = ["Prices", "bars_of"]

_VALUES = ("open", "high", "low", "close", "volume", "raw_close")


class Prices:
    """The bars of each ticker of a panel, as the rules so far have left them.

    Parameters
    ----------
    panel
        Prices as they were read.
    trusted
        Bars that the user has looked at and knows to be right.
    """

    def __init__(self, panel: PricePanel, trusted: NamedBars) -> None:
        self.series: dict[str, AssetSeries] = {symbol: bars_of(panel, symbol) for symbol in panel.symbols}
        self.read: dict[str, Dates] = {symbol: series.dates for symbol, series in self.series.items()}
        """The days of each ticker's bars when they were read."""
        known = ~np.isnan(panel.close)
        self.traded: dict[bool, Dates] = {
            crypto: panel.dates[known[:, panel.crypto == crypto].any(axis=1)] for crypto in (False, True)
        }
        """Whether crypto -> the days on which any asset of the kind had a bar when it was read."""
        self._trusted = trusted

    def trusted(self, series: AssetSeries) -> NDArray[np.bool_]:
        """Return which bars the user trusts, (n,)."""
        return self._trusted.covers(series.symbol, series.dates)

    def leave_out(self, ticker: str, dates: Dates, names: Iterable[str]) -> None:
        """Leave out some values of a ticker's bars on some days; the bars themselves if no values are named."""
        series = self.series[ticker]
        wrong = np.isin(series.dates, dates)
        blank: dict[str, Any] = {name: np.where(wrong, np.nan, getattr(series, name)) for name in names}
        self.series[ticker] = replace(series, **blank) if blank else series.take(~wrong)

    def calendar(self, *, crypto: bool) -> Dates:
        """Return the days on which assets of a kind should trade, from the first bar that was read to the last."""
        days = self.traded[crypto]
        if not len(days):
            return days
        first: dt.date = days[0].astype(object)
        last: dt.date = days[-1].astype(object)
        return calendar_days(first, last) if crypto else exchange_sessions(first, last)


def bars_of(panel: PricePanel, symbol: str) -> AssetSeries:
    """Return an asset's bars, including those whose close is infinite."""
    column = panel.column(symbol)
    rows = np.flatnonzero(~np.isnan(panel.close[:, column]))
    return AssetSeries(
        symbol=symbol,
        crypto=bool(panel.crypto[column]),
        dates=panel.dates[rows],
        **{
            name: array[rows, column]
            for name, array in ((name, getattr(panel, name)) for name in _VALUES)
            if array is not None
        },
    )
