"""Rules about single bars whose values cannot be true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import AssetSeries, Floats
from rlpretrain.market.quality.rule import Found

__all__ = [
    "HIGHEST",
    "LOWEST",
    "ROUNDING",
    "broken_range",
    "close_outside_range",
    "impossible_close",
    "impossible_range",
    "impossible_volume",
]

LOWEST, HIGHEST = 1e-12, 1e15
"""Adjusted prices are within: UVXY's adjusted closes begin at 5e11, and some coins cost 1e-9 dollars."""
ROUNDING = 0.001
"""Relative difference that rounding of adjusted prices may cause."""


def impossible_close(series: AssetSeries) -> Found:
    """Find closes that are no price."""
    yield from _named(_no_price(series.close), series, "close")


def impossible_range(series: AssetSeries) -> Found:
    """Find opens, highs and lows that are no price."""
    wrong = {name: _no_price(getattr(series, name)) for name in ("open", "high", "low")}
    rows = np.flatnonzero(np.logical_or.reduce(list(wrong.values())))
    if len(rows):
        first = rows[0]
        values = [f"{name} {getattr(series, name)[first]:g}" for name in wrong if wrong[name][first]]
        yield rows, f"{' and '.join(values)} on {series.dates[first]}{_others(rows)}"


def close_outside_range(series: AssetSeries) -> Found:
    """Find closes outside the bar's own high and low, whichever of the two is greater."""
    top, bottom = np.fmax(series.high, series.low), np.fmin(series.high, series.low)
    outside = (series.close > top * (1 + ROUNDING)) | (series.close < bottom * (1 - ROUNDING))
    rows = np.flatnonzero(outside)
    if len(rows):
        first = rows[0]
        yield (
            rows,
            f"close {series.close[first]:g} on {series.dates[first]} is outside {bottom[first]:g} to {top[first]:g}"
            f"{_others(rows)}",
        )


def broken_range(series: AssetSeries) -> Found:
    """Find highs below their lows, and opens outside both."""
    swapped = series.high < series.low * (1 - ROUNDING)
    opened = (series.open > series.high * (1 + ROUNDING)) | (series.open < series.low * (1 - ROUNDING))
    rows = np.flatnonzero(swapped | opened)
    if len(rows):
        first = rows[0]
        bar = f"open {series.open[first]:g}, high {series.high[first]:g}, low {series.low[first]:g}"
        what = "high is below low" if swapped[first] else "open is outside high and low"
        yield rows, f"{what} on {series.dates[first]} ({bar}){_others(rows)}"


def impossible_volume(series: AssetSeries) -> Found:
    """Find volumes that are negative or infinite."""
    yield from _named((series.volume < 0) | np.isinf(series.volume), series, "volume")


def _no_price(values: Floats) -> NDArray[np.bool_]:
    return (values < LOWEST) | (values > HIGHEST)


def _named(wrong: NDArray[np.bool_], series: AssetSeries, name: str) -> Found:
    rows = np.flatnonzero(wrong)
    if len(rows):
        first = rows[0]
        yield rows, f"{name} {getattr(series, name)[first]:g} on {series.dates[first]}{_others(rows)}"


def _others(rows: NDArray[np.intp]) -> str:
    return f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""
