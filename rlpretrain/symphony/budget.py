"""How much work one symphony may ask for.

A small document can ask for hours or for all memory: a compound condition of a hundred thousand parts is one node.
Each kind of work is therefore counted before it begins, and a symphony that asks for too much is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony.nodes import (
    Asset,
    Compound,
    Condition,
    Empty,
    Filter,
    If,
    Indicator,
    InverseVolatility,
    Metric,
    Node,
    Symphony,
)

__all__ = ["BUDGETS", "CELLS", "CONDITIONS", "NODES", "Budget", "Work", "check_cells", "needing_returns"]


@dataclass(frozen=True)
class Budget:
    """One kind of work and how much of it is done for one symphony."""

    work: str
    """What is counted, in the plural."""
    most: int

    def check(self, count: int, place: Callable[[], str]) -> None:
        """Check a count.

        Raises
        ------
        SymphonyError
            It is above the limit.
        """
        if count > self.most:
            raise SymphonyError(
                f"{place()}: asks for {count:,} {self.work}, at most {self.most:,} are computed for one symphony",
                hint="split it into several symphonies",
            )


NODES = Budget("nodes or more", 100_000)
CONDITIONS = Budget("conditions or more, counting each part of a compound one", 50_000)
INDICATORS = Budget("distinct indicators", 10_000)
WINDOWS = Budget("days of windows, summed over its distinct indicators", 2_000_000)
SUBSTRATEGIES = Budget("sub-strategies whose returns must be simulated", 20_000)
SELECTIONS = Budget("comparisons a day in its filters", 2_000_000)
DECISIONS = Budget("decisions on the ways to its leaves", 5_000_000)
CELLS = Budget("cells of its matrices, columns times days", 300_000_000)

BUDGETS = (NODES, CONDITIONS, INDICATORS, WINDOWS, SUBSTRATEGIES, SELECTIONS, DECISIONS, CELLS)
"""All budgets. Each is at least ten times what the largest known symphony needs."""


def check_cells(symphony: Symphony, days: int) -> None:
    """Check how large the matrices of a replay would be.

    Parameters
    ----------
    symphony
        A parsed symphony.
    days
        Days of the price table.

    Raises
    ------
    SymphonyError
        The budget is exceeded.
    """
    CELLS.check(symphony.columns * days, lambda: symphony.symphony_id)


class Work:
    """What a replay must compute, whatever number of days it has.

    Parameters
    ----------
    nodes
        Nodes of a symphony, children before parents.
    """

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        conditions: set[Condition] = {node.condition for node in nodes if isinstance(node, If)}
        metrics: set[Metric] = {metric for condition in conditions for metric in _metrics(condition)}
        simulated = len(needing_returns(nodes))
        indicators_of_groups = splits = windows = selections = 0
        for node in nodes:
            if not isinstance(node, (Filter, InverseVolatility)):
                continue
            splits += len(node.children)
            for child in (nodes[position] for position in node.children):
                if isinstance(child, Asset):
                    metrics.add(Metric(node.indicator, child.ticker))
                else:
                    indicators_of_groups += 1
                    windows += _longest(node.indicator)
            if isinstance(node, Filter):
                selections += min(node.count, len(node.children)) * len(node.children)
        windows += sum(_longest(metric.indicator) for metric in metrics)
        self.counts = {
            INDICATORS: len(metrics) + indicators_of_groups,
            WINDOWS: windows,
            SUBSTRATEGIES: simulated,
            SELECTIONS: selections,
            DECISIONS: _decisions(nodes),
        }
        self.columns = (
            len(metrics)
            + 2 * simulated  # returns and equity
            + 4 * splits  # values, fractions, and the days and weights of those that wait on the walk down
            + len(conditions) // 8  # a byte a day
            + 3 * sum(isinstance(node, Asset) for node in nodes)  # wanted weights, held weights and returns
            + 2 * _depth(nodes)  # the days and weights of what waits on the walk down
        )
        """Columns of float64, a row a day, that exist together."""

    def check(self, place: Callable[[], str]) -> None:
        """Check all budgets that need no prices.

        Parameters
        ----------
        place
            Renders the beginning of the error message.

        Raises
        ------
        SymphonyError
            A budget is exceeded.
        """
        for budget, count in self.counts.items():
            budget.check(count, place)


def needing_returns(nodes: tuple[Node, ...]) -> set[int]:
    """Return the nodes under a filter or inverse-volatility split over anything but assets."""
    needed: set[int] = set()
    for position in range(len(nodes) - 1, -1, -1):
        node = nodes[position]
        if isinstance(node, (Asset, Empty)):
            continue
        if position in needed:
            needed.update(node.children)
        elif isinstance(node, (Filter, InverseVolatility)):
            needed.update(c for c in node.children if not isinstance(nodes[c], Asset))
    return needed


def _longest(indicator: Indicator) -> int:
    return int(max(indicator.parameters, default=0.0))


def _metrics(condition: Condition) -> Iterator[Metric]:
    if isinstance(condition, Compound):
        for part in condition.conditions:
            yield from _metrics(part)
    else:
        yield from (side for side in (condition.left, condition.right) if isinstance(side, Metric))


def _decisions(nodes: tuple[Node, ...]) -> int:
    """Count the steps of `Symphony.leaves`, without building them."""
    leaves: list[int] = []
    steps: list[int] = []
    for node in nodes:
        if isinstance(node, (Asset, Empty)):
            leaves.append(int(isinstance(node, Asset)))
            steps.append(0)
            continue
        leaves.append(sum([leaves[child] for child in node.children]))
        below = sum([steps[child] for child in node.children])
        steps.append(below + leaves[-1] if isinstance(node, (If, Filter)) else below)
    return steps[-1]


def _depth(nodes: tuple[Node, ...]) -> int:
    depths: list[int] = []
    for node in nodes:
        children = () if isinstance(node, (Asset, Empty)) else node.children
        depths.append(1 + max([depths[child] for child in children], default=0))
    return depths[-1]
