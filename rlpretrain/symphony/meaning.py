"""Conditions that can be computed but say nothing: their outcome is the same on every day."""

from __future__ import annotations

from collections.abc import Iterator

from rlpretrain.symphony.indicators import INDICATORS
from rlpretrain.symphony.nodes import Comparison, Compound, Condition, Metric
from rlpretrain.symphony.wording import condition_words, metric_words

__all__ = ["doubts"]


def doubts(condition: Condition) -> list[str]:
    """List what cannot be meant in the parts of a condition, in words.

    The condition is evaluated as it stands all the same. Trees that people run have such conditions.
    """
    found: dict[str, None] = {}
    for comparison in _comparisons(condition):
        outcome = _outcome(comparison)
        if outcome is not None:
            found[f"{condition_words(comparison)} is {'always' if outcome else 'never'} true"] = None
        for side in (comparison.left, comparison.right):
            if isinstance(side, Metric) and _windows_are_reversed(side):
                found[f"the short window of {metric_words(side)} is not shorter than the long one"] = None
    return list(found)


def _comparisons(condition: Condition) -> Iterator[Comparison]:
    if isinstance(condition, Compound):
        for part in condition.conditions:
            yield from _comparisons(part)
    else:
        yield condition


def _outcome(comparison: Comparison) -> bool | None:
    """Return whether a comparison holds on every day on which its sides are known, or on none; None if it depends."""
    if comparison.left == comparison.right:
        return comparison.comparator in ("gte", "lte", "eq")
    if isinstance(comparison.right, Metric):
        return None
    number = comparison.right
    lowest, highest = INDICATORS[comparison.left.indicator.function].bounds
    match comparison.comparator:
        case "gt":
            always, never = number < lowest, number >= highest
        case "gte":
            always, never = number <= lowest, number > highest
        case "lt":
            always, never = number > highest, number <= lowest
        case "lte":
            always, never = number >= highest, number < lowest
        case "eq":
            always, never = False, not lowest <= number <= highest
    return True if always else False if never else None


def _windows_are_reversed(metric: Metric) -> bool:
    if len(metric.indicator.parameters) < 2:
        return False
    row = INDICATORS[metric.indicator.function]
    names = [parameter.name for parameter in row.parameters]
    if "short-window" not in names or "long-window" not in names:
        return False
    values = metric.indicator.parameters
    return values[names.index("short-window")] >= values[names.index("long-window")]
