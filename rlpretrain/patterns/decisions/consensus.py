"""A stance on one asset: when it is bought and sold, and what following it earned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Floats
from rlpretrain.patterns.decisions.pattern_set import BUY, HOLD, SELL

__all__ = ["Outcome", "actions", "follow", "outcomes", "stances"]


def stances(relative: Floats, *, buy_level: float, sell_level: float) -> NDArray[np.bool_]:
    """Return the stance that the consensus takes at each close: True is long.

    It buys when `relative` is above `buy_level`, sells when it is below `sell_level`, and otherwise keeps
    its stance. It starts flat.

    Parameters
    ----------
    relative
        (n,) the share of holders, in trailing deviations; see `rlpretrain.features.VIEWS`.
    """
    return follow(relative > buy_level, relative < sell_level)


def follow(buys: NDArray[np.bool_], sells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the stance after each close, (n,), of a trader who starts flat: True is long.

    Parameters
    ----------
    buys, sells
        (n,) closes at which the trader buys if flat, and sells if in position.
    """
    vote = np.where(buys, 1, np.where(sells, 0, -1))
    last = np.maximum.accumulate(np.where(vote >= 0, np.arange(len(vote)), -1))
    return np.asarray((last >= 0) & (vote[np.maximum(last, 0)] == 1))


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
    long: NDArray[np.bool_],
    in_position: NDArray[np.bool_],
    close: Floats,
    fill: Floats,
    *,
    buys: NDArray[np.bool_],
    sells: NDArray[np.bool_],
    max_holding_days: int,
    cost: float,
) -> Outcome:
    """Compute the outcome of the decision at each close.

    A stance lasts until the first later close that would end it, for at most `max_holding_days` bars; a position is
    then sold. Both the stance and its opposite are followed to the same end:

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
    long
        (n,) the stance taken at each close.
    in_position
        (n,) whether it was taken from a position.
    close, fill
        (n,) close and fill price of each bar; ``fill[t + 1]`` fills the decision of close t.
    buys, sells
        (n,) closes that end being flat, and closes that end being long.
    cost
        Cost of each side, as a fraction of the amount traded.
    """
    n = len(close)
    bars = np.arange(n)
    leaves_long = _next_after(sells)
    leaves_flat = _next_after(buys)
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
