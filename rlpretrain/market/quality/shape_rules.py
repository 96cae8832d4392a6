"""Rules about the shape of bars: prices that do not move, and ranges that nothing around them confirms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import AssetSeries, Floats
from rlpretrain.market.quality.moves import log_moves, typical_moves
from rlpretrain.market.quality.rule import Found

__all__ = [
    "STALE",
    "UNMOVING",
    "WIDE",
    "WILD",
    "WILD_SIGMAS",
    "one_price_bar",
    "stale_end",
    "unmoving_price",
    "wild_extremes",
]

Booleans = NDArray[np.bool_]

UNMOVING, STALE = 60, 10
"""Equal closes in a row after which a price is none, and those at the end that are named."""
WIDE = 0.1
"""Distance between high and low that contradicts a bar whose open and close are its high, or its low."""
WILD, WILD_SIGMAS = 0.1, 3.0
"""Distance of a high and of a low from everything around them, and the same in typical moves of the ticker."""


def unmoving_price(series: AssetSeries, trusted: Booleans) -> Found:
    """Find bars that repeat a close for so long that nobody can have traded at it."""
    run = _equal_closes(series)
    rows = np.flatnonzero((run > UNMOVING) & ~trusted)
    for part in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        if len(part):
            length, first = int(run[part[-1]]), series.dates[part[-1] - run[part[-1]] + 1]
            yield part, f"close {series.close[part[0]]:g} on {length:,} days in a row from {first}"


def stale_end(series: AssetSeries) -> Found:
    """Find a ticker whose last closes are all equal."""
    run = int(_equal_closes(series)[-1]) if len(series) else 0
    if run >= STALE:
        rows = np.arange(len(series) - run, len(series))
        yield rows, f"its last {run} closes are all {series.close[-1]:g}"


def one_price_bar(series: AssetSeries, trusted: Booleans) -> Found:
    """Find bars that open and close at one end of a wide range."""
    with np.errstate(divide="ignore", invalid="ignore"):
        wide = np.log(series.high / series.low) >= WIDE
    alike = np.isclose(series.open, series.close, rtol=1e-6, atol=0.0)
    top = np.isclose(series.open, series.high, rtol=1e-6, atol=0.0)
    bottom = np.isclose(series.open, series.low, rtol=1e-6, atol=0.0)
    for row in np.flatnonzero(wide & alike & (top | bottom) & ~trusted):
        end, other = ("high", "low") if top[row] else ("low", "high")
        yield (
            np.array([row]),
            f"open, {end} and close are {series.close[row]:g}, and the {other} is {getattr(series, other)[row]:g}",
        )


def wild_extremes(series: AssetSeries, trusted: Booleans) -> Found:
    """Find bars whose high and low are both far outside the bar's open and close and the bars around it."""
    if len(series) < 3:
        return
    tops = np.fmax(np.fmax(series.open, series.close), np.fmax(*_around(np.fmax(series.high, series.close))))
    bottoms = np.fmin(
        np.fmin(series.open, series.close), np.fmin(*_around(np.fmin(series.low, series.close)))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.log(np.fmin(series.high / tops, bottoms / series.low))
    far[[0, -1]] = 0.0  # A bar without one before it, or after it, stands beside nothing.
    doubted = np.flatnonzero((far >= WILD) & ~trusted)
    if not len(doubted):
        return
    typical = typical_moves(log_moves(series.close))
    for row in doubted[far[doubted] >= WILD_SIGMAS * typical[doubted]]:
        yield (
            np.array([row]),
            f"high {series.high[row]:g} and low {series.low[row]:g}, while all around is from {bottoms[row]:g} to "
            f"{tops[row]:g}",
        )


def _equal_closes(series: AssetSeries) -> NDArray[np.intp]:
    """Return how many bars up to each one have the same close and no range, (n,)."""
    with np.errstate(invalid="ignore"):
        still = (series.close == np.r_[np.nan, series.close[:-1]]) & ~(series.high > series.low)
    index = np.arange(len(series))
    return index - np.maximum.accumulate(np.where(still, 0, index)) + 1 if len(series) else index


def _around(values: Floats) -> tuple[Floats, Floats]:
    """Return the value of the bar before and of the bar after each bar, (n,) each."""
    return np.r_[np.nan, values[:-1]], np.r_[values[1:], np.nan]
