"""The accounting of all environments: positions, costs and growth of many independent books at once, or of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.features import position_features
from rlpretrain.market import Floats
from rlpretrain.patterns.decisions.pattern_set import BUY, SELL

__all__ = ["Book", "ScalarBook", "Step", "fill", "next_position"]


def next_position(action: NDArray[np.integer], held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether each book is long after an action: 0 hold, 1 buy, 2 sell."""
    return np.asarray((action == BUY) | (held & (action != SELL)))


def _earned(held: NDArray[np.bool_], growth: Floats) -> Floats:
    """Return the growth where the asset is held, and 1 elsewhere.

    The same to the last digit as `numpy.where`, which branches at each element and is many times slower where positions
    follow no pattern.
    """
    return np.asarray(held * growth + ~held)


@dataclass(frozen=True)
class Step:
    """Effect of one bar on each book; all arrays are (n,)."""

    growth: Floats
    """Equity at the bar's close over equity at the previous close, net of costs."""
    cost: Floats
    """Cost paid, as a fraction of the equity at the fill."""
    traded: NDArray[np.bool_]


def fill(
    held: NDArray[np.bool_], target: NDArray[np.bool_], before: Floats, after: Floats, cost: Floats | float
) -> Step:
    """Return the effect of bars within which positions `held` become `target`.

    Parameters
    ----------
    held, target
        (n,) whether the position is long before and after the fill.
    before, after
        (n,) growth of the asset up to the fill and from the fill to the close.
    cost
        Fraction of the amount traded, on each side.
    """
    traded = target != held
    paid = traded * cost
    growth = _earned(held, before) * (1.0 - paid) * _earned(target, after)
    return Step(growth=growth, cost=paid, traded=traded)


class Book:
    """Long-or-flat positions in one asset each.

    A position is all of the equity or none of it. Buying while long and selling while flat change nothing.

    Parameters
    ----------
    size
        Number of books.
    """

    def __init__(self, size: int) -> None:
        self.long = np.zeros(size, dtype=bool)
        self.since_entry = np.ones(size)
        """Growth of the asset since the fill that opened the position; 1 when flat."""
        self.bars_held = np.zeros(size, dtype=np.int64)
        """Closes since the decision to buy; 0 when flat."""

    def step(self, action: NDArray[np.integer], before: Floats, after: Floats, cost: Floats | float) -> Step:
        """Fill the decisions of the last close within this bar, and advance to its close.

        Parameters
        ----------
        action
            (n,) 0 hold, 1 buy, 2 sell, decided at the previous close.
        before, after
            (n,) growth of the asset up to the fill and from the fill to the close.
        cost
            Fraction of the amount traded, on each side.
        """
        target = next_position(action, self.long)
        step = fill(self.long, target, before, after, cost)
        self.move(target, before, after)
        return step

    def move(self, target: NDArray[np.bool_], before: Floats, after: Floats) -> None:
        """Change to positions within this bar, and advance to its close.

        Parameters
        ----------
        target
            (n,) whether the position is long after the fill.
        before, after
            (n,) growth of the asset up to the fill and from the fill to the close.
        """
        # Before an entry there is no growth, and 1 times the growth after the fill remains.
        grown = self.since_entry * _earned(self.long, before) * after
        self.since_entry = _earned(target, grown)
        self.bars_held = (self.bars_held + 1) * target
        self.long = target

    def features(self) -> NDArray[np.float32]:
        """Return the (n, 3) position part of the state vector, as known at this close."""
        return position_features(self.long, self.since_entry - 1.0, self.bars_held)


class ScalarBook:
    """One `Book` of size one in plain numbers, to the last digit: numpy takes longer to be called than to compute."""

    __slots__ = ("bars_held", "long", "since_entry")

    def __init__(self) -> None:
        self.long = False
        self.since_entry = 1.0
        self.bars_held = 0

    def step(self, action: int, before: float, after: float, cost: float) -> tuple[float, float]:
        """Do what `Book.step` does; return the growth of the equity, and the cost paid."""
        held = self.long
        target = action == BUY or (held and action != SELL)
        paid = cost if target != held else 0.0
        growth = before if held else 1.0
        if target:
            self.since_entry *= growth
            self.since_entry *= after
            self.bars_held += 1
            growth *= 1.0 - paid
            growth *= after
        else:
            self.since_entry, self.bars_held = 1.0, 0
            growth *= 1.0 - paid
        self.long = target
        return growth, paid
