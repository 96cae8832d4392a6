"""Computing the weights held after each close from those that the tree wants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Dates, Floats
from rlpretrain.symphony.compiled import compiled
from rlpretrain.symphony.nodes import Rebalance

__all__ = ["apply_rebalancing", "carry_scores", "period_starts"]


def period_starts(dates: Dates, rebalance: Rebalance) -> NDArray[np.bool_]:
    """Mark the first trading day of each period (D,); the calendar's first day starts a period."""
    match rebalance:
        case "daily":
            period = dates.astype("datetime64[D]").astype(np.int64)
        case "weekly":
            # Day 0 was a Thursday; weeks begin on Monday.
            period = (dates.astype("datetime64[D]").astype(np.int64) + 3) // 7
        case "monthly":
            period = dates.astype("datetime64[M]").astype(np.int64)
        case "quarterly":
            period = dates.astype("datetime64[M]").astype(np.int64) // 3
        case "yearly":
            period = dates.astype("datetime64[Y]").astype(np.int64)
        case "none":
            period = np.zeros(len(dates), np.int64)
    return np.concatenate([[True], period[1:] != period[:-1]])


def apply_rebalancing(
    wanted: Floats, closes: Floats, due: NDArray[np.bool_], corridor: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Compute weights that drift with the market and return to the wanted ones when that is due.

    Parameters
    ----------
    wanted
        Weights that the tree decides at each close (D, n); the rest up to 1 is cash.
    closes
        Adjusted closes (D, n); NaN, which only occurs for assets not held, counts as no return.
    due
        Days on which weights are reset whatever the drift (D,).
    corridor
        Absolute weight by which a holding may drift from its wanted weight without a trade.

    Returns
    -------
    Weights held after each close (D, n), and the days on which they were reset to the wanted ones (D,).
    """
    if due.all():
        return wanted, np.ones(len(wanted), np.bool_)
    returns = np.zeros_like(closes)
    returns[1:] = np.nan_to_num(closes[1:] / closes[:-1] - 1.0)
    held, rebalanced = _drift(wanted, returns, due, corridor)
    return held, rebalanced


def carry_scores(
    scores: NDArray[np.float32], wanted: Floats, targets: Floats, rebalanced: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Carry each holding's scores forward from the last rebalance, in proportion to its drifted weight."""
    if rebalanced.all():
        return scores
    days = np.arange(len(wanted))
    last = np.maximum.accumulate(np.where(rebalanced, days, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(wanted[last] > 0, targets / wanted[last], 0.0)
    return scores[last] * ratio[:, :, None].astype(np.float32)


@compiled
def _drift(
    wanted: Floats, returns: Floats, due: NDArray[np.bool_], corridor: float
) -> tuple[Floats, NDArray[np.bool_]]:
    days, assets = wanted.shape
    held = wanted.copy()
    rebalanced = np.ones(days, np.bool_)
    for t in range(1, days):
        growth = 1.0
        for i in range(assets):
            growth += held[t - 1, i] * returns[t, i]
        farthest = 0.0
        for i in range(assets):
            weight = held[t - 1, i] * (1.0 + returns[t, i]) / growth
            farthest = max(farthest, abs(weight - wanted[t, i]))
            held[t, i] = weight
        if due[t] or farthest > corridor:
            held[t] = wanted[t]
        else:
            rebalanced[t] = False
    return held, rebalanced
