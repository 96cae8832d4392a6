from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import f1_score

from rlpretrain.composer.catalogue.generated import GeneratedCatalogue
from rlpretrain.market import load_market
from rlpretrain.patterns import LeafCategory, asset_reasons, classify_leaves
from rlpretrain.patterns.strategies.categories import leaf_scores
from rlpretrain.patterns.strategies.exposures import appetite, exposure
from rlpretrain.symphony import Evaluator, parse_symphony
from rlpretrain.symphony.evidence import CATEGORIES
from tests.symphony import building as b

RETURN, RSI, PRICE, DRAWDOWN = "cumulative-return", "relative-strength-index", "current-price", "max-drawdown"
DEVIATION, AVERAGE = "standard-deviation-return", "moving-average-price"


def _metric(function: str, ticker: str, window: int = 10):
    parameters = {} if function == PRICE else {"window": window}
    return function, parameters | ({"standard-deviations": 2} if "bollinger" in function else {}), ticker


def _leaves(tree) -> tuple[LeafCategory, ...]:
    return classify_leaves(parse_symphony(b.root(tree), symphony_id="test"))


def _choice(function: str, watched: str, comparator: str, right, then: str, otherwise: str):
    left = _metric(function, watched)
    return b.when(left, comparator, right, [b.asset(then)], [b.asset(otherwise)])


SLOW = _metric(AVERAGE, "SPY", 200)


@pytest.mark.parametrize(
    ("tree", "category"),
    [
        (_choice(RETURN, "SPY", "gt", 0, "SPY", "BIL"), "momentum"),
        (_choice(RETURN, "SPY", "lt", -5, "SPY", "BIL"), "mean_reversion"),
        (_choice(RETURN, "TIP", "lt", -2, "TIP", "SHV"), "mean_reversion"),
        (_choice(RETURN, "BTC-USD", "lt", -9, "BTC-USD", "ETH-USD"), "mean_reversion"),
        (_choice(RETURN, "SPY", "gt", _metric(RETURN, "QQQ"), "SPY", "QQQ"), "momentum"),
        (_choice(RETURN, "BIL", "lt", _metric(RETURN, "TLT"), "TMF", "TMV"), "momentum"),
        (_choice(RETURN, "AGG", "gt", _metric(RETURN, "BIL"), "TQQQ", "BIL"), "momentum"),
        (_choice(RETURN, "VIXY", "gt", 4, "BIL", "SPY"), "momentum"),
        (_choice(RSI, "SPY", "lt", 30, "TQQQ", "SPY"), "mean_reversion"),
        (_choice(RSI, "QQQ", "gt", 79, "UVXY", "TQQQ"), "mean_reversion"),
        (_choice(RSI, "QQQ", "gt", 50, "TQQQ", "SQQQ"), "momentum"),
        (_choice(RSI, "IEF", "gt", _metric(RSI, "PSQ"), "TQQQ", "SQQQ"), "momentum"),
        (_choice(PRICE, "SPY", "gt", SLOW, "SPY", "SQQQ"), "trend_following"),
        (_choice(PRICE, "TLT", "gt", _metric(AVERAGE, "TLT"), "TLT", "BIL"), "trend_following"),
        (_choice(PRICE, "SPY", "lt", SLOW, "SPY", "BIL"), "mean_reversion"),
        (_choice(DRAWDOWN, "SPY", "lt", 2, "SPY", "BIL"), "breakout"),
        (_choice(DRAWDOWN, "SPY", "gt", 10, "SPY", "BIL"), "mean_reversion"),
        (_choice(PRICE, "SPY", "gt", _metric("upper-bollinger", "SPY", 20), "SPY", "BIL"), "breakout"),
        (_choice(PRICE, "SPY", "lt", _metric("lower-bollinger", "SPY", 20), "SPY", "BIL"), "mean_reversion"),
        (b.best(RETURN, {"window": 60}, 1, b.asset("XLK"), b.asset("XLE")), "momentum"),
        (b.best(RSI, {"window": 5}, 1, b.asset("XLK"), b.asset("XLE"), select="bottom"), "mean_reversion"),
    ],
)
def test_one_decision_and_both_of_its_outcomes(tree, category: str) -> None:
    leaves = _leaves(tree)
    assert len(leaves) == 2
    for leaf in leaves:
        assert CATEGORIES[int(leaf.scores.argmax())] == category
        assert leaf.scores.sum() == pytest.approx(1.0)
        assert leaf.reasons[0].endswith(f"-> {category} 1.00")


def test_reasons_say_what_held() -> None:
    met, waiting = _leaves(_choice(RSI, "TQQQ", "gt", 79, "BIL", "TQQQ"))
    assert met.reasons == ("relative-strength-index(10) of TQQQ > 79 holds -> mean_reversion 1.00",)
    assert waiting.reasons == ("relative-strength-index(10) of TQQQ > 79 fails -> mean_reversion 1.00",)
    assert asset_reasons((met, waiting, waiting)) == {"BIL": met.reasons, "TQQQ": waiting.reasons}


