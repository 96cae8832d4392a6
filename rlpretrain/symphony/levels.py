"""Decisions by the level of a price, which adjusted prices cannot give.

Every later split or dividend multiplies all earlier adjusted closes by a factor. Ratios and signs stay as they were, so
most decisions do not notice. A level does change: with adjusted prices, "price of SPY > 300" on a day of 2015 depends
on the dividends of the years after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rlpretrain.symphony.indicators import INDICATORS
from rlpretrain.symphony.nodes import (
    Comparison,
    Condition,
    Indicator,
    LevelKind,
    LevelRule,
    Metric,
    Symphony,
)
from rlpretrain.symphony.wording import counted_words

__all__ = [
    "condition_rule",
    "filter_rule",
    "level_remark",
    "no_vote_reason",
    "scaled_sides",
    "sorts_by_level",
]

_WORDS: Mapping[LevelKind, str] = {
    "number": "against a number",
    "other metric": "against a metric that does not scale with the price",
    "other ticker": "against another ticker's price",
    "filter": "sorting tickers by it",
}


def scaled_sides(comparison: Comparison) -> tuple[Metric, ...]:
    """Return the sides whose level decides a comparison; none if the same factor on a ticker's closes changes nothing.

    That is so if neither side scales with the price, if both do and are of the same ticker, and against 0, where only
    the sign matters.
    """
    sides = (comparison.left, comparison.right)
    scaled = tuple(side for side in sides if isinstance(side, Metric) and _scales(side.indicator))
    if comparison.right == 0.0 or (len(scaled) == 2 and scaled[0].ticker == scaled[1].ticker):
        return ()
    return scaled


def sorts_by_level(indicator: Indicator, tickers: Iterable[str]) -> bool:
    """Return whether a filter sorts different tickers by the level of their prices."""
    return _scales(indicator) and len(set(tickers)) > 1


def condition_rule(condition: Condition) -> LevelRule | None:
    """Return how a condition decides by levels; None if no part of it does."""
    kinds: dict[LevelKind, None] = {}
    tickers: set[str] = set()
    for comparison in _comparisons(condition):
        sides = scaled_sides(comparison)
        if sides:
            kinds[_kind(comparison, sides)] = None
            tickers.update(side.ticker for side in sides)
    return LevelRule(tuple(kinds), tuple(sorted(tickers))) if kinds else None


def filter_rule(indicator: Indicator, tickers: Iterable[str]) -> LevelRule | None:
    """Return how a filter decides by levels; None if it does not."""
    names = sorted(set(tickers))
    return LevelRule(("filter",), tuple(names)) if sorts_by_level(indicator, names) else None


def level_remark(rule: LevelRule) -> str:
    """Return the remark on a node with a level rule."""
    return (
        f"decides by the level of an adjusted price ({_words(rule)}), so later splits and dividends change earlier "
        "decisions; raw prices are needed"
    )


def no_vote_reason(symphony: Symphony, missing: Mapping[str, int]) -> str | None:
    """Return why a symphony that decides by levels must not vote; the first node that lacks raw prices is named.

    Parameters
    ----------
    missing
        Ticker of a level rule -> number of days without a raw close; see `Evaluator.missing_raw_closes`.

    Returns
    -------
    str | None
        None if no raw close is missing.
    """
    for rule, path in symphony.level_rules.items():
        closes = [
            f"{ticker} ({counted_words(missing[ticker], 'day')})"
            for ticker in rule.tickers
            if missing[ticker]
        ]
        if closes:
            return (
                f"{path}: decides by the level of an adjusted price ({_words(rule)}), and raw closes are missing of "
                f"{', '.join(closes)}; add the closes as they were quoted to the price files, beside the adjusted ones"
            )
    return None


def _scales(indicator: Indicator) -> bool:
    return INDICATORS[indicator.function].unit.scales_with_price


def _comparisons(condition: Condition) -> Iterable[Comparison]:
    if isinstance(condition, Comparison):
        yield condition
        return
    for part in condition.conditions:
        yield from _comparisons(part)


def _kind(comparison: Comparison, sides: tuple[Metric, ...]) -> LevelKind:
    if len(sides) == 2:
        return "other ticker"
    return "number" if isinstance(comparison.right, float) else "other metric"


def _words(rule: LevelRule) -> str:
    return " and ".join(_WORDS[kind] for kind in rule.kinds)
