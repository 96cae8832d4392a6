"""Hand-worked replays: one small example for each kind of node and each rule."""

import datetime as dt

import numpy as np
import pytest

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import Evaluator, parse_symphony
from tests.symphony import building as b

UP = [100.0, 110.0, 121.0, 133.1, 146.41]
DOWN = [100.0, 90.0, 81.0, 72.9, 65.61]
FLAT = [50.0] * 5
PRICES = {"UP": UP, "DOWN": DOWN, "FLAT": FLAT}


def replay(document, prices=PRICES, dates=None, **options):
    symphony = parse_symphony(document, symphony_id="test")
    return Evaluator(b.panel(prices, dates)).replay(symphony, **options)


def weights(document, prices=PRICES, dates=None):
    """Rows of {ticker: weight} without zeros."""
    found = replay(document, prices, dates)
    rows = [dict(zip(found.tickers, row.round(12).tolist(), strict=True)) for row in found.targets]
    return [{k: w for k, w in row.items() if w} for row in rows]


def test_equal_and_nested_weights():
    document = b.root(b.equal(b.asset("UP"), b.group(b.equal(b.asset("DOWN"), b.asset("UP")))))
    assert weights(document) == [{"UP": 0.75, "DOWN": 0.25}] * 5


def test_specified_weights():
    document = b.root(b.specified(b.weighted(b.asset("UP"), "70"), b.weighted(b.asset("DOWN"), 30)))
    assert weights(document) == [{"UP": 0.7, "DOWN": 0.3}] * 5


def test_inverse_volatility():
    # Deviations of returns over two days: of (2, 4) percent half those of (2, -2) and so twice the weight.
    prices = {"A": [100.0, 102.0, 106.08], "B": [100.0, 102.0, 99.96]}
    row = weights(b.root(b.inverse_vol(2, b.asset("A"), b.asset("B"))), prices)
    assert row == [{"A": pytest.approx(2 / 3), "B": pytest.approx(1 / 3)}]


def test_a_ticker_that_stands_twice_in_a_split_counts_twice():
    # Composer's own yearly figures of four symphonies ask for it; counted once they are far off.
    prices = {"A": [100.0, 102.0, 106.08], "B": [100.0, 102.0, 99.96]}
    row = weights(b.root(b.inverse_vol(2, b.asset("B"), b.asset("A"), b.asset("B"))), prices)
    assert row == [{"A": pytest.approx(1 / 2), "B": pytest.approx(1 / 2)}]
    best = b.best("cumulative-return", {"window": 1}, 2, b.asset("UP"), b.asset("FLAT"), b.asset("UP"))
    assert weights(b.root(best)) == [{"UP": 1.0}] * 4


def test_assets_that_did_not_move_take_all_of_inverse_volatility():
    document = b.root(b.inverse_vol(2, b.asset("UP"), b.asset("FLAT"), b.asset("DOWN")))
    prices = {**PRICES, "UP": [100.0, 105.0, 121.0, 133.1, 140.0], "DOWN": [100.0, 90.0, 85.0, 72.9, 65.61]}
    assert weights(document, prices)[0] == {"FLAT": 1.0}


@pytest.mark.parametrize(("select", "expected"), [("top", ["UP", "FLAT"]), ("bottom", ["DOWN", "FLAT"])])
def test_filter(select, expected):
    children = [b.asset(t) for t in PRICES]
    for count in (1, 2):
        document = b.root(b.best("cumulative-return", {"window": 1}, count, *children, select=select))
        assert weights(document) == [dict.fromkeys(expected[:count], 1 / count)] * 4


def test_a_filter_that_asks_for_more_than_there_is_takes_all():
    document = b.root(b.best("current-price", {}, 5, b.asset("UP"), b.asset("DOWN")))
    assert weights(document) == [{"UP": 0.5, "DOWN": 0.5}] * 5


def test_ties_go_to_the_first_in_the_document():
    prices = {"A": FLAT, "B": FLAT, "C": FLAT}
    for order in ("ABC", "CBA"):
        document = b.root(b.best("max-drawdown", {"window": 2}, 1, *(b.asset(t) for t in order)))
        assert weights(document, prices)[0] == {order[0]: 1.0}


