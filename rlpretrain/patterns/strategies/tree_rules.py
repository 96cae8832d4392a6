"""A tree's decisions as rules: what they compare, what each outcome leads to, and which rules lead to a leaf.

The same rule can be written in many ways. ``if a: (if b: X else: S) else: S`` is "X when a and b, else S", and
editors without a block of conditions write it so. Branches that lead to the same two subtrees are therefore
joined into one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rlpretrain.market import Floats
from rlpretrain.symphony import Comparison, Compound, Symphony
from rlpretrain.symphony.indicators import INDICATORS
from rlpretrain.symphony.nodes import Asset, Condition, Empty, Filter, If, Node, SpecifiedWeight

__all__ = ["Part", "Rule", "Step", "is_extreme", "leaf_steps", "mean_exposures"]

_RARE = 0.1
"""Assumed share of the time with an extreme reading."""


@dataclass(frozen=True, eq=False)
class Part:
    """One comparison of a rule."""

    comparison: Comparison
    towards_first: bool
    """Outcome of the comparison that leads to the rule's first subtree."""


@dataclass(frozen=True, eq=False)
class Rule:
    """Conditions that choose between two subtrees, both positions in `Symphony.nodes`."""

    parts: tuple[Part, ...]
    first: int
    second: int


Step = tuple[Rule, bool] | Filter
"""A rule and whether its first subtree is followed, or a filter that selects."""


def is_extreme(comparison: Comparison) -> bool:
    """Return whether a comparison requires a rare reading, such as an RSI far from its middle."""
    return _extreme(comparison) is not None


def asks_for_extreme(comparison: Comparison, outcome: bool) -> bool:
    """Return whether an outcome of a comparison means that the extreme is met."""
    extreme = _extreme(comparison)
    if extreme is None:
        return False
    return ((comparison.comparator in ("gt", "gte")) == outcome) == (extreme == "high")


def _extreme(comparison: Comparison) -> Literal["low", "high"] | None:
    """Return at which end of the usual readings a comparison's number is; None if it is a usual one."""
    evidence = INDICATORS[comparison.left.indicator.function].evidence
    if evidence is None or evidence.usual is None or not isinstance(comparison.right, float):
        return None
    low, high = evidence.usual
    if comparison.right >= high:
        return "high"
    return "low" if comparison.right <= low else None


def leaf_steps(symphony: Symphony) -> Iterator[tuple[str, tuple[Step, ...]]]:
    """Yield for each leaf, in the order of `Symphony.leaves`, its ticker and the steps from the root to it."""
    nodes = symphony.nodes
    rules: dict[int, Rule] = {}
    # A position, the steps that lead to it, and the rule that contains it.
    stack: list[tuple[int, tuple[Step, ...], Rule | None]] = [(symphony.root, (), None)]
    while stack:
        position, path, within = stack.pop()
        node = nodes[position]
        match node:
            case Asset(ticker):
                yield ticker, path
            case Empty():
                pass
            case If():
                if within is None:
                    within = rules.get(position) or rules.setdefault(position, _joined(nodes, position))
                for child in reversed(node.children):
                    end = _through(nodes, child)
                    if end in (within.first, within.second):
                        stack.append((child, (*path, (within, end == within.first)), None))
                    else:
                        stack.append((end, path, within))
            case Filter():
                stack.extend((child, (*path, node), None) for child in reversed(node.children))
            case _:
                stack.extend((child, path, None) for child in reversed(node.children))


def mean_exposures(symphony: Symphony, exposure: Callable[[str], float]) -> Floats:
    """Compute the mean exposure of each subtree's holdings, (nodes,): children count by weight, branches by half.

    A branch that requires an extreme reading counts a tenth.
    """
    nodes = symphony.nodes
    found = np.zeros(len(nodes))
    for position, node in enumerate(nodes):
        match node:
            case Asset(ticker):
                found[position] = exposure(ticker)
            case Empty():
                pass
            case SpecifiedWeight(children, weights):
                found[position] = np.dot(found[list(children)], weights)
            case If(condition, (then, otherwise)):
                share = _share(condition)
                found[position] = share * found[then] + (1.0 - share) * found[otherwise]
            case _:
                found[position] = found[list(node.children)].mean() if node.children else 0.0
    return found


def _share(condition: Condition) -> float:
    """Return the assumed share of the time for which a condition is true."""
    if not isinstance(condition, Comparison) or not is_extreme(condition):
        return 0.5
    return _RARE if asks_for_extreme(condition, True) else 1.0 - _RARE


def _joined(nodes: tuple[Node, ...], position: int) -> Rule:
    """Read the rule that begins at an If, with the Ifs below it that choose between the same two subtrees."""
    node = nodes[position]
    assert isinstance(node, If)  # noqa: S101  Only called on one.
    first, second = (_through(nodes, child) for child in node.children)
    parts = [Part(comparison, True) for comparison in _comparisons(node.condition)]
    while first != second:
        if (inner := _between(nodes, first, second)) is not None:  # first is an If that may lead to second
            condition, first, towards = inner
        elif (inner := _between(nodes, second, first)) is not None:
            condition, second, away = inner
            towards = not away
        else:
            break
        parts += [Part(comparison, towards) for comparison in _comparisons(condition)]
    return Rule(tuple(parts), first, second)


def _between(nodes: tuple[Node, ...], position: int, other: int) -> tuple[Condition, int, bool] | None:
    """Return, if an If leads to `other` one way, its condition, its other way, and the outcome of that way."""
    node = nodes[position]
    if not isinstance(node, If):
        return None
    then, otherwise = (_through(nodes, child) for child in node.children)
    if (then == other) == (otherwise == other):
        return None
    return (node.condition, then, True) if otherwise == other else (node.condition, otherwise, False)


def _through(nodes: tuple[Node, ...], position: int) -> int:
    """Return the first node below weightings of a single child, which change nothing."""
    while not isinstance(node := nodes[position], (Asset, Empty, If, Filter)) and len(node.children) == 1:
        if isinstance(node, SpecifiedWeight) and node.weights != (1.0,):
            break
        position = node.children[0]
    return position


def _comparisons(condition: Condition) -> Iterator[Comparison]:
    pending: list[Condition] = [condition]
    while pending:
        part = pending.pop()
        if isinstance(part, Compound):
            pending.extend(reversed(part.conditions))
        else:
            yield part
