"""Spearman's rank correlation of many pairs of rows, some of whose values are unknown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["MIN_RANKED", "rank_correlation"]

MIN_RANKED = 4
"""Minimum number of columns for a rank correlation."""

Floats = NDArray[np.float64]


def rank_correlation(first: Floats, second: Floats) -> Floats:
    """Return Spearman's correlation of each row of two tables over the columns that are finite in both."""
    found = np.full(len(first), np.nan)
    for row, (one, other) in enumerate(zip(first, second, strict=True)):
        both = np.isfinite(one) & np.isfinite(other)
        if both.sum() >= MIN_RANKED:
            a, b = (rankdata(values[both]) - (both.sum() + 1) / 2 for values in (one, other))
            spread = np.sqrt((a @ a) * (b @ b))
            found[row] = a @ b / spread if spread > 0 else np.nan
    return found
