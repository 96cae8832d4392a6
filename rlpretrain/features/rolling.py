"""Rolling statistics that depend on the past alone, whatever follows: equal prefixes give equal bits.

All take (n,) and give (n,), NaN until the window is full. Pandas' rolling sums are compensated, so that a
window's value does not suffer from numbers long gone; TA-Lib's plain running sums do when a price falls by
orders of magnitude.
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
    """Find the maximum."""
    return _array(pd.Series(values).rolling(days).max())


def lowest(values: Floats, days: int) -> Floats:
    """Find the minimum."""
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
    """Count the last changes with one sign, signed; zero after no change."""
    sign = np.sign(np.nan_to_num(changes))
    rows = np.arange(len(sign))
    turned = np.concatenate(([True], sign[1:] != sign[:-1])) if len(sign) else np.zeros(0, dtype=bool)
    started = np.maximum.accumulate(np.where(turned, rows, 0))
    return np.asarray(sign * (rows - started + 1), dtype=np.float64)