def _breakout(nested: bool):
    quiet = (_metric(DEVIATION, "SPY"), "lt", _metric(DEVIATION, "SPY", 40))
    above = (_metric(PRICE, "SPY"), "gt", SLOW)
    inner = b.when(*above, [b.asset("SPY")], [b.asset("BIL")])
    if nested:
        return b.when(*quiet, [b.group(b.equal(inner))], [b.asset("BIL")])
    return b.when(*above, [b.when(*quiet, [b.asset("SPY")], [b.asset("BIL")])], [b.asset("BIL")])


@pytest.mark.parametrize("nested", [True, False])
def test_a_price_above_its_average_confirms_a_breakout_from_a_quiet_range(nested: bool) -> None:
    for leaf in _leaves(_breakout(nested)):
        assert leaf.scores.tolist() == [0, 0, 1, 0]
        assert len(leaf.reasons) == 2 and "one of 2 conditions" in leaf.reasons[0]


def test_any_of_two_conditions_is_one_rule() -> None:
    """If one or the other holds, written as an if in the else: the inner one alone would read as an average."""
    trend = b.when(_metric(PRICE, "SPY"), "gt", SLOW, [b.asset("SPY")], [b.asset("BIL")])
    leaves = _leaves(b.when(_metric(DRAWDOWN, "SPY"), "lt", 1, [b.asset("SPY")], [trend]))
    assert [leaf.ticker for leaf in leaves] == ["SPY", "SPY", "BIL"]
    assert all(leaf.scores.tolist() == [0, 0, 1, 0] for leaf in leaves)


def test_nearer_decisions_count_more() -> None:
    dip = b.when(_metric(RSI, "SPY", 5), "lt", 30, [b.asset("TQQQ")], [b.asset("SPY")])
    leaves = _leaves(b.when(_metric(PRICE, "SPY"), "gt", SLOW, [dip], [b.asset("TLT")]))
    met = leaves[0].scores
    assert met[1] > met[3] > 0 == met[0]
    waiting = leaves[1].scores
    assert met[1] > waiting[1] > 0, "to wait for an extreme says less than to meet it"


def test_no_decision_says_nothing() -> None:
    (found,) = _leaves(b.asset("SPY"))
    assert found.scores.tolist() == [0.25] * 4 and found.reasons == ()
    same = _leaves(_choice(RETURN, "SPY", "gt", 0, "QQQ", "QQQ"))
    assert all(leaf.scores.tolist() == [0.25] * 4 for leaf in same)


def test_exposures() -> None:
    assert exposure("TQQQ", "QQQ") == exposure("SQQQ", "PSQ") == 3.0
    assert exposure("SQQQ", "QQQ") == -3.0 and exposure("TLT", "TLT") == 1.0
    assert 0 < exposure("ETH-USD", "BTC-USD") < 1
    assert exposure("QQQ", "VIXY") < 0 < exposure("SVXY", "SPY")
    assert exposure("BIL", "SPY") == exposure("GLD", "SPY") == 0.0
    assert appetite("TQQQ") > appetite("SPY") > appetite("TLT") > appetite("BIL") == 0 > appetite("UVXY")


def test_leaves_are_the_symphony_s() -> None:
    for entry in GeneratedCatalogue(120, seed=5).entries():
        symphony = parse_symphony(entry.document, symphony_id=entry.symphony_id)
        leaves = classify_leaves(symphony)
        assert [leaf.ticker for leaf in leaves] == [leaf.ticker for leaf in symphony.leaves]
        assert np.array_equal(leaf_scores(symphony), [leaf.scores for leaf in leaves])
        assert np.allclose(leaf_scores(symphony).sum(axis=1), 1.0, atol=1e-6)


def test_generated_families_are_recognised() -> None:
    """Of each strategy the category that it holds for the longest part of its time."""
    panel = load_market("generated:years=4")
    catalogue, evaluator = GeneratedCatalogue(150, seed=11), Evaluator(panel)
    expected, found = [], []
    for entry in catalogue.entries():
        family = catalogue.families[entry.symphony_id]
        if family in CATEGORIES:
            symphony = parse_symphony(entry.document, symphony_id=entry.symphony_id)
            scores = evaluator.replay(symphony, leaf_scores(symphony)).scores
            expected.append(family)
            found.append(CATEGORIES[int(scores.sum(axis=(0, 1)).argmax())])
    assert Counter(expected) == dict.fromkeys(CATEGORIES, 30)
    assert f1_score(expected, found, average="macro") >= 0.9, Counter(zip(expected, found, strict=True))
