"""Margins of replays: what is nearest to turning, in force since when, and what no smaller change of prices turns."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.errors import SymphonyError
from rlpretrain.market import load_market
from rlpretrain.symphony import Evaluator, parse_symphony
from rlpretrain.symphony.margins import HAIRS_BREADTH
from rlpretrain.symphony.nodes import Asset, Filter, If, Metric
from tests.symphony import building as b

DAYS = 120
FUNCTIONS = ("cumulative-return", "relative-strength-index", "moving-average-price", "max-drawdown")


def parsed(document):
    return parse_symphony(document, symphony_id="test")


def rising(start, step):
    """Closes that grow by a fixed amount a day."""
    return [start + step * i for i in range(DAYS)]


def walk(rng, days=DAYS):
    return (100 * np.exp(np.cumsum(rng.normal(0, 0.01, days)))).tolist()


def price_above(ticker, level, then, otherwise):
    return b.when(("current-price", {}, ticker), "gt", level, [then], [otherwise])


def test_the_nearest_active_decision_by_hand():
    # UP grows by 1 a day and SLOW by 0.5; each is so many days' growth from its threshold.
    tree = price_above("UP", 100, price_above("SLOW", 40, b.asset("UP"), b.asset("SLOW")), b.asset("FLAT"))
    prices = {"UP": rising(50, 1), "SLOW": rising(20, 0.5), "FLAT": [10.0] * DAYS}
    margins = Evaluator(b.panel(prices)).replay(parsed(b.root(tree)), margins=True).margins
    days = np.arange(DAYS)
    outer, inner = np.abs(days - 50.0), np.abs(days - 40.0)
    expected = np.where(days > 50, np.minimum(outer, inner), outer)  # the inner one is active from day 51 on
    assert np.isnan(margins.deviations[:21]).all()
    np.testing.assert_allclose(margins.deviations[21:], expected[21:], rtol=1e-5)
    assert str(margins.rule_at(60)) == "price of UP > 100"
    assert margins.rule_at(5) is None
    assert margins.within_noise.tolist() == [d == 50 for d in days]


def test_without_decisions_nothing_can_turn():
    for tree in (b.asset("A"), b.best("cumulative-return", {"window": 3}, 1, b.asset("A"))):
        margins = Evaluator(b.panel({"A": rising(100, 1)})).replay(parsed(b.root(tree)), margins=True).margins
        assert np.isinf(margins.deviations).all()
        assert not margins.within_noise.any()
        assert margins.rule_at(50) is None


def test_margins_are_computed_only_when_asked_for():
    document = b.root(price_above("A", 120, b.asset("A"), b.asset("B")))
    evaluator = Evaluator(b.panel({"A": rising(100, 1), "B": rising(10, 1)}))
    plain, full = evaluator.replay(parsed(document)), evaluator.replay(parsed(document), margins=True)
    assert plain.margins is None
    np.testing.assert_array_equal(plain.targets, full.targets)
    part = full.between(30, 50)
    np.testing.assert_array_equal(part.margins.deviations, full.margins.deviations[30:50])


def test_between_rebalances_the_margin_is_that_of_the_last_one():
    document = b.root(price_above("A", 150, b.asset("A"), b.asset("B")), rebalance="weekly")
    evaluator = Evaluator(b.panel({"A": rising(100, 1), "B": rising(10, 1)}))
    replay = evaluator.replay(parsed(document), margins=True)
    last = np.maximum.accumulate(np.where(replay.rebalanced, np.arange(DAYS), 0))
    assert (~replay.rebalanced).sum() > 80
    known = last >= 21
    np.testing.assert_allclose(replay.margins.deviations[known], np.abs(last - 50.0)[known], rtol=1e-5)
    # Without a calendar the tree is asked at every close.
    document = b.root(price_above("A", 150, b.asset("A"), b.asset("B")), rebalance="none")
    margins = evaluator.replay(parsed(document), margins=True).margins
    np.testing.assert_allclose(margins.deviations[21:], np.abs(np.arange(DAYS) - 50.0)[21:], rtol=1e-5)


def test_decisions_of_a_day_by_hand():
    tree = b.when(
        ("current-price", {}, "A"), "gt", 150,
        [b.best("moving-average-price", {"window": 2}, 1, b.asset("A"), b.asset("B"), b.asset("C"))],
        [b.asset("B")],
    )  # fmt: skip
    prices = {"A": rising(100, 1), "B": rising(10, 3), "C": rising(200, 0.25)}
    evaluator = Evaluator(b.panel(prices))
    day = b.weekdays(DAYS)[80]
    nearest, other = evaluator.decisions(parsed(b.root(tree)), day)
    # The means are 179.5, 248.5 and 219.875; B and C come nearer by 2.75 a day.
    assert (nearest.left, nearest.right) == ("B", "C")
    assert (nearest.left_value, nearest.right_value) == (248.5, 219.875)
    assert nearest.deviations == pytest.approx(28.625 / 2.75)
    assert str(nearest.rule) == "top 1 by SMA(2)"
    assert (other.left, other.left_value, other.right, other.right_value) == ("price of A", 180.0, "", 150.0)
    assert other.difference == 30.0
    assert other.deviations == pytest.approx(30.0)
    assert other.as_json()["rule"] == "price of A > 150"
    with pytest.raises(SymphonyError, match="cannot be replayed on any day"):
        evaluator.decisions(parsed(b.root(tree)), dt.date(1999, 1, 4))


def test_the_comparison_that_decides_a_compound_condition_is_named():
    price = {"fn": "current-price", "ticker": "A", "params": {}}
    parts = [
        {"condition-type": "binary", "lhs": price, "comparator": "gt", "rhs": {"constant": level}}
        for level in (110, 170)
    ]
    tree = price_above("A", 1, b.asset("A"), b.asset("B"))
    tree["children"][0]["condition"] = {"condition-type": "compound", "operator": "any", "conditions": parts}
    symphony = parsed(b.root(tree))
    evaluator = Evaluator(b.panel({"A": rising(100, 1), "B": rising(10, 1)}))
    day = b.weekdays(DAYS)[80]
    (decision,) = evaluator.decisions(symphony, day)
    assert decision.right_value == 110.0, (
        "it is true because of the first part, although the second is nearer"
    )
    assert decision.deviations == pytest.approx(70.0)


@st.composite
def _trees(draw, depth=3):
    if depth == 0:
        return b.asset(draw(st.sampled_from("ABCD")))
    if draw(st.booleans()):
        count = draw(st.integers(1, 3))
        return b.best(
            draw(st.sampled_from(FUNCTIONS)), {"window": draw(st.integers(2, 9))}, count,
            *(b.asset(t) for t in "ABCD"), select=draw(st.sampled_from(["top", "bottom"])),
        )  # fmt: skip
    function, window = draw(st.sampled_from(FUNCTIONS)), {"window": draw(st.integers(2, 9))}
    left = (function, window, draw(st.sampled_from("AB")))
    return b.when(
        left, draw(st.sampled_from(["gt", "lt", "gte", "lte"])), (function, window, draw(st.sampled_from("CD"))),
        [draw(_trees(depth=depth - 1))], [draw(_trees(depth=depth - 1))],
    )  # fmt: skip


def operands(evaluator, symphony, row):
    """Values that decisions depend on, by node: one list of numbers for each If and Filter."""
    table = evaluator.table(symphony)
    found = {}
    for position, node in enumerate(symphony.nodes):
        if isinstance(node, If):
            left, right = table.sides(node.condition)
            found[position] = [left[row] - right[row]]
        elif isinstance(node, Filter):
            children = [symphony.nodes[child] for child in node.children]
            found[position] = [
                table.metric(Metric(node.indicator, c.ticker))[row] for c in children if isinstance(c, Asset)
            ]
    return found


@settings(deadline=None, max_examples=60)
@given(_trees(), st.integers(0, 2**32 - 1))
def test_no_change_of_prices_below_the_distance_changes_the_decision(tree, seed):
    """Perturb the last closes by as much as leaves all active differences within their distances of zero."""
    rng = np.random.default_rng(seed)
    closes = {ticker: walk(rng) for ticker in "ABCD"}
    symphony = parsed(b.root(b.equal(tree, *(b.asset(t) for t in "ABCD"))))
    evaluator = Evaluator(b.panel(closes))
    replay = evaluator.replay(symphony)
    day, row = replay.dates[-1].astype(object), DAYS - 1
    allowed = {
        symphony.nodes.index(d.rule.node): abs(d.difference) for d in evaluator.decisions(symphony, day)
    }
    before = operands(evaluator, symphony, row)
    direction, scale = rng.normal(size=(4, 20)), 0.05
    while True:
        moved = {t: [*c[:-20], *(np.array(c[-20:]) * (1 + scale * direction[i]))] for i, (t, c) in
                 enumerate(closes.items())}  # fmt: skip
        other = Evaluator(b.panel(moved))
        after = operands(other, symphony, row)
        # A selection stays if no value moves by half the gap: then no two move by the gap towards each other.
        if all(
            max(abs(x - y) for x, y in zip(before[at], after[at], strict=True))
            < far / (2 if isinstance(symphony.nodes[at], Filter) else 1)
            for at, far in allowed.items()
            if far > 0
        ):
            break
        scale /= 2
    if all(far > 0 for far in allowed.values()):
        np.testing.assert_array_equal(other.replay(symphony).targets[-1], replay.targets[-1])
    else:
        margins = evaluator.replay(symphony, margins=True).margins
        assert margins.deviations[-1] == 0.0


PANEL = load_market("generated:kind=regimes,years=4")
CATALOGUE = [entry for entry in GeneratedCatalogue(40).entries() if entry.document]


@pytest.mark.parametrize("day", [500, 800])
def test_later_prices_change_no_margin(day):
    rng = np.random.default_rng(day)
    factor = np.where(np.arange(len(PANEL.dates)) > day, rng.uniform(0.5, 2.0, len(PANEL.dates)), 1.0)
    prices = ("open", "high", "low", "close")
    changed = replace(PANEL, **{name: getattr(PANEL, name) * factor[:, None] for name in prices})
    one, two = Evaluator(PANEL), Evaluator(changed)
    compared = 0
    for entry in CATALOGUE:
        symphony = parse_symphony(entry.document, symphony_id=entry.symphony_id)
        try:
            replays = [evaluator.replay(symphony, margins=True) for evaluator in (one, two)]
        except SymphonyError:
            continue
        known = replays[0].dates <= PANEL.dates[day]
        compared += int(known.sum())
        a, c = (replay.margins for replay in replays)
        np.testing.assert_array_equal(a.deviations[known], c.deviations[known])
        np.testing.assert_array_equal(a.noise[known], c.noise[known])
        rules = [[str(m.rules[i]) if i >= 0 else "" for i in m.nearest[known]] for m in (a, c)]
        assert rules[0] == rules[1]
    assert compared > 5_000


def test_the_margins_of_a_library_are_those_of_its_decisions():
    """The last day's margin is the distance of the first decision listed for it, for real kinds of trees."""
    evaluator = Evaluator(PANEL)
    near = 0
    for entry in CATALOGUE:
        symphony = parse_symphony(entry.document, symphony_id=entry.symphony_id)
        replay = evaluator.replay(symphony, margins=True)
        if symphony.rebalance not in ("daily", "none"):
            continue
        decisions = evaluator.decisions(symphony, replay.dates[-1].astype(object))
        nearest = min((d.deviations for d in decisions), default=np.inf)
        assert replay.margins.deviations[-1] == np.float32(nearest)
        noise = min((d.noise for d in decisions), default=np.inf)
        assert replay.margins.within_noise[-1] == (noise <= HAIRS_BREADTH)
        near += len(decisions)
    assert near > 20
