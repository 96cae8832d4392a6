"""Symphonies that are read wrongly: every RSI window is one day too long."""

from __future__ import annotations

from dataclasses import replace

from rlpretrain.symphony import Comparison, Compound, Indicator, Metric, Symphony
from rlpretrain.symphony.nodes import Condition, Filter, If, Node

__all__ = ["with_longer_rsi"]


def with_longer_rsi(symphony: Symphony) -> Symphony:
    """Return the symphony with RSI windows one day longer; its nodes are equal if it has none."""
    return replace(symphony, nodes=tuple(_node(node) for node in symphony.nodes))


def _node(node: Node) -> Node:
    match node:
        case If():
            return replace(node, condition=_condition(node.condition))
        case Filter():
            return replace(node, indicator=_indicator(node.indicator))
        case _:
            return node


def _condition(condition: Condition) -> Condition:
    if isinstance(condition, Compound):
        return replace(condition, conditions=tuple(_condition(part) for part in condition.conditions))
    return Comparison(_side(condition.left), condition.comparator, _other_side(condition.right))


def _other_side(side: Metric | float) -> Metric | float:
    return _side(side) if isinstance(side, Metric) else side


def _side(metric: Metric) -> Metric:
    return replace(metric, indicator=_indicator(metric.indicator))


def _indicator(indicator: Indicator) -> Indicator:
    if indicator.function != "relative-strength-index":
        return indicator
    return replace(indicator, parameters=tuple(window + 1 for window in indicator.parameters))
