"""Rolling statistics that depend on the past alone: equal prefixes give bitwise equal results.

All take (n,) and return (n,), NaN until the window is full. Pandas compensates its rolling sums, so that
numbers which have left the window do not distort its value, as they do TA-Lib's plain running sums when a price
falls by orders of magnitude.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rlpretrain.market import Floats

__all__ = ["correlation", "deviation", "highest", "lagged", "lowest", "mean", "skewness", "streak"]


def _array(values: pd.Series[float]) -> Floats:
    return np.asarray(values, dtype=np.float64)


def mean(values: Floats, days: int) -> Floats:
    """Compute the arithmetic mean."""
    return _array(pd.Series(values).rolling(days).mean())


def deviation(values: Floats, days: int) -> Floats:
    """Compute the standard deviation (ddof 1)."""
    return _array(pd.Series(values).rolling(days).std())


def highest(values: Floats, days: int) -> Floats:
    """Compute the maximum."""
    return _array(pd.Series(values).rolling(days).max())


def lowest(values: Floats, days: int) -> Floats:
    """Compute the minimum."""
    return _array(pd.Series(values).rolling(days).min())


def skewness(values: Floats, days: int) -> Floats:
    """Compute the unbiased skewness."""
    return _array(pd.Series(values).rolling(days).skew())


def correlation(left: Floats, right: Floats, days: int) -> Floats:
    """Compute Pearson's correlation of two series."""
    return _array(pd.Series(left).rolling(days).corr(pd.Series(right)))


def lagged(values: Floats, days: int) -> Floats:
    """Return the value `days` before; NaN where there is none."""
    earlier = np.full(len(values), np.nan)
    if days < len(values):
        earlier[days:] = values[: len(values) - days]
    return earlier


def streak(changes: Floats) -> Floats:
    """Count the latest changes in a row with one sign, and give the count that sign; zero after no change."""
    sign = np.sign(np.nan_to_num(changes))
    rows = np.arange(len(sign))
    turned = np.concatenate(([True], sign[1:] != sign[:-1])) if len(sign) else np.zeros(0, dtype=bool)
    started = np.maximum.accumulate(np.where(turned, rows, 0))
    return np.asarray(sign * (rows - started + 1), dtype=np.float64)
