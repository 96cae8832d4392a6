"""Margins: how far the active decisions of a symphony were from turning, and which of them was nearest."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.symphony.distances import Distance
from rlpretrain.symphony.indicators import INDICATORS
from rlpretrain.symphony.nodes import Asset, Comparison, Condition, Filter, If, Symphony
from rlpretrain.symphony.portions import Portion
from rlpretrain.symphony.prices import PriceTable
from rlpretrain.symphony.substrategy import Substrategies
from rlpretrain.symphony.wording import condition_words, indicator_words, metric_words

__all__ = ["HAIRS_BREADTH", "Decision", "DecisionTable", "Margins", "NearestDecisions", "Rule"]

HAIRS_BREADTH = 20.0
"""Deviations of the noise of closes within which a decision may fall on the other side with another vendor's prices."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A decision of the tree: a condition or a filter's choice, at one of its places."""

    visit: int
    """Row in `Activity`; `find_decision` of the outline returns its place in the document."""
    node: If | Filter

    def __str__(self) -> str:
        return _words(self.node)


@dataclass(frozen=True)
class Margins:
    """Margins of the decisions that the weights held after each close rest on, as known at that close.

    With calendar rebalancing those are the decisions of the last rebalance.
    """

    deviations: NDArray[np.float32]
    """(D,) distance of the nearest active decision from turning, in standard deviations of the daily change of what
    it compares; NaN where no active decision's distance is known, infinite where none can turn."""
    noise: NDArray[np.float32]
    """(D,) the same in standard deviations of the error that noise of the closes causes; another decision may be the
    nearest in this unit."""
    nearest: NDArray[np.int32]
    """(D,) which rule is the nearest by `deviations`: position in `rules`, -1 where `deviations` is not finite."""
    rules: tuple[Rule, ...]

    def take(self, rows: NDArray[np.intp] | slice) -> Margins:
        """Return the margins of some days."""
        return Margins(self.deviations[rows], self.noise[rows], self.nearest[rows], self.rules)

    @property
    def within_noise(self) -> NDArray[np.bool_]:
        """Days (D,) on which a decision was within a hair's breadth of turning, see `HAIRS_BREADTH`."""
        return np.asarray(self.noise <= HAIRS_BREADTH)

    def rule_at(self, row: int) -> Rule | None:
        """Return the nearest rule of one day; None where there is none."""
        return self.rules[self.nearest[row]] if self.nearest[row] >= 0 else None


class NearestDecisions:
    """Keeps the nearest decision of each day; the rows are those of the price table from `start` to `stop`."""

    def __init__(self, table: PriceTable, strategies: Substrategies, start: int, stop: int) -> None:
        self._table, self._strategies, self._start = table, strategies, start
        self._deviations = np.full(stop - start, np.inf, np.float32)
        self._noise = np.full(stop - start, np.inf, np.float32)
        self._nearest = np.full(stop - start, -1, np.int32)
        self._unknown = np.zeros(stop - start, np.bool_)
        self._rules: list[Rule] = []

    def meet(self, symphony: Symphony, position: int, visit: int, portion: Portion) -> None:
        """Take a node's decision into account on the rows on which it is active."""
        node = symphony.nodes[position]
        if not isinstance(node, (If, Filter)):
            return
        rows, _ = portion
        distance, at = _distance(node, position, self._table, self._strategies), rows - self._start
        deviations, noise = distance.deviations[rows], distance.noise[rows]
        nearer = deviations < self._deviations[at]
        self._nearest[at[nearer]] = len(self._rules)
        self._deviations[at[nearer]] = deviations[nearer]
        self._noise[at] = np.fmin(noise, self._noise[at])
        self._unknown[at] |= np.isnan(deviations)
        self._rules.append(Rule(visit, node))

    def margins(self) -> Margins:
        """Return what was found."""
        # Without any known distance, one unknown distance is enough to know nothing.
        unknown = self._unknown & np.isinf(self._deviations)
        nothing = np.float32(np.nan)
        deviations = np.where(unknown, nothing, self._deviations)
        noise = np.where(self._unknown & np.isinf(self._noise), nothing, self._noise)
        return Margins(deviations, noise, self._nearest, tuple(self._rules))


