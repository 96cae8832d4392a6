"""Probability that choosing the best of several runs by their past is no better than drawing one by lot."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

__all__ = ["Overfitting", "overfitting"]

Floats = NDArray[np.float64]

_BLOCKS = 16
_SHORTEST_BLOCK = 10
"""Bars in a block; where 16 blocks would be shorter, there are fewer."""
_FEWEST_BLOCKS = 6


class Overfitting(BaseModel):
    """How a choice by one half of the days does on the other half."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probability: float
    """Share of splits in which the run with the best Sharpe ratio on one half is at most the median run of the other.
    Choosing among runs of equal worth gives about a half; choosing what lasts gives nearly zero."""
    runs: int
    splits: int
    blocks: int


def overfitting(returns: Floats) -> Overfitting | None:
    """Estimate the probability of backtest overfitting by combinatorially symmetric cross-validation.

    The days are cut into blocks of equal length. For every way to take half of the blocks, the run with the best Sharpe
    ratio on these is ranked on the others: Bailey, Borwein, López de Prado and Zhu, "The Probability of Backtest
    Overfitting", Journal of Computational Finance 20 (2017).

    Parameters
    ----------
    returns
        (m, k) net returns per bar of each run; the oldest bars that fill no block are left out.

    Returns
    -------
    Overfitting or None
        None where fewer than two runs differ, or there are fewer than 60 bars.
    """
    rows = np.unique(np.asarray(returns, dtype=np.float64), axis=1)
    blocks = min(_BLOCKS, len(rows) // _SHORTEST_BLOCK // 2 * 2)
    if rows.shape[1] < 2 or blocks < _FEWEST_BLOCKS:
        return None
    length = len(rows) // blocks
    parts = rows[-length * blocks :].reshape(blocks, length, -1)
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)
    chosen = list(combinations(range(blocks), blocks // 2))
    half = np.zeros((len(chosen), blocks))
    np.put_along_axis(half, np.array(chosen), 1.0, axis=1)
    past, future = (
        _ratios(taken @ sums, taken @ squares, length * blocks // 2) for taken in (half, 1 - half)
    )
    best = past.argmax(axis=1)[:, None]
    own = np.take_along_axis(future, best, axis=1)
    rank = (future < own).sum(axis=1) + ((future == own).sum(axis=1) + 1) / 2
    return Overfitting(
        probability=float(np.mean(rank <= (rows.shape[1] + 1) / 2)),
        runs=rows.shape[1],
        splits=len(chosen),
        blocks=blocks,
    )


def _ratios(sums: Floats, squares: Floats, bars: int) -> Floats:
    """Return Sharpe ratios per bar, rounded so that equal ones are ties; zero where the returns do not vary."""
    variance = (squares - sums**2 / bars) / (bars - 1)
    varies = variance > 1e-18
    ratio = np.where(varies, sums / bars, 0.0) / np.sqrt(np.where(varies, variance, 1.0))
    return np.asarray(np.round(ratio, 12), dtype=np.float64)
