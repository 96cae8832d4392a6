"""Values that cannot be meant are refused or remarked, and constants may stand on either side."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import Comparison, Indicator, Metric, parse_symphony
from rlpretrain.symphony.indicators import INDICATORS
from rlpretrain.symphony.meaning import doubts
from rlpretrain.symphony.prices import PriceTable
from tests.symphony import building as b
from tests.symphony.test_indicators import parameters

RSI = ("relative-strength-index", {"window": 10}, "SPY")
PANEL = b.panel({"SPY": 50 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.03, 80)))})
TABLE = PriceTable(PANEL, np.arange(80))
OPPOSITE = {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte", "eq": "eq"}


def parse(document):
    return parse_symphony(document, symphony_id="x")


def rule(left, comparator, right):
    return b.root(b.when(left, comparator, right, [b.asset("SPY")], [b.asset("BIL")]))


def said_of(document):
    """Remarks, without those on levels of prices."""
    return [remark for remark in parse(document).remarks if "decides by the level" not in remark]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(list(INDICATORS.values())),
    st.sampled_from(("gt", "gte", "lt", "lte", "eq")),
    st.sampled_from((-1e9, -100.5, -100, -1, 0, 0.5, 50, 100, 100.5, 1e9)),
)
def test_a_doubt_is_never_wrong(row, comparator, number):
    """What is said to be always or never true is so on every day on which it is known."""
    indicator = Indicator(row.name, parameters(row, 2))
    comparison = Comparison(Metric(indicator, "SPY"), comparator, float(number))
    known = np.isfinite(TABLE.metric(comparison.left))
    found = [words for words in doubts(comparison) if words.endswith("true")]
    if found:
        assert (TABLE.condition(comparison)[known] == ("always" in found[0])).all()


@pytest.mark.parametrize(
    ("left", "comparator", "right", "words"),
    [
        (RSI, "gt", 110, "RSI(10) of SPY > 110 is never true"),
        (RSI, "gte", 0, "RSI(10) of SPY ≥ 0 is always true"),
        (RSI, "lt", 101, "RSI(10) of SPY < 101 is always true"),
        (RSI, "eq", -1, "RSI(10) of SPY = -1 is never true"),
        (("max-drawdown", {"window": 5}, "SPY"), "lt", -10, "max drawdown of SPY over 5 days < -10 % is never true"),
        (("current-price", {}, "SPY"), "gt", -1, "price of SPY > -1 is always true"),
        (RSI, "gt", RSI, "RSI(10) of SPY > RSI(10) of SPY is never true"),
        (RSI, "lte", RSI, "RSI(10) of SPY ≤ RSI(10) of SPY is always true"),
        (
            ("percentage-price-oscillator", {"short-window": 26, "long-window": 12}, "SPY"), "gt", 0,
            "the short window of PPO(26, 12) of SPY is not shorter than the long one",
        ),
    ],
)  # fmt: skip
def test_a_condition_that_decides_nothing_is_remarked(left, comparator, right, words):
    assert said_of(rule(left, comparator, right)) == [f"root/if[0]/if-child[0]: {words}"]


@pytest.mark.parametrize(
    ("left", "comparator", "right"),
    [
        (RSI, "gt", 99.9),
        (RSI, "gt", 0),
        (("current-price", {}, "SPY"), "gt", 0),
        (("cumulative-return", {"window": 5}, "SPY"), "lt", -99),
        (
            ("moving-average-convergence-divergence", {"short-window": 12, "long-window": 26}, "SPY"),
            "gt",
            -1e6,
        ),
    ],
)
def test_a_condition_that_may_turn_is_not(left, comparator, right):
    assert not said_of(rule(left, comparator, right))


@pytest.mark.parametrize("comparator", list(OPPOSITE))
@pytest.mark.parametrize("number", [30, "30", 30.0])
def test_a_constant_on_the_left_is_read(comparator, number):
    expected = parse(rule(RSI, comparator, 30))
    flat = rule(RSI, OPPOSITE[comparator], 30)
    child = flat["children"][0]["children"][0]
    child |= {f"rhs-{name}": child[f"lhs-{name}"] for name in ("fn", "fn-params", "val")}
    child |= {"rhs-fixed-value?": False, "lhs-val": number}
    said = {**child, "lhs-fixed-value?": True}  # The function of the left side is left over.
    for name in ("lhs-fn", "lhs-fn-params"):
        del child[name]
    side = {"fn": "relative-strength-index", "ticker": "SPY", "params": {"window": 10}}
    block = {
        "condition-type": "binary",
        "lhs": {"constant": number},
        "comparator": OPPOSITE[comparator],
        "rhs": side,
    }
    for version in (child, said, {**child, "condition": block}):
        flat["children"][0]["children"][0] = version
        read = parse(flat)
        assert (read.content_hash, read.remarks) == (expected.content_hash, ())


def test_a_placeholder_may_stand_on_the_right():
    side = {"fn": "relative-strength-index", "ticker": "%", "params": {"window": 10}}
    block = {"condition-type": "binary-compound", "operator": "all", "tickers": ["SPY", "QQQ"]}
    document = rule(RSI, "gt", 0)
    document["children"][0]["children"][0]["condition"] = {
        **block, "lhs": {"constant": 70}, "comparator": "lt", "rhs": side,
    }  # fmt: skip
    condition = parse(document).nodes[-1].condition
    assert [str(part) for part in condition.conditions] == [
        "relative-strength-index(10) of SPY > 70",
        "relative-strength-index(10) of QQQ > 70",
    ]


def constants(left, right):
    block = {
        "condition-type": "binary",
        "lhs": {"constant": left},
        "comparator": "gt",
        "rhs": {"constant": right},
    }
    document = rule(RSI, "gt", 0)
    child = document["children"][0]["children"][0]
    yield {**child, "condition": block}
    yield {**child, "lhs-fn": None, "lhs-val": left, "rhs-val": right}


def test_two_constants_are_refused_by_name():
    for child in constants("5", 3):
        document = rule(RSI, "gt", 0)
        document["children"][0]["children"][0] = child
        with pytest.raises(
            SymphonyError, match=r"if-child\[0\]: compares the constant 5 with the constant 3"
        ):
            parse(document)


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (5, "rebalance-corridor-width is 5, expected a fraction from 0 to 1 (5 percent is written 0.05)"),
        (
            "7.5",
            "rebalance-corridor-width is '7.5', expected a fraction from 0 to 1 (7.5 percent is written 0.075)",
        ),
        (500, "rebalance-corridor-width is 500, expected a fraction from 0 to 1"),
        (0, "rebalance-corridor-width is 0, expected a fraction from 0 to 1"),
        ("5%", "rebalance-corridor-width is '5%', expected a number"),
    ],
)
def test_a_corridor_is_a_fraction(width, words):
    with pytest.raises(SymphonyError) as error:
        parse(b.root(b.asset("SPY"), rebalance="none", **{"rebalance-corridor-width": width}))
    assert str(error.value) == f"root: {words}"
    assert (
        parse(b.root(b.asset("SPY"), rebalance="none", **{"rebalance-corridor-width": 1})).corridor_width == 1
    )


def test_a_corridor_beside_a_calendar_is_remarked():
    read = parse(b.root(b.asset("SPY"), rebalance="weekly", **{"rebalance-corridor-width": 0.05}))
    assert read.remarks == (
        "root: rebalance-corridor-width is 0.05, but counts only if rebalance is none; it has no effect",
    )


def test_a_filter_that_selects_more_than_it_has():
    document = b.root(b.best("cumulative-return", {"window": 5}, 3, b.asset("SPY"), b.asset("TLT")))
    assert parse(document).remarks == (
        "root/filter[0]: select-n is 3, but it has 2 children; all are selected",
    )


@pytest.mark.parametrize("number", ["1_0", "1_000.5"])
def test_a_number_that_only_python_reads_is_refused(number):
    with pytest.raises(SymphonyError, match="expected a number"):
        parse(rule(RSI, "gt", number))