def test_if_compares_in_the_unit_of_the_function():
    left = ("cumulative-return", {"window": 1}, "UP")
    for threshold, expected in ((9.9, "UP"), (10.1, "DOWN")):
        document = b.root(b.when(left, "gt", threshold, [b.asset("UP")], [b.asset("DOWN")]))
        assert weights(document) == [{expected: 1.0}] * 4


def test_if_compares_two_functions():
    price, mean = ("current-price", {}, "V"), ("moving-average-price", {"window": 2}, "V")
    document = b.root(b.when(price, "gte", mean, [b.asset("UP")], [b.asset("DOWN")]))
    prices = {**PRICES, "V": [10.0, 12.0, 11.0, 11.0, 13.0]}
    # Above its mean of 11, below 11.5, equal to 11, above 12.
    assert [next(iter(row)) for row in weights(document, prices)] == ["UP", "DOWN", "UP", "UP"]


@pytest.mark.parametrize(("operator", "expected"), [("any", "UP"), ("all", "DOWN")])
def test_compound_conditions(operator, expected):
    document = b.root(b.when(("current-price", {}, "UP"), "gt", 1, [b.asset("UP")], [b.asset("DOWN")]))
    document["children"][0]["children"][0]["condition"] = {
        "condition-type": "binary-compound",
        "operator": operator,
        "tickers": ["UP", "DOWN"],
        "lhs": {"fn": "cumulative-return", "ticker": "%", "params": {"window": 1}},
        "comparator": "gt",
        "rhs": {"constant": 0},
    }
    assert weights(document) == [{expected: 1.0}] * 4


def test_a_filter_sorts_groups_by_what_they_earn():
    # On day 1 the switcher turns from UP to DOWN; it still earns UP's first day, and DOWN's from then on.
    falls = ("current-price", {}, "SIGNAL")
    switcher = b.group(b.equal(b.when(falls, "gt", 5, [b.asset("UP")], [b.asset("DOWN")])), name="switcher")
    steady = b.group(b.equal(b.asset("FLAT")), name="steady")
    document = b.root(b.best("cumulative-return", {"window": 1}, 1, switcher, steady))
    prices = {**PRICES, "SIGNAL": [9.0, 1.0, 1.0, 1.0, 9.0]}
    assert weights(document, prices) == [{"DOWN": 1.0}, {"FLAT": 1.0}, {"FLAT": 1.0}, {"FLAT": 1.0}]


def test_inverse_volatility_of_groups_uses_their_own_returns():
    # Half UP and half DOWN, rebalanced daily: +10 % and -10 % cancel, so it stands still and takes all.
    hedged = b.group(b.equal(b.asset("UP"), b.asset("DOWN")))
    document = b.root(b.inverse_vol(2, hedged, b.asset("V")))
    prices = {**PRICES, "V": [1.0, 2.0, 1.0, 2.0, 1.0]}
    found = replay(document, prices)
    np.testing.assert_allclose(found.targets[:, found.tickers.index("V")], 0.0, atol=1e-12)


def test_what_is_empty_stays_in_cash_and_is_remarked():
    document = b.root(b.equal(b.asset("UP"), {"step": "empty"}))
    found = replay(document)
    np.testing.assert_allclose(found.cash, 0.5)
    assert "root/wt-cash-equal[0]/empty[1]: is empty; its share stays in cash" in found.symphony.remarks


def test_the_first_day_is_the_first_on_which_everything_is_known():
    document = b.root(
        b.when(("moving-average-price", {"window": 3}, "UP"), "gt", 0, [b.asset("UP")], [b.asset("LATE")])
    )
    prices = {**PRICES, "LATE": [None, None, None, 7.0, 7.0]}
    assert len(weights(document, prices)) == 2
    del prices["LATE"]
    document["children"][0]["children"][1]["children"] = [b.asset("DOWN")]
    assert len(weights(document, prices)) == 3


def test_the_last_day_is_the_last_on_which_every_ticker_has_a_price():
    found = replay(
        b.root(b.equal(b.asset("UP"), b.asset("GONE"))), {**PRICES, "GONE": [5.0, 5.0, 5.0, None, None]}
    )
    assert len(found.dates) == 3


