"""Replays without a ticker's prices: the days that need it are left out, and all others are as in the full replay."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import Evaluator, backtest, parse_symphony
from tests.symphony import building as b
from tests.symphony.test_reference import TICKERS, documents

A = [100.0, 101.0, 99.0, 102.0, 98.0, 103.0, 104.0, 97.0, 105.0, 106.0]
PRICES = {"A": A, "B": [50.0 + i for i in range(10)], "C": [30.0 - i for i in range(10)]}
HIGH = (("current-price", {}, "A"), "gt", 100)


def without(document, prices, dates=None, **options):
    symphony = parse_symphony(document, symphony_id="test")
    return Evaluator(b.panel(prices, dates), missing_tickers="replay_without").replay(symphony, **options)


def rows(replay):
    found = [dict(zip(replay.tickers, row.tolist(), strict=True)) for row in replay.targets]
    return ["+".join(t for t, w in row.items() if w) for row in found]


def test_by_default_a_missing_ticker_is_rejected():
    document = b.root(b.when(*HIGH, [b.asset("B")], [b.asset("X")]))
    with pytest.raises(SymphonyError, match="no prices of X at root/if"):
        Evaluator(b.panel(PRICES)).replay(parse_symphony(document, symphony_id="test"))


def test_days_on_which_a_branch_holds_it_are_left_out():
    found = without(b.root(b.when(*HIGH, [b.asset("B")], [b.asset("X")])), PRICES)
    assert rows(found) == ["B", "", "B", "", "B", "B", "", "B", "B"], (
        "from the second day, the first on which it is B"
    )
    assert found.undecided.tolist() == [row == "" for row in rows(found)]
    assert found.rebalanced.all()
    (remark,) = found.remarks
    assert remark == (
        "root/if[0]/if-child[1]/asset[0]: no prices of X; 4 of 10 days need them and are left out, in cash"
    )


def test_days_on_which_a_condition_reads_it_are_left_out():
    inner = b.when(("relative-strength-index", {"window": 3}, "X"), "gt", 50, [b.asset("B")], [b.asset("C")])
    found = without(b.root(b.when(*HIGH, [inner], [b.asset("C")])), PRICES)
    assert rows(found) == ["C", "", "C", "", "C", "", "", "C"], "the first day and the last ones need it"


@pytest.mark.parametrize(("operator", "expected"), [("any", "C" * 10), ("all", "")])
def test_a_condition_that_another_part_decides_does_not_need_it(operator, expected):
    price = {"fn": "current-price", "params": {}}
    parts = [
        {
            "condition-type": "binary",
            "lhs": {**price, "ticker": t},
            "comparator": "gt",
            "rhs": {"constant": 1},
        }
        for t in ("A", "X")
    ]
    tree = b.when(*HIGH, [b.asset("C")], [b.asset("B")])
    tree["children"][0]["condition"] = {
        "condition-type": "compound",
        "operator": operator,
        "conditions": parts,
    }
    if expected:
        assert "".join(rows(without(b.root(tree), PRICES))) == expected
    else:
        with pytest.raises(SymphonyError, match="10 of 10 days need them"):
            without(b.root(tree), PRICES)


def test_a_filter_needs_all_its_children():
    choice = b.best("cumulative-return", {"window": 1}, 1, b.asset("B"), b.asset("X"))
    found = without(b.root(b.when(*HIGH, [b.asset("C")], [choice])), PRICES)
    assert rows(found)[:4] == ["C", "", "C", ""]
    with pytest.raises(SymphonyError, match="9 of 9 days"):
        without(
            b.root(
                b.equal(choice, b.best("cumulative-return", {"window": 1}, 1, b.asset("B"), b.asset("C")))
            ),
            PRICES,
        )


def test_a_ticker_that_ends_is_missing_from_then_on():
    prices = {**PRICES, "X": [*range(10, 15), *[None] * 5]}
    found = without(b.root(b.when(*HIGH, [b.asset("B")], [b.asset("X")])), prices)
    # On the last day with a price it is held, so that the return into the next day is unknown.
    assert rows(found) == ["X", "B", "X", "B", "X", "", "B", "", "B", "B"]
    assert found.remarks[0].startswith(
        f"root/if[0]/if-child[1]/asset[0]: no prices of X after {b.weekdays(10)[4]}; 2 of"
    )
    result = backtest(found, b.panel(prices))
    assert np.isfinite(result.equity).all()
    assert result.shares["X"] == 0.0 < result.shares["B"]
    default = Evaluator(b.panel(prices)).replay(found.symphony)
    assert len(default.dates) == 5


def test_sub_strategies_need_it_on_all_days():
    groups = [b.group(b.asset("B")), b.group(b.when(*HIGH, [b.asset("A")], [b.asset("X")]))]
    for tree in (b.best("cumulative-return", {"window": 2}, 1, *groups), b.inverse_vol(2, *groups)):
        with pytest.raises(SymphonyError, match="no prices of X at"):
            without(b.root(tree), PRICES)
        ends = without(b.root(tree), {**PRICES, "X": [*range(10, 17), None, None, None]})
        assert ends.dates[-1] == np.datetime64(b.weekdays(10)[6]), (
            "it stops where the ticker ends, as by default"
        )
        assert ends.remarks == ()


def test_what_is_held_is_unknown_until_the_next_rebalance():
    document = b.root(b.when(*HIGH, [b.asset("B")], [b.asset("X")]), rebalance="weekly")
    # Day 0 is a Wednesday; weeks begin on days 3 and 8. The first decision needs X, those of the Mondays do not.
    dates = b.weekdays(10, first=b.dt.date(2020, 2, 26))
    found = without(document, PRICES, dates)
    assert found.dates[0] == np.datetime64(dates[3])
    assert rows(found) == ["B"] * 7
    later = {**PRICES, "A": [101.0, *A[1:3], 99.0, *A[4:]]}
    assert rows(without(document, later, dates)) == ["B", "B", "B", "", "", "", "", "", "B", "B"]


def test_without_a_calendar_a_known_change_of_leaves_makes_it_known():
    inner = b.when(("current-price", {}, "B"), "gt", 53.5, [b.asset("A")], [b.asset("C")])
    tree = b.when(*HIGH, [inner], [b.asset("X")])
    prices = {**PRICES, "A": [101.0, 99.0, *[102.0] * 8]}
    # Day 1 needs X. C is wanted again from day 2 on, but whether that is a change is unknown; on day 4 A is one.
    assert rows(without(b.root(tree, rebalance="none"), prices)) == ["C", "", "", "", *["A"] * 6]


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(
    documents(),
    st.integers(0, 2**32 - 1),
    st.sampled_from(TICKERS),
    st.one_of(st.none(), st.integers(25, 55)),
)
def test_decided_days_are_those_of_the_full_replay_whatever_the_prices(document, seed, ticker, end):
    """Whatever the prices of the missing ticker would have been."""
    rng = np.random.default_rng(seed)
    prices = {t: (50 * np.exp(np.cumsum(rng.normal(0, 0.02, 60)))).tolist() for t in TICKERS}
    symphony = parse_symphony(document, symphony_id="x")
    assume(ticker in symphony.tickers and len(symphony.tickers) > 1)
    other = (80 * np.exp(np.cumsum(rng.normal(0, 0.05, 60)))).tolist()
    known = 0 if end is None else end
    series = {"one": prices[ticker], "two": [*prices[ticker][:known], *other[known:]]}
    cut = {t: p for t, p in prices.items() if t != ticker}
    if end is not None:
        cut[ticker] = [*prices[ticker][:end], *[None] * (60 - end)]
    full = {name: b.panel({**prices, ticker: p}) for name, p in series.items()}
    try:
        complete = {name: Evaluator(panel).replay(symphony) for name, panel in full.items()}
        start = max(replay.dates[0] for replay in complete.values()).astype(object)
        partial = Evaluator(b.panel(cut), missing_tickers="replay_without").replay(symphony, start=start)
    except SymphonyError:
        assume(False)
    for panel in full.values():
        whole = Evaluator(panel).replay(symphony, start=start)
        at = np.searchsorted(whole.dates, partial.dates)
        decided = slice(None) if partial.undecided is None else ~partial.undecided
        columns = [whole.tickers.index(name) for name in partial.tickers]
        np.testing.assert_array_equal(partial.targets[decided], whole.targets[at][decided][:, columns])
        if partial.undecided is not None:
            assert (partial.targets[partial.undecided] == 0).all()
            np.testing.assert_array_equal(
                partial.rebalanced[1:][decided[1:]], whole.rebalanced[at][1:][decided[1:]]
            )


def test_with_all_prices_nothing_changes():
    document = b.root(b.when(*HIGH, [b.asset("B")], [b.asset("C")]), rebalance="weekly")
    symphony = parse_symphony(document, symphony_id="x")
    one = Evaluator(b.panel(PRICES)).replay(symphony, margins=True)
    two = Evaluator(b.panel(PRICES), missing_tickers="replay_without").replay(symphony, margins=True)
    assert two.undecided is None
    np.testing.assert_array_equal(one.targets, two.targets)
    np.testing.assert_array_equal(one.rebalanced, two.rebalanced)
    np.testing.assert_array_equal(one.margins.deviations, two.margins.deviations)
    assert two.remarks == ()
