"""Rules are evidence for what the rows of the table of indicators say, and for nothing where they say so."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from rlpretrain.patterns import classify_leaves
from rlpretrain.patterns.strategies.tree_rules import asks_for_extreme, is_extreme
from rlpretrain.symphony import Comparison, Indicator, Metric, parse_symphony
from rlpretrain.symphony.evidence import CATEGORIES, DEVIATION, DRAWDOWN, LEVEL, OSCILLATOR, RETURN, Evidence
from rlpretrain.symphony.functions import current_price
from rlpretrain.symphony.indicator_function import ANY_VALUE, POINTS, IndicatorFunction, Window
from rlpretrain.symphony.indicators import INDICATORS
from tests.symphony import building as b

every_row = pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in INDICATORS.items()])
PRICE = ("current-price", {}, "SPY")
AVERAGE = ("moving-average-price", {"window": 200}, "SPY")
QUIET = ("standard-deviation-return", {"window": 20}, "SPY")


def _read(row: IndicatorFunction):
    chosen = {p.name: p.shortest + 5 if isinstance(p, Window) else p.minimum for p in row.parameters}
    return row.name, chosen, "SPY"


def _scores(tree) -> list[float]:
    """The scores of the leaves, which all have the same."""
    leaves = classify_leaves(parse_symphony(b.root(tree), symphony_id="test"))
    for leaf in leaves[1:]:
        assert np.array_equal(leaf.scores, leaves[0].scores)
    return leaves[0].scores.tolist()


def _only(category: str) -> list[float]:
    return [float(name == category) for name in CATEGORIES]


NOTHING = [0.25] * 4
SPY, BIL = b.asset("SPY"), b.asset("BIL")


def _evidence(row: IndicatorFunction) -> Evidence:
    assert row.evidence is not None
    return row.evidence


@every_row
def test_a_comparison_with_a_number(row: IndicatorFunction) -> None:
    evidence = _evidence(row)
    assert _scores(b.when(_read(row), "gt", 50, [SPY], [BIL])) == _only(evidence.following)
    assert _scores(b.when(_read(row), "lt", 50, [SPY], [BIL])) == _only(evidence.opposing)


@every_row
def test_a_choice_between_what_moves_alike(row: IndicatorFunction) -> None:
    """It tells nothing, unless the direction does not matter for what is read."""
    found = _scores(b.when(_read(row), "gt", 50, [b.asset("QQQ")], [b.asset("QQQ")]))
    evidence = _evidence(row)
    assert found == (_only(evidence.following) if evidence.following == evidence.opposing else NOTHING)


@every_row
def test_a_price_compared_with_it(row: IndicatorFunction) -> None:
    """A bound speaks for itself; otherwise what is compared speaks: here a price."""
    speaks = _evidence(row) if _evidence(row).is_bound else LEVEL
    assert _scores(b.when(PRICE, "gt", _read(row), [SPY], [BIL])) == _only(speaks.following)
    assert _scores(b.when(PRICE, "lt", _read(row), [SPY], [BIL])) == _only(speaks.opposing)


@every_row
def test_a_filter_by_it(row: IndicatorFunction) -> None:
    for select, category in (("top", "momentum"), ("bottom", "mean_reversion")):
        name, chosen, _ = _read(row)
        found = _scores(b.best(name, chosen, 1, b.asset("XLK"), b.asset("XLE"), select=select))
        assert found == (_only(category) if _evidence(row).ranks else NOTHING)


@every_row
def test_its_part_in_a_range(row: IndicatorFunction) -> None:
    evidence = _evidence(row)
    inner = b.when(_read(row), "gt", 50, [SPY], [BIL])
    quiet = _scores(b.when(QUIET, "lt", 1, [inner], [BIL]))
    beside = dict(zip(CATEGORIES, quiet, strict=True))
    category = "breakout" if evidence.in_range == "confirms" else evidence.following
    assert beside[category] == (1.0 if category == "breakout" else 0.5)
    # And whether an average in the same rule is read as a breakout because of it.
    inner = b.when(PRICE, "gt", AVERAGE, [SPY], [BIL])
    above = dict(zip(CATEGORIES, _scores(b.when(_read(row), "gt", 50, [inner], [BIL])), strict=True))
    assert (above["trend_following"] > 0.0) == (evidence.in_range != "looks at it")


@every_row
def test_which_of_its_readings_are_rare(row: IndicatorFunction) -> None:
    _, chosen, ticker = _read(row)
    metric = Metric(Indicator(row.name, tuple(map(float, chosen.values()))), ticker)
    usual = _evidence(row).usual
    if usual is None:
        assert not any(is_extreme(Comparison(metric, "gt", level)) for level in (-1e6, 0.0, 50.0, 1e6))
        return
    low, high = usual
    assert not is_extreme(Comparison(metric, "gt", (low + high) / 2))
    for level, comparator in ((low, "lt"), (high, "gt")):
        rare = Comparison(metric, comparator, level)  # type: ignore[arg-type]
        assert is_extreme(rare) and asks_for_extreme(rare, True) and not asks_for_extreme(rare, False)


def test_the_families_of_evidence_differ() -> None:
    families = {id(row.evidence) for row in INDICATORS.values()}
    assert {id(family) for family in (RETURN, OSCILLATOR, LEVEL, DRAWDOWN, DEVIATION)} < families


@pytest.fixture
def moon() -> Iterator[IndicatorFunction]:
    """A function that is evidence for nothing, in the table for one test."""
    yield INDICATORS.add(
        IndicatorFunction(
            name="days-since-new-moon",
            compute=current_price,
            parameters=(),
            words="age of the moon of {ticker}",
            unit=POINTS,
            bounds=ANY_VALUE,
            evidence=None,
        )
    )
    INDICATORS.remove("days-since-new-moon")


def test_a_function_that_is_evidence_for_nothing(moon: IndicatorFunction) -> None:
    read = _read(moon)
    assert _scores(b.when(read, "gt", 50, [SPY], [BIL])) == NOTHING
    assert _scores(b.best(moon.name, {}, 1, b.asset("XLK"), b.asset("XLE"))) == NOTHING
    band = ("upper-bollinger", {"window": 20, "standard-deviations": 2}, "SPY")
    assert _scores(b.when(read, "gt", band, [SPY], [BIL])) == _only("breakout")
    # Beside another reading it takes nothing away.
    inner = b.when(read, "gt", 50, [SPY], [BIL])
    assert _scores(b.when(PRICE, "gt", AVERAGE, [inner], [BIL])) == _only("trend_following")
