"""Expected returns that follow conditions on other assets, in hidden times in which each of them holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.conditions import CONDITIONS, Condition, Reading
from rlpretrain.market.generated.assets import MIRROR
from rlpretrain.market.generated.streams import stream
from rlpretrain.market.panel import Floats

__all__ = ["amplitude", "condition_states", "drawn_conditions", "group_pull", "times_of_holding"]

Closes = Callable[[str], Floats]
"""Returns an asset's close on each session."""

_HOLDING, _RESTING = 250.0, 125.0
"""Mean length of the times in which a condition holds and in which it does not, sessions."""
_DRAWN = 2
"""Conditions of a group that hold in one world."""


def drawn_conditions(seed: int, group: str) -> tuple[Condition, ...]:
    """Draw the conditions of a group that hold in one world at some time; the others of the table never do."""
    known = [condition for condition in CONDITIONS if condition.group == group]
    if not known:
        return ()
    chosen = stream(seed, "conditions", group).permutation(len(known))[:_DRAWN]
    return tuple(known[i] for i in sorted(chosen))


def times_of_holding(seed: int, condition: Condition, sessions: int) -> NDArray[np.bool_]:
    """Draw on which sessions a condition holds, (sessions,): times of holding and of resting alternate."""
    rng = stream(seed, "holding", condition.name)
    holds = bool(rng.random() < _HOLDING / (_HOLDING + _RESTING))
    path: list[NDArray[np.bool_]] = []
    drawn = 0
    while drawn < sessions:
        stay = int(rng.geometric(1 / (_HOLDING if holds else _RESTING)))
        path.append(np.full(stay, holds))
        drawn += stay
        holds = not holds
    return np.concatenate(path)[:sessions]


def condition_states(condition: Condition, closes: Closes) -> Floats:
    """Return at each close the sign of the return that a condition promises, and 0 while its windows are not full."""
    left = _values(condition.left, closes)
    right = _values(condition.right, closes) if isinstance(condition.right, Reading) else condition.right
    state = np.where(left > right, 1.0, -1.0)
    return np.asarray(condition.sign * np.where(np.isfinite(left) & np.isfinite(right), state, 0.0))


def _values(reading: Reading, closes: Closes) -> Floats:
    import talib

    close, window = closes(reading.ticker), reading.window
    if reading.function == "rsi":
        return np.asarray(talib.RSI(close, window))
    if reading.function == "average":
        return np.asarray(talib.SMA(close, window))
    if reading.function == "return":
        return np.asarray(talib.ROCP(close, window))
    return close


def group_pull(seed: int, group: str, sessions: int, closes: Closes) -> Floats:
    """Return what the conditions that hold say at each session's close about a group, (sessions,): -2 to 2.

    Each of the two that the world drew counts 1 or -1 while it holds. A group without conditions gets zeros.
    """
    if group in MIRROR:
        return -group_pull(seed, MIRROR[group], sessions, closes)
    pull = np.zeros(sessions)
    for condition in drawn_conditions(seed, group):
        pull += condition_states(condition, closes) * times_of_holding(seed, condition, sessions)
    return pull


def amplitude(strength: float, year: int) -> float:
    """Compute the expected daily return for a pull of 1, in daily standard deviations of the asset.

    Let p be the pull and e noise of variance 1. Who follows the sign of p, and holds nothing where it is 0, earns
    c |p| + e on the days with a pull, with mean c m1 and variance q + c^2 (m2 - m1^2), where q = P(p != 0),
    m1 = E|p| and m2 = E p^2. The c returned makes mean over deviation the `strength` divided by sqrt(year).

    Two conditions hold a share h of the time each; they are taken to be independent and true on half of the days,
    which they are but for small correlations of the assets that they read.
    """
    held = _HOLDING / (_HOLDING + _RESTING)
    one, two = 2 * held * (1 - held), held**2  # Shares of the time in which one holds and in which both do.
    pulled, size, square = one + two / 2, one + two, one + 2 * two
    daily = strength / np.sqrt(year)
    return float(daily * np.sqrt(pulled / (size**2 - daily**2 * (square - size**2))))
