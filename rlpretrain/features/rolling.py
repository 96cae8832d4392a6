"""Rolling statistics that depend on the past alone, whatever follows: equal prefixes give equal bits.

All take (n,) and give (n,), NaN until the window is full. Pandas' rolling sums are compensated, so that a window's
value does not suffer from numbers long gone; TA-Lib's plain running sums do when a price falls by orders of magnitude.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from rlpretrain.market import Floats

__all__ = ["correlation", "deviation", "highest", "lagged", "lowest", "mean", "skewness", "streak"]


def _window(values: Floats, days: int) -> pd.api.typing.Rolling[pd.Series[float]]:
    return pd.Series(values).rolling(days)


def mean(values: Floats, days: int) -> Floats:
    """Arithmetic mean."""
    return _window(values, days).mean().to_numpy()


def deviation(values: Floats, days: int) -> Floats:
    """Standard deviation (ddof 1)."""
    return _window(values, days).std().to_numpy()


def highest(values: Floats, days: int) -> Floats:
    """Maximum."""
    return _window(values, days).max().to_numpy()


def lowest(values: Floats, days: int) -> Floats:
    """Minimum."""
    return _window(values, days).min().to_numpy()


def skewness(values: Floats, days: int) -> Floats:
    """Unbiased skewness."""
    return _window(values, days).skew().to_numpy()


def correlation(left: Floats, right: Floats, days: int) -> Floats:
    """Pearson's correlation of two series."""
    return _window(left, days).corr(pd.Series(right)).to_numpy()


def lagged(values: Floats, days: int) -> Floats:
    """The value `days` before; NaN where there is none."""
    earlier = np.full(len(values), np.nan)
    if days < len(values):
        earlier[days:] = values[: len(values) - days]
    return earlier


def streak(changes: Floats) -> Floats:
    """Count of the last changes with one sign, signed; zero after no change."""
    sign = np.sign(np.nan_to_num(changes))
    rows = np.arange(len(sign))
    turned = np.concatenate(([True], sign[1:] != sign[:-1])) if len(sign) else np.zeros(0, dtype=bool)
    started = np.maximum.accumulate(np.where(turned, rows, 0))
    return np.asarray(sign * (rows - started + 1), dtype=np.float64)
