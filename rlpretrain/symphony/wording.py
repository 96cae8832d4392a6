"""Conditions and indicators in plain words."""

from __future__ import annotations

from rlpretrain.symphony.indicators import INDICATORS
from rlpretrain.symphony.nodes import Comparison, Compound, Condition, Indicator, Metric

__all__ = ["condition_words", "counted_words", "indicator_words", "metric_words", "percent"]

_SIGNS = {"gt": ">", "gte": "≥", "lt": "<", "lte": "≤", "eq": "="}


def percent(fraction: float) -> str:
    """Render a fraction as a percentage with up to two decimals: 0.125 is ``12.5 %``."""
    return f"{100.0 * fraction:.2f}".rstrip("0").rstrip(".") + " %"


def counted_words(number: int, one: str, several: str | None = None) -> str:
    """Return a number with its noun: 1 day, 1,000 days."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def indicator_words(indicator: Indicator) -> str:
    """Render an indicator: ``RSI(10)``, ``cumulative return over 20 days``."""
    return _filled(INDICATORS[indicator.function].words.replace(" of {ticker}", ""), indicator)


def metric_words(metric: Metric) -> str:
    """Render an indicator of a ticker: ``RSI(10) of TQQQ``, ``cumulative return of SPY over 20 days``."""
    return _filled(INDICATORS[metric.indicator.function].words, metric.indicator, metric.ticker)


def condition_words(condition: Condition) -> str:
    """Render a condition: ``RSI(10) of TQQQ > 79``; compound ones are joined by "and" or "or"."""
    if isinstance(condition, Compound):
        joint = " and " if condition.every else " or "
        return joint.join(
            f"({condition_words(part)})" if isinstance(part, Compound) else condition_words(part)
            for part in condition.conditions
        )
    return f"{metric_words(condition.left)} {_SIGNS[condition.comparator]} {_right(condition)}"


def _right(comparison: Comparison) -> str:
    if isinstance(comparison.right, Metric):
        return metric_words(comparison.right)
    return f"{comparison.right:.10g}{INDICATORS[comparison.left.indicator.function].unit.sign}"


def _filled(words: str, indicator: Indicator, ticker: str = "") -> str:
    """Fill a ticker and an indicator's parameters into the words of its function."""
    parameters = INDICATORS[indicator.function].parameters
    values = {"ticker": ticker}
    for parameter, value in zip(parameters, indicator.parameters, strict=True):
        values[parameter.name] = f"{value:g}"
        if parameter.name == "window":
            values["days"] = counted_words(int(value), "day")
    return words.format_map(values)