def test_a_day_without_a_trade_keeps_the_last_close():
    document = b.root(b.when(("current-price", {}, "GAP"), "gt", 8, [b.asset("UP")], [b.asset("DOWN")]))
    prices = {**PRICES, "GAP": [5.0, 9.0, None, 5.0, 5.0]}
    assert [next(iter(row)) for row in weights(document, prices)] == ["DOWN", "UP", "UP", "DOWN", "DOWN"]


def test_a_missing_ticker_is_named_with_its_place():
    with pytest.raises(SymphonyError, match=r"no prices of NONE at root/wt-cash-equal\[0\]/asset\[1\]"):
        replay(b.root(b.equal(b.asset("UP"), b.asset("NONE"))))


def test_windows_longer_than_history_are_named():
    with pytest.raises(SymphonyError, match="there is no day on which all its tickers and windows are known"):
        replay(b.root(b.best("cumulative-return", {"window": 50}, 1, b.asset("UP"), b.asset("DOWN"))))


@pytest.mark.parametrize("known", [0, 1, 2])
def test_a_sub_strategy_without_enough_days_is_named(known):
    """Its equity would begin after the last day, or on it."""
    prices = {**PRICES, "NEW": [1.0] * known + [None] * (5 - known)}
    document = b.root(
        b.best(
            "cumulative-return",
            {"window": 2},
            1,
            b.group(b.equal(b.asset("UP"), b.asset("DOWN"))),
            b.group(b.equal(b.asset("NEW"), b.asset("FLAT"))),
        )
    )
    with pytest.raises(SymphonyError, match="there is no day on which all its tickers and windows are known"):
        replay(document, prices)


def test_a_span():
    document = b.root(b.best("cumulative-return", {"window": 1}, 1, b.asset("UP"), b.asset("DOWN")))
    days = b.weekdays(5)
    whole, part = replay(document), replay(document, start=days[2], end=days[3])
    assert part.dates.tolist() == days[2:4]
    np.testing.assert_array_equal(part.targets, whole.targets[1:3])
    with pytest.raises(SymphonyError, match="it cannot be replayed on any day from"):
        replay(document, start=days[-1] + dt.timedelta(days=9))


def test_crypto_trades_every_day_and_equities_on_sessions():
    days = [dt.date(2024, 1, 5) + dt.timedelta(days=i) for i in range(4)]  # Friday to Monday.
    prices = {"BTC-USD": [1.0, 2.0, 3.0, 4.0], "SPY": [1.0, None, None, 1.0]}
    assert len(replay(b.root(b.asset("CRYPTO::BTC//USD")), prices, days).dates) == 4
    mixed = replay(b.root(b.equal(b.asset("CRYPTO::BTC//USD"), b.asset("SPY"))), prices, days)
    assert mixed.dates.tolist() == [days[0], days[3]]
    signal = b.when(
        ("cumulative-return", {"window": 1}, "SPY"), "gt", -1, [b.asset("CRYPTO::BTC//USD")], None
    )
    assert replay(b.root(signal), prices, days).dates.tolist() == [days[3]]


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        ("daily", dt.date(2024, 5, 30), [True] * 5),
        ("weekly", dt.date(2024, 5, 30), [True, False, True, False, False]),  # Thursday, Friday, Monday, ...
        ("monthly", dt.date(2024, 5, 30), [True, False, True, False, False]),
        ("quarterly", dt.date(2024, 4, 29), [True, False, False, False, False]),
        ("quarterly", dt.date(2024, 6, 27), [True, False, True, False, False]),
        ("yearly", dt.date(2024, 12, 30), [True, False, True, False, False]),
        ("yearly", dt.date(2024, 3, 28), [True, False, False, False, False]),
    ],
)
def test_calendar_rebalancing_on_the_first_day_of_the_period(rule, first, expected):
    document = b.root(b.equal(b.asset("UP"), b.asset("DOWN")), rebalance=rule)
    found = replay(document, dates=b.weekdays(5, first))
    assert found.rebalanced.tolist() == expected
    drifted = 0.5 * 1.1 / (0.5 * 1.1 + 0.5 * 0.9)
    second = 0.5 if expected[1] else drifted
    assert found.targets[1, found.tickers.index("UP")] == pytest.approx(second)


