"""Conditions and indicators in the words that people use for them."""

from __future__ import annotations

from collections.abc import Mapping

from rlpretrain.symphony.nodes import Comparison, Compound, Condition, Indicator, Metric

__all__ = ["condition_words", "counted_words", "indicator_words", "metric_words", "percent"]

_SHORT: Mapping[str, str] = {
    "relative-strength-index": "RSI",
    "moving-average-price": "SMA",
    "exponential-moving-average-price": "EMA",
    "moving-average-convergence-divergence": "MACD",
    "moving-average-convergence-divergence-signal": "MACD signal",
    "percentage-price-oscillator": "PPO",
    "percentage-price-oscillator-signal": "PPO signal",
    "upper-bollinger": "upper Bollinger band",
    "lower-bollinger": "lower Bollinger band",
}
"""Functions that go by their abbreviation, with parameters in brackets."""

_LONG: Mapping[str, str] = {
    "cumulative-return": "cumulative return",
    "max-drawdown": "max drawdown",
    "moving-average-return": "mean daily return",
    "standard-deviation-return": "standard deviation of daily returns",
    "standard-deviation-price": "standard deviation of prices",
}
"""Functions that look back over so many days."""

_PERCENT = frozenset(
    {
        "cumulative-return",
        "max-drawdown",
        "moving-average-return",
        "standard-deviation-return",
        "percentage-price-oscillator",
        "percentage-price-oscillator-signal",
    }
)
_SIGNS = {"gt": ">", "gte": "≥", "lt": "<", "lte": "≤", "eq": "="}


def percent(fraction: float) -> str:
    """Render a fraction as a percentage with up to two decimals: 0.125 is ``12.5 %``."""
    return f"{100.0 * fraction:.2f}".rstrip("0").rstrip(".") + " %"


def counted_words(number: int, one: str, several: str | None = None) -> str:
    """Return a number with its noun: 1 day, 1,000 days."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def indicator_words(indicator: Indicator) -> str:
    """Render an indicator: ``RSI(10)``, ``cumulative return over 20 days``."""
    name, rest = _parts(indicator)
    return name + rest


def metric_words(metric: Metric) -> str:
    """Render an indicator of a ticker: ``RSI(10) of TQQQ``, ``cumulative return of SPY over 20 days``."""
    name, rest = _parts(metric.indicator)
    return f"{name} of {metric.ticker}{rest}"


def condition_words(condition: Condition) -> str:
    """Render a condition: ``RSI(10) of TQQQ > 79``; compound ones joined by and, or."""
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
    unit = " %" if comparison.left.indicator.function in _PERCENT else ""
    return f"{comparison.right:.10g}{unit}"


def _parts(indicator: Indicator) -> tuple[str, str]:
    """Return what stands before and after the ticker."""
    function, parameters = indicator.function, indicator.parameters
    if function == "current-price":
        return "price", ""
    if function in _LONG:
        return _LONG[function], f" over {counted_words(int(parameters[0]), 'day')}"
    numbers = ", ".join(f"{value:g}" for value in parameters)
    name = _SHORT.get(function, function.replace("-", " "))
    return (f"{name}({numbers})" if numbers else name), ""
