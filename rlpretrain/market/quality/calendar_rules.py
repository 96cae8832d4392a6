"""Rules about days: rows on days on which nothing trades, and days on which a bar is missing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rlpretrain.market.calendars import is_session
from rlpretrain.market.panel import AssetSeries, Dates
from rlpretrain.market.quality.prices import Prices
from rlpretrain.market.quality.rule import Found, Suspicion

__all__ = ["EARLY", "closed_exchange", "early_end", "holes", "missing_sessions"]

EARLY = 10
"""Days that a ticker may end before the others without being named: holidays of a vendor, late files."""


def closed_exchange(series: AssetSeries) -> Found:
    """Find an equity's rows on days on which the exchange is shut."""
    if series.crypto:
        return
    rows = np.flatnonzero(~is_session(series.dates))
    if len(rows):
        day = series.dates[rows[0]].astype(object)
        yield rows, f"{_counted(len(rows), 'row')} on days without a session, the first a {day:%A}"


def holes(prices: Prices) -> Iterable[Suspicion]:
    """Find the days that a ticker lacked when it was read, between its first bar and its last, and another one had."""
    for crypto in (False, True):
        calendar = prices.calendar(crypto=crypto)
        calendar = calendar[np.isin(calendar, prices.traded[crypto], assume_unique=True)]
        for ticker, series in prices.series.items():
            read = prices.read[ticker]
            if series.crypto == crypto and len(read):
                first, stop = np.searchsorted(calendar, [read[0], read[-1] + 1])
                life = calendar[first:stop]
                lacking = (
                    life[~np.isin(life, read, assume_unique=True)] if len(life) != len(read) else life[:0]
                )
                if len(lacking):
                    longest, start = _longest_run(lacking, life)
                    yield Suspicion(
                        ticker=ticker,
                        dates=lacking,
                        detail=f"{_counted(len(lacking), 'day')} missing, at most {longest} in a row from {start}",
                    )


def missing_sessions(prices: Prices) -> Iterable[Suspicion]:
    """Find the sessions that all equities lack, and the calendar days that all crypto assets lack."""
    for crypto, what in ((False, "equities"), (True, "crypto assets")):
        calendar = prices.calendar(crypto=crypto)
        lacking = calendar[~np.isin(calendar, prices.traded[crypto])]
        if len(lacking):
            some = ", ".join(str(day) for day in lacking[:5])
            yield Suspicion(
                ticker="",
                dates=lacking,
                detail=f"{_counted(len(lacking), 'trading day')} that all {what} lack: {some}"
                + (", ..." if len(lacking) > 5 else ""),
            )


def early_end(prices: Prices) -> Iterable[Suspicion]:
    """Find tickers whose last bar comes long before the last one of any of their kind."""
    for crypto in (False, True):
        calendar = prices.calendar(crypto=crypto)
        for ticker, series in prices.series.items():
            read = prices.read[ticker]
            if series.crypto == crypto and len(read):
                after = len(calendar) - int(np.searchsorted(calendar, read[-1], side="right"))
                if after > EARLY:
                    detail = f"its last bar is {after:,} trading days before {calendar[-1]}, the last of all"
                    yield Suspicion(ticker=ticker, dates=read[-1:], detail=detail)


def _longest_run(lacking: Dates, days: Dates) -> tuple[int, np.datetime64]:
    """Return the length of the longest run of missing days, and its first day."""
    place = np.searchsorted(days, lacking)
    starts = np.flatnonzero(np.r_[True, np.diff(place) > 1])
    lengths = np.diff(np.r_[starts, len(place)])
    longest = int(lengths.argmax())
    return int(lengths[longest]), lacking[starts[longest]]


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
