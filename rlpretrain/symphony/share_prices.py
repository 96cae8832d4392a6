"""The price of one share, which decides how many whole shares a sum of money buys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Floats, PricePanel

__all__ = ["share_price_factor"]

_SMALLEST_SPLIT = 1.2
"""A step of the quoted price against the adjusted one by more than this factor, up or down, is a split; a smaller one
is a dividend."""


def share_price_factor(panel: PricePanel, ticker: str, rows: NDArray[np.intp]) -> Floats:
    """Return for some rows of the panel what its adjusted price is multiplied by to undo dividends, but not splits.

    Composer's backtest counts shares at prices that are adjusted for splits alone, those that came later included. They
    can be derived only where the panel knows the quoted closes too. Elsewhere the factor is 1: the share is then too
    cheap by the dividends paid since, a few percent a year for most funds.

    A factor depends on later dividends, as the adjusted price does; their product does not. It does depend on later
    splits, so share counts may serve a comparison with Composer's backtest, but nothing that is learned.
    """
    if panel.raw_close is None:
        return np.ones(len(rows))
    column = panel.column(ticker)
    ratio = panel.raw_close[:, column] / panel.close[:, column]
    known = np.flatnonzero(np.isfinite(ratio) & (ratio > 0))
    if not len(known):
        return np.ones(len(rows))
    steps = ratio[known] / np.append(ratio[known[1:]], 1.0)
    split = np.maximum(steps, 1.0 / steps) > _SMALLEST_SPLIT
    factor = np.cumprod(np.where(split, 1.0, steps)[::-1])[::-1]
    at = np.searchsorted(known, rows, side="right") - 1
    return np.asarray(factor[np.maximum(at, 0)])