@dataclass(frozen=True)
class Decision:
    """One active decision at one close, in the unit in which it compares."""

    rule: Rule
    left: str
    """Left operand of the comparison that decides; of a filter, the last child selected."""
    left_value: float
    right: str
    """Right operand; of a filter, the first child not selected."""
    right_value: float
    unit: str
    """Sign of the unit after a number; empty for bare numbers and dollars."""
    deviations: float
    """Distance in standard deviations of the difference's daily change."""
    noise: float
    """Distance in standard deviations of the error that the noise of closes causes."""

    @property
    def difference(self) -> float:
        """Left minus right."""
        return self.left_value - self.right_value

    def as_json(self) -> dict[str, Any]:
        """Return the decision as JSON values; a distance that is unknown or infinite is null."""
        return {
            "rule": str(self.rule),
            "choice": isinstance(self.rule.node, Filter),
            "left": self.left,
            "left_value": self.left_value,
            "right": self.right,
            "right_value": self.right_value,
            "difference": self.difference,
            "unit": self.unit.strip(),
            "deviations": self.deviations if math.isfinite(self.deviations) else None,
            "noise": self.noise if math.isfinite(self.noise) else None,
        }


@dataclass
class DecisionTable:
    """Lists the decisions that are active on one row of the price table, nearest first."""

    table: PriceTable
    strategies: Substrategies
    row: int
    _found: list[Decision] = field(default_factory=list)

    def meet(self, symphony: Symphony, position: int, visit: int, portion: Portion) -> None:
        """Add a node's decision if it is active on the row."""
        node, (rows, _) = symphony.nodes[position], portion
        if self.row not in rows or not isinstance(node, (If, Filter)):
            return
        distance = _distance(node, position, self.table, self.strategies)
        far = float(distance.deviations[self.row]), float(distance.noise[self.row])
        rule = Rule(visit, node)
        if isinstance(node, If):
            self._found.append(Decision(rule, *self._sides(self._decider(node.condition)), *far))
            return
        contest = self.strategies.contest(position)
        last, first = (int(side[self.row]) for side in contest.boundary)
        if last >= 0:
            values = contest.values
            names = [_name(symphony, node.children[j], j) for j in (last, first)]
            unit = INDICATORS[node.indicator.function].unit.sign
            compared = names[0], float(values[last, self.row]), names[1], float(values[first, self.row]), unit
            self._found.append(Decision(rule, *compared, *far))

    def decisions(self) -> tuple[Decision, ...]:
        """Return the decisions; those of unknown distance come last."""
        return tuple(sorted(self._found, key=lambda d: (np.isnan(d.deviations), d.deviations)))

    def _decider(self, condition: Condition) -> Comparison:
        """Return the comparison whose distance is that of the condition."""
        while not isinstance(condition, Comparison):
            whole = self.table.distance(condition).deviations[self.row]
            parts = condition.conditions
            distances = [self.table.distance(part).deviations[self.row] for part in parts]
            same = [d == whole or (np.isnan(d) and np.isnan(whole)) for d in distances]
            condition = parts[same.index(True)]
        return condition

    def _sides(self, comparison: Comparison) -> tuple[str, float, str, float, str]:
        left, right = self.table.sides(comparison)
        sign = INDICATORS[comparison.left.indicator.function].unit.sign
        value = right if isinstance(right, float) else float(right[self.row])
        words = "" if isinstance(comparison.right, float) else metric_words(comparison.right)
        return metric_words(comparison.left), float(left[self.row]), words, value, sign


def _name(symphony: Symphony, child: int, place: int) -> str:
    node = symphony.nodes[child]
    return node.ticker if isinstance(node, Asset) else f"child {place + 1}"


def _distance(node: If | Filter, position: int, table: PriceTable, strategies: Substrategies) -> Distance:
    return table.distance(node.condition) if isinstance(node, If) else strategies.contest(position).distance


def _words(node: If | Filter) -> str:
    if isinstance(node, If):
        return condition_words(node.condition)
    order = "top" if node.highest else "bottom"
    return f"{order} {node.count} by {indicator_words(node.indicator)}"
