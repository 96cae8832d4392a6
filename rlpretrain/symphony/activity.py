"""How often, and with how much of the money, each node of a symphony was active."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.nodes import Asset, Empty, Symphony
from rlpretrain.symphony.portions import Portion
from rlpretrain.symphony.replay import Replay

__all__ = ["Activity", "ActivityCounter", "visit_counts"]


@dataclass(frozen=True)
class Activity:
    """How much of the time, and with how much of the money, each node was active.

    A node has a row for every place where it occurs, in the order of the walk from the root, parents first:
    see `visit_counts`.
    """

    replay: Replay
    days: Floats
    """(V,) share of the days on which the node had a part of the portfolio."""
    weight: Floats
    """(V,) mean weight over all days, as decided at the last rebalance, without later drift."""


class ActivityCounter:
    """Counts the activity of each node in a walk over the days of a replay."""

    def __init__(self, replay: Replay, start: int) -> None:
        self._replay, self._start = replay, start
        self._in_force = _days_in_force(replay)
        self._days = np.zeros(visit_counts(replay.symphony)[replay.symphony.root])
        self._weight = np.zeros_like(self._days)

    def meet(self, symphony: Symphony, position: int, visit: int, portion: Portion) -> None:
        """Count the days on which a node is active, and its weights on them."""
        del symphony, position
        rows, weight = portion
        days = self._in_force[rows - self._start]
        self._days[visit] = days.sum()
        self._weight[visit] = days @ weight

    def activity(self) -> Activity:
        """Return what was counted."""
        days = len(self._replay.dates)
        return Activity(self._replay, self._days / days, self._weight / days)


def _days_in_force(replay: Replay) -> Floats:
    """Return the number of days for which each day's decision was in force (D,)."""
    days = len(replay.dates)
    decided = np.flatnonzero(replay.rebalanced)
    in_force = np.zeros(days)
    in_force[decided] = np.diff(decided, append=days)
    if replay.undecided is not None:
        in_force[replay.undecided] = 0.0
    return in_force


def visit_counts(symphony: Symphony) -> tuple[int, ...]:
    """Return the number of places in and under each node, counting a shared subtree wherever it occurs.

    In `Activity` a node at row v has its first child at row v + 1, and each further child after all places of
    the previous one.
    """
    counts: list[int] = []
    for node in symphony.nodes:
        children = () if isinstance(node, (Asset, Empty)) else node.children
        counts.append(1 + sum(counts[child] for child in children))
    return tuple(counts)
