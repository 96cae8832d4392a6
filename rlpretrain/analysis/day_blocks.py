"""How long blocks of days must be for a bootstrap to preserve what returns of neighbouring days have in common."""

from __future__ import annotations

import math

import numpy as np
from arch.bootstrap import optimal_block_length
from numpy.typing import NDArray

__all__ = ["day_block_length"]


def day_block_length(returns: NDArray[np.float64]) -> int:
    """Return the days in a block that preserves the dependence of returns and of their squares.

    The longer of Politis and White's automatic lengths (corrected 2009) over all columns, at least 1 and at
    most a tenth of the days.

    Parameters
    ----------
    returns
        (m, k) return series on the same days.
    """
    columns = np.hstack([returns, returns**2])
    columns = columns[:, columns.std(axis=0) > 1e-12]
    if not columns.size:
        return 1
    longest = float(optimal_block_length(columns)["circular"].max())
    return max(1, min(math.ceil(longest), len(returns) // 10))
