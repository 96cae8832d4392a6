"""The next close at which a decision turns: closed forms, and the engine's own answer on the day that follows."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rlpretrain.symphony import Evaluator, parse_symphony
from rlpretrain.symphony.turning import Turn, next_turn
from tests.symphony import building as b

DAYS = 40
WALK = (100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, DAYS)))).round(4).tolist()


def turn_of(node, prices, rows=DAYS, rebalance="daily"):
    """The next turn of the only decision of a tree, at a row of the prices."""
    symphony = parse_symphony(b.root(node, rebalance=rebalance), symphony_id="test")
    evaluator = Evaluator(b.panel(prices))
    table = evaluator.table(symphony)
    (decision,) = evaluator.decisions(symphony, table.dates[rows - 1].astype(object))
    return next_turn(table, rows - 1, decision)


def when(function, window, comparator, right, ticker="A"):
    params = {} if window is None else {"window": window}
    return b.when((function, params, ticker), comparator, right, [b.asset("A")], [b.asset("B")])


PRICES = {"A": WALK, "B": [50.0] * DAYS}


@pytest.mark.parametrize(
    ("function", "window", "level", "close"),
    [
        ("current-price", None, 110, 110.0),
        ("cumulative-return", 3, 5, 1.05 * WALK[-3]),
        ("moving-average-price", 4, 104, 4 * 104 - sum(WALK[-3:])),
    ],
)
def test_closed_forms(function, window, level, close):
    turn = turn_of(when(function, window, "gt", level), PRICES)
    assert turn.ticker == "A" and turn.last_close == WALK[-1]
    assert turn.close == pytest.approx(close, rel=1e-6)
    assert turn.change == pytest.approx(close / WALK[-1] - 1, abs=1e-6)


def test_of_two_tickers_the_one_that_needs_the_smaller_move():
    # B would have to fall by more than half; A has to rise by twenty per cent.
    prices = {"A": [100.0 + 0.01 * i for i in range(DAYS)], "B": [120.0 + 0.01 * i for i in range(DAYS)]}
    price_of_a, price_of_b = (("current-price", {}, ticker) for ticker in "AB")
    turn = turn_of(b.when(price_of_a, "gt", price_of_b, [b.asset("A")], [b.asset("B")]), prices)
    assert turn.ticker == "B"
    assert turn.close == pytest.approx(prices["A"][-1], rel=1e-6)


def test_a_filter_turns_where_two_children_change_places():
    prices = {
        "A": WALK,
        "B": [50 + 0.001 * i for i in range(DAYS)],
        "C": [90.0 - 0.3 * i for i in range(DAYS)],
    }
    turn = turn_of(b.best("cumulative-return", {"window": 2}, 1, *map(b.asset, "ABC")), prices)
    gains = {name: closes[-1] / closes[-2] - 1 for name, closes in prices.items()}
    (best, second) = sorted("ABC", key=lambda name: -(prices[name][-1] / prices[name][-3] - 1))[:2]
    assert turn is not None and turn.ticker in (best, second) and gains
    other = second if turn.ticker == best else best
    expected = prices[other][-1] / prices[other][-2] * prices[turn.ticker][-2]
    assert turn.close == pytest.approx(expected, rel=1e-6)


def test_what_no_close_turns_and_what_turns_by_itself():
    assert turn_of(when("current-price", None, "gt", 1_000), PRICES) is None
    # A jump leaves the window: the return over three days is then zero whatever happens.
    prices = {"A": [100.0] * (DAYS - 3) + [110.0] * 3, "B": [50.0] * DAYS}
    turn = turn_of(when("cumulative-return", 3, "gt", 5), prices)
    assert turn == Turn("A", 110.0, 110.0) and turn.change == 0.0
    assert "unchanged" in str(turn)


@given(
    seed=st.integers(0, 10_000),
    function=st.sampled_from(
        [
            "relative-strength-index",
            "exponential-moving-average-price",
            "standard-deviation-return",
            "max-drawdown",
        ]
    ),
    place=st.floats(0.05, 0.95),
)
@settings(max_examples=25)
def test_the_engine_agrees_on_the_day_that_follows(seed, function, place):
    walk = (100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, DAYS)))).tolist()
    low, high = {"relative-strength-index": (10, 90), "exponential-moving-average-price": (90, 110)}.get(
        function, (0.1, 4)
    )
    node = when(function, 5, "gt", round(low + place * (high - low), 3))
    prices = {"A": walk, "B": [50.0] * DAYS}
    symphony = parse_symphony(b.root(node), symphony_id="test")
    turn = turn_of(node, prices)
    assume(turn is not None and abs(turn.change) > 1e-6)

    def holds(close):
        evaluator = Evaluator(b.panel({"A": [*walk, close], "B": [50.0] * (DAYS + 1)}))
        return bool(evaluator.table(symphony).condition(symphony.nodes[symphony.root].condition)[-1])

    now = bool(
        Evaluator(b.panel(prices)).table(symphony).condition(symphony.nodes[symphony.root].condition)[-1]
    )
    assert holds(turn.close) != now
    back = 3e-7 * turn.last_close
    assert holds(turn.close - np.sign(turn.change) * back) == now


def test_later_closes_are_not_read():
    early = turn_of(when("relative-strength-index", 5, "gt", 60), PRICES, rows=30)
    cut = {name: closes[:30] for name, closes in PRICES.items()}
    assert early == turn_of(when("relative-strength-index", 5, "gt", 60), cut, rows=30)
