"""The consensus on one asset: when it buys and sells, how certain it is, and what following it earned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rlpretrain.market import Floats
from rlpretrain.patterns.decisions.pattern_set import BUY, HOLD, SELL

__all__ = ["LABEL_SCALE", "Outcome", "act_probability", "actions", "outcomes", "stances"]

LABEL_SCALE = 0.25
"""Trailing deviations that move the log-odds of acting by one."""


def stances(relative: Floats, *, buy_level: float, sell_level: float) -> NDArray[np.bool_]:
    """Return the stance that the consensus takes at each close: True is long.

    It buys when `relative` is above `buy_level`, sells when it is below `sell_level`, and otherwise keeps
    its stance. It starts flat.

    Parameters
    ----------
    relative
        (n,) the share of holders, in trailing deviations; see `rlpretrain.features.VIEWS`.
    """
    vote = np.where(relative > buy_level, 1, np.where(relative < sell_level, 0, -1))
    last = np.maximum.accumulate(np.where(vote >= 0, np.arange(len(vote)), -1))
    return np.asarray((last >= 0) & (vote[np.maximum(last, 0)] == 1))


def act_probability(
    relative: Floats, in_position: NDArray[np.bool_], *, buy_level: float, sell_level: float
) -> Floats:
    """Return the probability that the consensus acts: buys when flat, sells when in position.

    It is a logistic curve around the level, ``1 / (1 + exp(-distance / LABEL_SCALE))``, with the distance past
    the level in trailing deviations: one half at the level, 0.73 one `LABEL_SCALE` beyond it.
    """
    distance = np.where(in_position, sell_level - relative, relative - buy_level)
    return expit(distance / LABEL_SCALE)


def actions(probability: Floats, in_position: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Return the more probable action; hold at one half."""
    acts = np.where(in_position, SELL, BUY)
    return np.where(probability > 0.5, acts, HOLD).astype(np.int8)


@dataclass(frozen=True)
class Outcome:
    """Outcome of a decision at each close, (n,) each."""

    reward: Floats
    """Net gain of the stance taken over the opposite one, fraction of the equity at the decision's close."""
    value: Floats
    """Net return of the stance taken from the decision's close on, fraction."""
    settled: NDArray[np.intp]
    """Bar at whose close both are known; a row beyond the last bar where they are not known yet."""


def outcomes(
    relative: Floats,
    long: NDArray[np.bool_],
    in_position: NDArray[np.bool_],
    close: Floats,
    fill: Floats,
    *,
    buy_level: float,
    sell_level: float,
    max_holding_days: int,
    cost: float,
) -> Outcome:
    """Compute the outcome of the decision at each close.

    A stance lasts until the first later close at which the consensus would leave it, for at most
    `max_holding_days` bars; a position is then sold. Both the stance and its opposite are followed to the same end:

    ========  ==========================================  ==========================================
    from      long                                        flat
    ========  ==========================================  ==========================================
    flat      ``(1 - cost)^2 x exit / entry``             1
    position  ``(1 - cost) x exit / close``               ``(1 - cost) x entry / close``
    ========  ==========================================  ==========================================

    Here entry is the fill of this close's decision and exit the fill of the last close's; a position earns
    the move from the close to the fill whatever is decided. `value` is the table's figure for the stance taken
    minus one, `reward` that figure minus the other stance's.

    Parameters
    ----------
    relative, close, fill
        (n,) consensus, close and fill price of each bar; ``fill[t + 1]`` fills the decision of close t.
    long
        (n,) the stance taken at each close.
    in_position
        (n,) whether it was taken from a position.
    cost
        Cost of each side, as a fraction of the amount traded.
    """
    n = len(relative)
    bars = np.arange(n)
    leaves_long = _next_after(relative < sell_level)
    leaves_flat = _next_after(relative > buy_level)
    end = np.minimum(np.where(long, leaves_long, leaves_flat), bars + max_holding_days)
    settled = end + 1
    entry = fill[np.minimum(bars + 1, n - 1)]
    exit_ = fill[np.minimum(settled, n - 1)]
    kept = 1.0 - cost
    if_long = np.where(in_position, kept * exit_ / close, kept**2 * exit_ / entry)
    if_flat = np.where(in_position, kept * entry / close, 1.0)
    taken, opposite = np.where(long, if_long, if_flat), np.where(long, if_flat, if_long)
    return Outcome(reward=taken - opposite, value=taken - 1.0, settled=settled)


def _next_after(event: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return for each row the first later row on which `event` is true, or a row beyond the end if there is none."""
    n = len(event)
    never = 2 * n
    first = np.minimum.accumulate(np.where(event, np.arange(n), never)[::-1])[::-1]
    return np.append(first[1:], never)[:n]
