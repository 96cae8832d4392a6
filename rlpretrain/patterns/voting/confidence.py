"""How far a decision can be trusted, judged by what was known at the time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Floats

__all__ = ["confidence"]

_SKILL, _BREADTH, _CLEAN = 0.6, 0.3, 0.1
"""Weights of the three parts; they sum to one."""
_HALF_BREADTH = 1.0
"""Effective number of independent strategies at which breadth is one half."""


def confidence(
    *,
    count: NDArray[np.int32],
    skill: Floats,
    clean: Floats,
    firm: Floats,
    independence: Floats,
) -> Floats:
    """Return the confidence in [0, 1] in a stance that some strategies agree on.

    ``firm (0.6 skill + 0.3 breadth + 0.1 clean)`` with

    - *skill*: how much better than chance their records look, ``2 (PSR - 1/2)`` of their mean probabilistic
      Sharpe ratio to date, not below zero;
    - *breadth*: ``m / (m + 1)`` with m the effective number of independent strategies among them;
    - *clean*: the share of them whose authors could not know this day, because they were last edited before it;
    - *firm*: the mean probability that the noise of prices would not have turned the nearest of their decisions, so
      that a vote at a hair's breadth is worth less.

    It is zero where no strategy agrees.

    Parameters
    ----------
    count, skill, clean, firm
        Figures of the side that agrees, see `rlpretrain.patterns.voting.tally.Side`; any common shape.
    independence
        Effective number of independent strategies over their number.
    """
    effective = np.where(count > 0, np.maximum(count * independence, 1.0), 0.0)
    breadth = effective / (effective + _HALF_BREADTH)
    known = _SKILL * np.maximum(2.0 * skill - 1.0, 0.0) + _BREADTH * breadth + _CLEAN * clean
    return np.where(count > 0, np.clip(firm * known, 0.0, 1.0), 0.0)