@pytest.mark.parametrize(
    ("width", "expected"), [(0.04, [0, 1, 2, 3, 4]), (0.06, [0, 2, 4]), (0.2, [0]), (None, [0])]
)
def test_the_corridor_is_absolute_weight(width, expected):
    # The weight of UP goes 0.5, 0.55, 0.5990, ...
    fields = {} if width is None else {"rebalance-corridor-width": width}
    found = replay(b.root(b.equal(b.asset("UP"), b.asset("DOWN")), rebalance="none", **fields))
    assert np.flatnonzero(found.rebalanced).tolist() == expected


def test_a_change_of_branch_rebalances_everything():
    signal = ("current-price", {}, "S")
    inner = b.when(signal, "gt", 5, [b.asset("FLAT")], [b.asset("DOWN")])
    held = b.equal(*(b.asset("UP") for _ in range(19)), inner)
    prices = {**PRICES, "S": [9.0, 9.0, 1.0, 1.0, 9.0]}
    found = replay(b.root(held, rebalance="none", **{"rebalance-corridor-width": 0.5}), prices)
    assert np.flatnonzero(found.rebalanced).tolist() == [0, 2, 4]
    assert found.targets[2, found.tickers.index("UP")] == pytest.approx(0.95)


def test_scores_are_summed_by_weight_over_the_active_leaves():
    signal = ("current-price", {}, "S")
    document = b.root(
        b.equal(
            b.asset("UP"),
            b.when(signal, "gt", 5, [b.asset("UP")], [b.asset("DOWN")]),
        )
    )
    prices = {**PRICES, "S": [9.0, 1.0, 9.0, 1.0, 1.0]}
    scores = np.array([[1, 0], [0, 1], [3, 5]], np.float32)
    found = replay(document, prices, leaf_scores=scores)
    down, up = found.tickers.index("DOWN"), found.tickers.index("UP")
    np.testing.assert_allclose(found.scores[0, up], [0.5, 0.5])
    np.testing.assert_allclose(found.scores[1, up], [0.5, 0.0])
    np.testing.assert_allclose(found.scores[1, down], [1.5, 2.5])
    np.testing.assert_allclose(found.scores[0, down], 0.0)


def test_between_rebalances_scores_follow_the_drifted_weight():
    document = b.root(b.equal(b.asset("UP"), b.asset("DOWN")), rebalance="yearly")
    found = replay(document, leaf_scores=np.eye(2, dtype=np.float32))
    np.testing.assert_allclose(found.scores.sum(axis=2), found.targets, rtol=1e-6)
    assert not found.rebalanced[1:].any()


def test_scores_of_ones_are_the_weights():
    document = b.root(
        b.equal(
            b.best("cumulative-return", {"window": 1}, 2, *(b.asset(t) for t in PRICES)),
            b.inverse_vol(2, b.asset("UP"), b.group(b.asset("DOWN"))),
        )
    )
    symphony = parse_symphony(document, symphony_id="test")
    found = replay(document, leaf_scores=np.ones((len(symphony.leaves), 1), np.float32))
    np.testing.assert_allclose(found.scores[:, :, 0], found.targets, rtol=1e-6)


def test_as_many_scores_as_leaves():
    with pytest.raises(ValueError, match="leaf_scores has shape"):
        replay(b.root(b.asset("UP")), leaf_scores=np.ones((2, 4), np.float32))


def test_one_evaluator_serves_many_symphonies_alike():
    documents = [
        b.root(b.best(name, {"window": 2}, 1, b.asset("UP"), b.asset("DOWN"), select=select))
        for name in ("cumulative-return", "max-drawdown", "moving-average-price")
        for select in ("top", "bottom")
    ]
    shared = Evaluator(b.panel(PRICES))
    for document in documents:
        symphony = parse_symphony(document, symphony_id="test")
        alone = Evaluator(b.panel(PRICES)).replay(symphony)
        np.testing.assert_array_equal(shared.replay(symphony).targets, alone.targets)
