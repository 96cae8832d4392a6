"""How far a close has moved, compared with what the ticker did before: nothing here knows a later day."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Floats

__all__ = ["RECENT", "largest_moves", "log_moves", "typical_moves", "unchanged_share"]

RECENT, YEAR = 20, 250
"""Bars before a bar that its move is compared with."""
_PRIOR_MOVE, _PRIOR_BARS = 0.02, 3
"""A typical daily move of 2 %, counted as three bars, where the ticker's own past is short or without a trade."""


def log_moves(close: Floats) -> Floats:
    """Return the logarithm of each close over the one before, (n,); NaN for the first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        moves: Floats = np.r_[np.full(min(len(close), 1), np.nan), np.diff(np.log(close))]
    return moves


def typical_moves(moves: Floats) -> Floats:
    """Return the root mean square of the moves before each bar, (n,): of 20 bars or of 250, whichever is greater."""
    typical: Floats = np.maximum(_root_mean_square(moves, RECENT), _root_mean_square(moves, YEAR))
    return typical


def largest_moves(moves: Floats) -> Floats:
    """Return the greatest absolute move of the 20 bars before each bar, (n,); 0 where there are none."""
    largest: Floats = _before(np.abs(np.nan_to_num(moves)), 0.0).max(axis=1)
    return largest


def unchanged_share(moves: Floats) -> Floats:
    """Return the share of the 20 bars before each bar whose close was that of the bar before, (n,)."""
    known = np.clip(np.arange(len(moves)) - 1, 1, RECENT)
    share: Floats = _before(moves == 0, False).sum(axis=1) / known
    return share


def _before(values: NDArray[Any], blank: float) -> NDArray[Any]:
    """Return the 20 values before each one, (n, 20)."""
    padded = np.r_[np.full(RECENT, blank), values]
    return np.lib.stride_tricks.sliding_window_view(padded, RECENT)[: len(values)]


def _root_mean_square(moves: Floats, window: int) -> Floats:
    squares = np.r_[0.0, np.cumsum(np.nan_to_num(moves) ** 2)]
    bar = np.arange(len(moves))
    total = squares[bar] - squares[np.maximum(bar - window, 0)]
    count = np.clip(bar - 1, 0, window)
    typical: Floats = np.sqrt((np.maximum(total, 0.0) + _PRIOR_BARS * _PRIOR_MOVE**2) / (count + _PRIOR_BARS))
    return typical
