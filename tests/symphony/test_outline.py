"""The outline lists every node of a document and finds the engine's node for it; activity adds up."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import Evaluator, parse_symphony
from rlpretrain.symphony.nodes import Filter
from rlpretrain.symphony.outline import decision_place, find_place, one_line, outline, place_path
from tests.symphony import building as b
from tests.symphony.test_reference import TICKERS, documents

RSI = ("relative-strength-index", {"window": 10}, "AAA")


def outlined(document):
    symphony = parse_symphony(document, symphony_id="x")
    return symphony, outline(document, symphony)


def random_panel(seed, days=60):
    moves = np.random.default_rng(seed).normal(0.0, 0.02, (days, len(TICKERS)))
    prices = 50.0 * np.exp(np.cumsum(moves, axis=0))
    return b.panel({ticker: prices[:, i].tolist() for i, ticker in enumerate(TICKERS)})


@given(documents())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_every_node_of_a_random_document_is_listed(document):
    symphony, places = outlined(document)
    assert len(places) == symphony.node_count
    assert [p.ticker for p in places if p.step == "asset"] == [leaf.ticker for leaf in symphony.leaves]
    assert places[0].below == len(places) - 1
    for row, place in enumerate(places):
        assert find_place(places, place_path(places, row)) == row
        assert [places[child].position for child in place.children] == list(range(len(place.children)))
        assert all(places[child].depth == place.depth + 1 for child in place.children)
    for remark in symphony.remarks:
        path, _, text = remark.partition(": ")
        row = find_place(places, path)
        assert place_path(places, row) == path
        assert text in places[row].remarks


@given(documents(), st.integers(0, 9))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_activity_adds_up_on_random_documents(document, seed):
    symphony, places = outlined(document)
    try:
        activity = Evaluator(random_panel(seed)).activity(symphony)
    except SymphonyError:
        assume(False)
    replay = activity.replay
    last = np.maximum.accumulate(np.where(replay.rebalanced, np.arange(len(replay.dates)), 0))
    held = dict(zip(replay.tickers, replay.targets[last].mean(axis=0), strict=True))
    leaves = dict.fromkeys(held, 0.0)
    for place in places:
        days, weight = activity.days[place.visit], activity.weight[place.visit]
        assert 0 <= weight <= days + 1e-12 <= 1 + 2e-12
        if place.ticker is not None:
            leaves[place.ticker] += weight
        if place.step == "if" and len(place.children) == 2:
            below = sum(activity.days[places[child].visit] for child in place.children)
            assert below == pytest.approx(days)
    assert leaves == pytest.approx(held, abs=1e-9)
    assert activity.days[0] == pytest.approx(1.0)


def test_activity_of_a_hand_worked_symphony():
    """AAA above 100 on three of five days; a weekly symphony keeps the first day's decision all week."""
    document = b.root(
        b.when(
            ("current-price", {}, "AAA"), "gt", 100,
            [b.specified(b.weighted(b.asset("BBB"), 75), b.weighted(b.asset("CCC"), 25))],
            [b.asset("DDD")],
        )
    )  # fmt: skip
    monday = b.weekdays(5, dt.date(2020, 1, 6))
    flat = [10.0] * 5
    panel = b.panel({"AAA": [101, 99, 102, 103, 98], "BBB": flat, "CCC": flat, "DDD": flat}, dates=monday)

    def shares(document):
        symphony, places = outlined(document)
        activity = Evaluator(panel).activity(symphony)
        return {p.text: (activity.days[p.visit], activity.weight[p.visit]) for p in places}

    daily = shares(document)
    assert daily["then"] == pytest.approx((0.6, 0.6))
    assert daily["else"] == pytest.approx((0.4, 0.4))
    assert daily["BBB"] == pytest.approx((0.6, 0.45))
    assert daily["CCC"] == pytest.approx((0.6, 0.15))
    assert daily["DDD"] == pytest.approx((0.4, 0.4))
    weekly = shares({**document, "rebalance": "weekly"})
    assert monday[0].weekday() == 0
    assert weekly["then"] == pytest.approx((1.0, 1.0))
    assert weekly["DDD"] == (0.0, 0.0)


