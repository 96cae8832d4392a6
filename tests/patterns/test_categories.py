from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import f1_score

from rlpretrain.patterns import CATEGORIES, classify_leaf
from rlpretrain.patterns.categories import posture
from rlpretrain.symphony import Branch, Comparison, Compound, Indicator, Leaf, Metric, Selection
from tests.patterns.conftest import Library


def _metric(function: str, ticker: str, window: float | None = None) -> Metric:
    return Metric(Indicator(function, () if window is None else (window,)), ticker)


def _leaf(ticker: str, function: str, watched: str, comparator: str, right, taken: bool = True) -> Leaf:
    window = None if function == "current-price" else 10.0
    return Leaf(ticker, (Branch(Comparison(_metric(function, watched, window), comparator, right), taken),))


RETURN, RSI, PRICE, DRAWDOWN = "cumulative-return", "relative-strength-index", "current-price", "max-drawdown"
AVERAGE = _metric("moving-average-price", "SPY", 200.0)


@pytest.mark.parametrize(
    ("leaf", "category"),
    [
        (_leaf("SPY", RETURN, "SPY", "gt", 0.0), "momentum"),
        (_leaf("BIL", RETURN, "SPY", "gt", 0.0, taken=False), "momentum"),
        (_leaf("SPY", RETURN, "SPY", "lt", -5.0), "mean_reversion"),
        (_leaf("BIL", RETURN, "SPY", "lt", -5.0, taken=False), "mean_reversion"),
        (_leaf("QQQ", RETURN, "SPY", "gt", _metric(RETURN, "QQQ", 10.0), taken=False), "momentum"),
        (_leaf("TQQQ", RSI, "QQQ", "lt", 30.0), "mean_reversion"),
        (_leaf("UVXY", RSI, "QQQ", "gt", 79.0), "mean_reversion"),
        (_leaf("TQQQ", RSI, "QQQ", "gt", 79.0, taken=False), "mean_reversion"),
        (_leaf("TQQQ", RSI, "QQQ", "gt", 50.0), "momentum"),
        (_leaf("SQQQ", RSI, "QQQ", "lt", 50.0), "momentum"),
        (_leaf("SPY", PRICE, "SPY", "gt", AVERAGE), "trend_following"),
        (_leaf("SQQQ", PRICE, "SPY", "gt", AVERAGE, taken=False), "trend_following"),
        (_leaf("SPY", PRICE, "SPY", "lt", AVERAGE), "mean_reversion"),
        (_leaf("SPY", DRAWDOWN, "SPY", "lt", 2.0), "breakout"),
        (_leaf("SPY", DRAWDOWN, "SPY", "gt", 10.0), "mean_reversion"),
        (_leaf("SPY", PRICE, "SPY", "gt", _metric("upper-bollinger", "SPY", 20.0)), "breakout"),
        (_leaf("SPY", PRICE, "SPY", "lt", _metric("lower-bollinger", "SPY", 20.0)), "mean_reversion"),
        (Leaf("XLK", (Selection(Indicator(RETURN, (60.0,)), highest=True, count=2),)), "momentum"),
        (Leaf("XLK", (Selection(Indicator(RSI, (5.0,)), highest=False, count=1),)), "mean_reversion"),
    ],
)
def test_one_decision(leaf: Leaf, category: str) -> None:
    found = classify_leaf(leaf)
    assert CATEGORIES[int(found.scores.argmax())] == category
    assert found.scores.sum() == pytest.approx(1.0)
    assert found.reasons and found.reasons[0].startswith(category) and leaf.ticker in found.reasons[0]


def test_a_price_above_its_average_confirms_a_breakout_from_a_quiet_range() -> None:
    quiet = Comparison(
        _metric("standard-deviation-return", "SPY", 10.0),
        "lt",
        _metric("standard-deviation-return", "SPY", 40.0),
    )
    above = Comparison(_metric(PRICE, "SPY"), "gt", AVERAGE)
    for path in (
        (Branch(quiet, True), Branch(above, True)),
        (Branch(Compound(True, (quiet, above)), True),),
    ):
        assert classify_leaf(Leaf("SPY", path)).scores.tolist() == [0, 0, 1, 0]


def test_nearer_decisions_count_more() -> None:
    trend = Branch(Comparison(_metric(PRICE, "SPY"), "gt", AVERAGE), True)
    dip = Branch(Comparison(_metric(RSI, "SPY", 5.0), "lt", 30.0), True)
    near = classify_leaf(Leaf("SPY", (trend, dip))).scores
    assert near[1] > near[3] > 0
    assert classify_leaf(Leaf("SPY", (dip, trend))).scores[3] == near[1]


def test_no_decision_says_nothing() -> None:
    found = classify_leaf(Leaf("SPY", ()))
    assert found.scores.tolist() == [0.25] * 4 and found.reasons == ()


def test_posture() -> None:
    assert posture("TQQQ", "QQQ") == posture("SQQQ", "UVXY") == posture("TLT", "TLT") == 1
    assert posture("SQQQ", "QQQ") == posture("BIL", "SPY") == posture("QQQ", "VIXY") == -1


def test_generated_families_are_recognised(library: Library) -> None:
    expected, found = [], []
    for record in library.records:
        family = library.families[record.symphony_id]
        if family in CATEGORIES:
            expected.append(family)
            found.append(CATEGORIES[int(record.categories()[record.held()].mean(axis=0).argmax())])
    assert set(expected) == set(CATEGORIES)
    score = f1_score(expected, found, average="macro")
    assert score >= 0.85, Counter(zip(expected, found, strict=True))
    assert np.mean(np.array(expected) == np.array(found)) >= 0.85
