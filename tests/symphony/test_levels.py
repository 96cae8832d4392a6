"""Decisions by the level of a price: which they are, and that later splits and dividends never change them unseen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.market.panel import PricePanel
from rlpretrain.symphony import Evaluator, parse_symphony
from rlpretrain.symphony.levels import no_vote_reason
from tests.symphony import building as b
from tests.symphony.reference import Reference, TooClose
from tests.symphony.test_reference import TICKERS, documents

PRICE = "current-price", {}
MEAN = "moving-average-price", {"window": 5}
MACD = "moving-average-convergence-divergence", {"short-window": 3, "long-window": 6}
RSI = "relative-strength-index", {"window": 5}
SPLIT = 4


def parsed(*children):
    return parse_symphony(b.root(*children), symphony_id="test")


def if_(left, right, comparator="gt"):
    return b.when(left, comparator, right, [b.asset("AAA")], [b.asset("BBB")])


def compound(*conditions):
    node = if_((*PRICE, "AAA"), 1)
    node["children"][0]["condition"] = {
        "condition-type": "compound",
        "operator": "all",
        "conditions": [
            {"condition-type": "binary", "lhs": left, "comparator": "gt", "rhs": right}
            for left, right in conditions
        ],
    }
    return node


@pytest.mark.parametrize(
    ("node", "kinds", "tickers"),
    [
        (if_((*PRICE, "AAA"), 300), ("number",), ("AAA",)),
        (if_((*MACD, "AAA"), -0.5), ("number",), ("AAA",)),
        (if_((*MEAN, "AAA"), (*RSI, "BBB")), ("other metric",), ("AAA",)),
        (if_((*RSI, "AAA"), (*MEAN, "BBB")), ("other metric",), ("BBB",)),
        (if_((*PRICE, "BBB"), (*PRICE, "AAA")), ("other ticker",), ("AAA", "BBB")),
        (b.best(*MEAN, 1, b.asset("BBB"), b.asset("AAA")), ("filter",), ("AAA", "BBB")),
        (
            compound(
                ({"fn": "relative-strength-index", "ticker": "CCC", "window": 5}, {"constant": 70}),
                (
                    {"fn": "current-price", "ticker": "BBB"},
                    {"fn": "moving-average-price", "ticker": "AAA", "window": 2},
                ),
                ({"fn": "current-price", "ticker": "AAA"}, {"constant": 9}),
            ),
            ("other ticker", "number"),
            ("AAA", "BBB"),
        ),
    ],
)
def test_what_a_factor_on_one_tickers_closes_can_turn_is_a_level_rule(node, kinds, tickers):
    symphony = parsed(b.equal(b.asset("AAA"), node))
    ((rule, path),) = symphony.level_rules.items()
    place = "root/wt-cash-equal[0]/" + ("filter[1]" if node["step"] == "filter" else "if[1]/if-child[0]")
    assert (path, rule.kinds, rule.tickers) == (place, kinds, tickers)
    (remark,) = symphony.remarks
    assert remark.startswith(f"{place}: decides by the level of an adjusted price (")
    assert remark.endswith("later splits and dividends change earlier decisions; raw prices are needed")


@pytest.mark.parametrize(
    "node",
    [
        if_((*MACD, "AAA"), 0),
        if_((*PRICE, "AAA"), (*MEAN, "AAA")),
        if_((*RSI, "AAA"), 70),
        if_((*RSI, "AAA"), (*RSI, "BBB")),
        b.best(*MEAN, 1, b.asset("AAA"), b.asset("AAA")),
        b.best(*RSI, 1, b.asset("AAA"), b.asset("BBB")),
        b.inverse_vol(3, b.asset("AAA"), b.asset("BBB")),
    ],
)
def test_what_a_factor_cannot_turn_is_none(node):
    symphony = parsed(node)
    assert not symphony.level_rules
    assert not symphony.remarks


def test_every_node_is_remarked_and_equal_rules_are_listed_once_in_document_order():
    level, ranked = if_((*PRICE, "AAA"), 300), b.best(*PRICE, 1, b.asset("AAA"), b.asset("BBB"))
    symphony = parsed(b.when((*PRICE, "BBB"), "lt", 7, [level], [ranked, level]))
    places = [
        "root/if[0]/if-child[0]",
        "root/if[0]/if-child[0]/if[0]/if-child[0]",
        "root/if[0]/if-child[1]/filter[0]",
        "root/if[0]/if-child[1]/if[1]/if-child[0]",
    ]
    assert [remark.partition(": ")[0] for remark in symphony.remarks] == places
    assert list(symphony.level_rules.values()) == places[:3]


def adjusted(raw, events):
    """Adjusted closes from raw ones: each (row, factor) multiplies all earlier closes."""
    close = np.array(raw, float)
    for row, factor in events:
        close[:row] *= factor
    return close


def with_raw(prices, raw):
    panel = b.panel(prices)
    return replace(panel, raw_close=np.array([raw[symbol] for symbol in panel.symbols]).T)


def compared(panel, node):
    """The left side of a condition on each day."""
    symphony = parsed(node)
    return Evaluator(panel).table(symphony).sides(symphony.nodes[symphony.root].condition)[0]


def held(panel, *nodes, first=0):
    """The ticker held after each close; every tree here holds one."""
    replay = Evaluator(panel).replay(parsed(*nodes))
    assert replay.dates[0] == panel.dates[first]
    return "".join(replay.tickers[row.argmax()][0] for row in replay.targets)


def test_with_raw_prices_a_price_is_the_quote_to_the_last_bit():
    rng = np.random.default_rng(1)
    raw = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.03, 300))), 2)
    close = adjusted(raw, [(40, 0.997), (120, 1 / 3), (200, 0.9913)])
    flat = [50.0] * 300
    panel = with_raw({"AAA": close, "BBB": flat}, {"AAA": raw, "BBB": flat})
    threshold = float(raw[150])
    node = if_((*PRICE, "AAA"), threshold, "gte")
    assert held(panel, node) == "".join("A" if quote >= threshold else "B" for quote in raw)
    np.testing.assert_array_equal(compared(panel, node), raw)


def test_a_mean_is_that_of_the_closes_as_adjusted_on_the_day():
    # A 2:1 split before the third close and a dividend of 5 % before the fifth.
    raw, close = [100.0, 104.0, 53.0, 50.0, 49.0], [47.5, 49.4, 50.35, 47.5, 49.0]
    panel = with_raw({"AAA": close, "BBB": close}, {"AAA": raw, "BBB": raw})
    left = compared(panel, if_(("moving-average-price", {"window": 2}, "AAA"), 60))
    # On the third day the second close counts as 52, on the fifth the fourth as 47.5.
    np.testing.assert_allclose(left, [np.nan, 102.0, 52.5, 51.5, 48.25], rtol=1e-15)


def test_a_filter_sorts_by_what_was_quoted():
    raw = {"AAA": [30.0, 32.0, 31.0, 8.0], "BBB": [20.0, 20.0, 20.0, 20.0]}
    close = {"AAA": [7.5, 8.0, 7.75, 8.0], "BBB": raw["BBB"]}
    node = b.best(*PRICE, 1, b.asset("AAA"), b.asset("BBB"))
    assert held(with_raw(close, raw), node) == "AAAB"
    assert held(b.panel(close), node) == "BBBB"


def test_a_day_without_a_close_takes_the_last_quote():
    close, raw = {"AAA": [5.0, None, 6.0], "BBB": [1.0] * 3}, {"AAA": [500.0, np.nan, 6.0], "BBB": [1.0] * 3}
    panel = with_raw(close, raw)
    assert held(panel, if_((*PRICE, "AAA"), 300)) == "AAB"


def reason(panel, *nodes):
    symphony, evaluator = parsed(*nodes), Evaluator(panel)
    replay = evaluator.replay(symphony)
    missing = evaluator.missing_raw_closes(replay)
    return missing, no_vote_reason(symphony, missing)


def test_without_raw_prices_there_is_no_vote_and_the_node_is_named():
    close = {"AAA": [400.0, 200.0, 400.0], "BBB": [1.0, 2.0, 3.0], "CCC": [1.0, 2.0, 3.0]}
    missing, text = reason(b.panel(close), if_((*PRICE, "AAA"), 300))
    assert missing == {"AAA": 3}
    assert text.startswith(
        "root/if[0]/if-child[0]: decides by the level of an adjusted price (against a number)"
    )
    assert "AAA (3 days)" in text
    assert "add the closes as they were quoted" in text
    # Raw prices of another ticker do not help; those of all tickers that decide do.
    two = if_((*PRICE, "AAA"), (*PRICE, "CCC"))
    unknown = [np.nan] * 3
    missing, text = reason(with_raw(close, close | {"CCC": unknown}), two)
    assert missing == {"AAA": 0, "CCC": 3}
    assert "CCC (3 days)" in text
    assert reason(with_raw(close, close | {"BBB": unknown}), two) == ({"AAA": 0, "CCC": 0}, None)
    assert reason(b.panel(close), if_((*PRICE, "AAA"), ("moving-average-price", {"window": 1}, "AAA"))) == (
        {},
        None,
    )


def test_before_the_first_quote_nothing_is_replayed_and_a_hole_costs_the_vote():
    close = {"AAA": [400.0, 400.0, 400.0, 400.0], "BBB": [1.0] * 4}
    late = with_raw(close, close | {"AAA": [np.nan, 400.0, 400.0, 400.0]})
    assert held(late, if_((*PRICE, "AAA"), 300), first=1) == "AAA"
    assert reason(late, if_((*PRICE, "AAA"), 300)) == ({"AAA": 0}, None)
    # A comparison with an unknown value is false; that of the hole is counted, and the strategy does not vote.
    for bad in (np.nan, 0.0, -400.0):
        hole = with_raw(close, close | {"AAA": [400.0, 400.0, bad, 400.0]})
        assert held(hole, if_((*PRICE, "AAA"), 300)) == "AABA"
        missing, text = reason(hole, if_((*PRICE, "AAA"), 300))
        assert missing == {"AAA": 1}
        assert "AAA (1 day)" in text


def test_a_hole_before_the_replay_counts_because_sub_strategies_begin_earlier():
    closes = [400.0, 410.0, 420.0, 430.0, 440.0, 450.0]
    close = {"AAA": closes, "BBB": closes[::-1], "CCC": closes}
    inner = b.group(if_((*PRICE, "AAA"), 300))
    node = b.best("cumulative-return", {"window": 3}, 1, inner, b.asset("CCC"))
    missing, text = reason(with_raw(close, close | {"AAA": [400.0, np.nan, *closes[2:]]}), node)
    assert missing == {"AAA": 1}
    assert text


@pytest.mark.parametrize("days", [0, 4])
def test_a_ticker_that_ends_or_is_absent_keeps_the_vote_of_a_branch(days):
    # CCC's level decides in the branch of falling closes alone; without a close there is nothing to quote.
    close = {"AAA": [9.0, 5.0] * 4, "BBB": [1.0] * 8, "CCC": [400.0] * days + [None] * (8 - days)}
    close = {ticker: closes for ticker, closes in close.items() if any(closes)}
    raw = {
        ticker: [np.nan if price is None else price for price in closes] for ticker, closes in close.items()
    }
    inner = b.when((*PRICE, "CCC"), "gt", 300, [b.asset("AAA")], [b.asset("BBB")])
    node = b.when(("cumulative-return", {"window": 1}, "AAA"), "lt", 0, [inner], [b.asset("BBB")])
    symphony = parsed(node)

    def missing(panel):
        evaluator = Evaluator(panel, missing_tickers="replay_without")
        replay = evaluator.replay(symphony)
        assert replay.undecided is not None and (~replay.undecided).sum() > 2
        return evaluator.missing_raw_closes(replay)

    assert missing(with_raw(close, raw)) == {"CCC": 0}
    assert no_vote_reason(symphony, missing(with_raw(close, raw))) is None
    if days:
        # A close that has no quote beside it costs the vote, as do closes without any.
        assert missing(with_raw(close, raw | {"CCC": [400.0, np.nan, 400.0, *raw["CCC"][3:]]})) == {"CCC": 1}
        assert missing(b.panel(close)) == {"CCC": 3}, "its first day is before the replay"


def test_a_later_split_changes_no_decision_that_votes():
    before = [260.0, 290.0, 310.0, 330.0, 305.0]
    after = [price / SPLIT for price in before]
    node = if_((*PRICE, "AAA"), 300)
    panels = [b.panel({"AAA": closes, "BBB": [1.0] * 5}) for closes in (before, after)]
    assert [held(panel, node) for panel in panels] == ["BBAAA", "BBBBB"]
    assert all(reason(panel, node)[1] for panel in panels)
    quoted = [
        with_raw({"AAA": closes, "BBB": [1.0] * 5}, {"AAA": before, "BBB": [1.0] * 5})
        for closes in (before, after)
    ]
    assert [held(panel, node) for panel in quoted] == ["BBAAA", "BBAAA"]
    assert not any(reason(panel, node)[1] for panel in quoted)


def random_prices(seed, days):
    rng = np.random.default_rng(seed)
    return 50 * np.exp(np.cumsum(rng.normal(0, 0.04, (days, len(TICKERS))), axis=0))


def quoted_panel(close, raw):
    panel = b.panel({ticker: close[:, i].tolist() for i, ticker in enumerate(TICKERS)})
    return replace(panel, raw_close=raw)


def decisions(panel, symphony, days):
    """Weights and rebalances of the days before the `days`-th; None if the first decision is later."""
    try:
        replay = Evaluator(panel).replay(symphony)
    except SymphonyError:
        return None
    stop = int(np.searchsorted(replay.dates, panel.dates[days - 1], side="right"))
    return (replay.targets[:stop], replay.rebalanced[:stop]) if stop else None


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    document=documents(),
    seed=st.integers(0, 2**32),
    later=st.lists(
        st.sampled_from((0.5, 0.25, 1 / 3, 10.0, 0.993, 0.96)),
        min_size=len(TICKERS),
        max_size=len(TICKERS),
    ),
    days=st.integers(14, 30),
)
def test_what_was_decided_stays_so_after_later_splits_and_dividends_or_has_no_vote(
    document, seed, later, days
):
    """What a replay decides on the first `days` days is compared with one on the panel that had only those days."""
    close, dates = random_prices(seed, 34), b.weekdays(34)
    prices = {ticker: close[:days, i].tolist() for i, ticker in enumerate(TICKERS)}
    try:
        Reference(document, dates[:days], prices).replay()
    except TooClose:
        assume(False)
    raw = adjusted(close * np.array([7.0, 1.3, 0.2, 11.0]), [(6, np.array([2.0, 1.0, 1.01, 0.2]))])
    symphony = parse_symphony(document, symphony_id="random")
    then: PricePanel = quoted_panel(close[:days], raw[:days])
    now: PricePanel = quoted_panel(adjusted(close, [(days, np.array(later))]), raw)
    expected = decisions(then, symphony, days)
    assume(expected is not None)
    same_decisions(decisions(now, symphony, days), expected)
    if not symphony.level_rules:
        unquoted = decisions(replace(now, raw_close=None), symphony, days)
        same_decisions(unquoted, decisions(replace(then, raw_close=None), symphony, days))
        same_decisions(unquoted, expected)


def same_decisions(found, expected):
    np.testing.assert_allclose(found[0], expected[0], atol=1e-9, rtol=0)
    np.testing.assert_array_equal(found[1], expected[1])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(document=documents(), seed=st.integers(0, 2**32), day=st.integers(14, 30))
def test_no_level_depends_on_later_prices_or_quotes(document, seed, day):
    close, other = random_prices(seed, 34), random_prices(seed + 1, 34)
    raw = adjusted(close * 3.0, [(20, 2.0)])
    later = np.arange(34)[:, None] >= day
    symphony = parse_symphony(document, symphony_id="random")
    first = decisions(quoted_panel(close, raw), symphony, day)
    assume(first is not None)
    changed = quoted_panel(np.where(later, other, close), np.where(later, other * 9.0, raw))
    second = decisions(changed, symphony, day)
    np.testing.assert_array_equal(second[0], first[0])
    np.testing.assert_array_equal(second[1], first[1])