def test_weights_and_words():
    document = b.root(
        b.specified(
            b.weighted(b.group(b.equal(b.asset("AAA"), b.asset("BBB")), name=" Two\nlines\x1b[31m "), 60),
            b.weighted(b.inverse_vol(20, b.asset("AAA"), b.asset("CCC")), 40),
        ),
        {
            "step": "if",
            "children": [
                *b.when(RSI, "gt", 79, [b.asset("AAA")], None)["children"],
                *b.when(RSI, "lt", 30, [b.asset("BBB")], [b.asset("CCC")])["children"],
            ],
        },
        b.best("cumulative-return", {"window": 20}, 2, b.asset("AAA"), b.asset("BBB"), b.asset("CCC")),
        b.best("max-drawdown", {"window": 1}, 1, b.group(b.asset("AAA")), b.asset("BBB"), select="bottom"),
    )
    _, places = outlined(document)
    assert [(p.weight, p.text) for p in places] == [
        (None, "root"),
        (0.25, "specified weights"),
        (0.6, "Two lines[31m"),
        (None, "equal weights"),
        (0.5, "AAA"),
        (0.5, "BBB"),
        (0.4, "weights by inverse volatility over 20 days"),
        (None, "AAA"),
        (None, "CCC"),
        (0.25, "if RSI(10) of AAA > 79"),
        (None, "then"),
        (None, "AAA"),
        (None, "else if RSI(10) of AAA < 30"),
        (None, "BBB"),
        (None, "else"),
        (None, "CCC"),
        (0.25, "top 2 by cumulative return over 20 days"),
        (None, "AAA"),
        (None, "BBB"),
        (None, "CCC"),
        (0.25, "bottom 1 by max drawdown over 1 day"),
        (None, "a group"),
        (None, "AAA"),
        (None, "BBB"),
    ]


def test_a_long_path_is_shortened():
    node = b.asset("AAA")
    for _ in range(1_500):
        node = b.group(node)
    _, places = outlined(b.root(node))
    path = place_path(places, len(places) - 1)
    assert path.startswith("root/…/group[0]/") and path.endswith("/asset[0]")
    assert len(path) < 4_100


@pytest.mark.parametrize(
    ("text", "line"), [("a\tb\r\nc", "a b c"), ("\x1b]0;x\x07é 😀", "]0;xé 😀"), ("", "")]
)
def test_names_are_one_line_that_steers_nothing(text, line):
    assert one_line(text) == line


@given(documents(), st.integers(0, 9))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_each_decision_has_its_node_in_the_document(document, seed):
    symphony, places = outlined(document)
    try:
        replay = Evaluator(random_panel(seed)).replay(symphony, margins=True)
    except SymphonyError:
        assume(False)
    for rule in replay.margins.rules:
        place = places[decision_place(places, rule.visit)]
        assert str(rule) in place.text
        assert place.step == ("filter" if isinstance(rule.node, Filter) else "if")


def test_a_further_condition_of_an_if_is_its_branch():
    tree = b.when(RSI, "gt", 70, [b.asset("AAA")], [b.asset("BBB")])
    second = b.when(RSI, "lt", 30, [b.asset("CCC")], None)["children"][0]
    tree["children"].insert(1, second)
    symphony, places = outlined(b.root(tree))
    replay = Evaluator(random_panel(1)).replay(symphony, margins=True)
    found = {
        str(rule): place_path(places, decision_place(places, rule.visit)) for rule in replay.margins.rules
    }
    assert found == {
        "RSI(10) of AAA > 70": "root/if[0]",
        "RSI(10) of AAA < 30": "root/if[0]/if-child[1]",
    }
