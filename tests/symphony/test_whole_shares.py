"""Whole shares: the account by hand, what always holds of it, the table of tickers, and prices of shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.symphony import (
    FRACTIONABILITY,
    WHOLE_SHARE_TICKERS,
    Costs,
    Evaluator,
    Fractionability,
    backtest,
    parse_symphony,
    yearly_statistics,
)
from rlpretrain.symphony.settings import FidelitySettings
from rlpretrain.symphony.share_prices import share_price_factor
from tests.symphony import building as b

ONE = b.root(b.asset("A"))
HALVES = b.root(b.equal(b.asset("A"), b.asset("B")))


def run(document, prices, costs=None, fill="same_close", *, whole=("A",), raw=None, **options):
    panel = b.panel(prices)
    if raw is not None:
        panel = replace(panel, raw_close=np.array([raw[s] for s in panel.symbols], float).T)
    replay = Evaluator(panel).replay(parse_symphony(document, symphony_id="test"))
    return backtest(
        replay, panel, Costs.free() if costs is None else costs, fill, whole_share_tickers=whole, **options
    )


def test_the_rest_of_one_asset_stays_in_cash():
    result = run(ONE, {"A": [30.0, 33.0, 27.0]}, capital=1_000.0)
    # 33 shares for 990, and 10 in cash, which never buys another one.
    assert result.equity.tolist() == pytest.approx([1_000.0, 33 * 33 + 10, 33 * 27 + 10])
    assert result.shares == {"A": pytest.approx(33.0)}
    assert result.turnover.tolist() == pytest.approx([0.99, 0.0, 0.0])


def test_cash_buys_one_more_share_when_it_can():
    result = run(ONE, {"A": [30.0, 9.0, 12.0]}, capital=1_000.0)
    # At 9 the 10 in cash are a share and 1.
    assert result.shares == {"A": pytest.approx(34.0)}
    assert result.equity[-1] == pytest.approx(34 * 12 + 1)


def test_slippage_is_paid_on_what_is_bought():
    result = run(ONE, {"A": [30.0, 30.0]}, Costs.per_side(0.01), capital=1_000.0)
    # 1,000 / 1.01 is 990.1: 33 shares, for 990, cost 9.90 more.
    assert result.costs["slippage"] == pytest.approx(9.90)
    assert result.equity.tolist() == pytest.approx([1_000 - 9.90] * 2)


def test_the_other_half_is_bought_as_if_nothing_were_rounded():
    result = run(HALVES, {"A": [30.0, 30.0], "B": [7.0, 14.0]}, capital=1_000.0)
    # 16 shares of A for 480, B for 500, 20 in cash. After B has doubled, half of 1,500 is 25 shares of A.
    assert result.equity.tolist() == pytest.approx([1_000.0, 1_500.0])
    assert result.shares == {"A": pytest.approx(25.0), "B": pytest.approx(750 / 14)}


def test_a_share_that_is_too_dear_is_not_bought():
    result = run(ONE, {"A": [2_000.0, 4_000.0]}, capital=1_000.0)
    assert result.equity.tolist() == [1_000.0, 1_000.0] and result.shares == {"A": 0.0}


def test_the_fill_decides_the_price_of_a_share():
    panel = b.panel({"A": [30.0, 30.0, 30.0]}, opens={"A": [30.0, 40.0, 30.0]})
    replay = Evaluator(panel).replay(parse_symphony(ONE, symphony_id="test"))
    result = backtest(replay, panel, Costs.free(), "next_open", capital=1_000.0, whole_share_tickers=("A",))
    # 25 shares at the open of 40, none left for cash; at the next open, of 30, nothing changes.
    assert result.shares == {"A": pytest.approx(25.0)}
    assert result.equity.tolist() == pytest.approx([1_000.0, 750.0, 750.0])


def test_years_begin_with_whole_shares():
    dates = b.weekdays(4, b.dt.date(2020, 12, 30))
    panel = b.panel({"A": [30.0, 33.0, 40.0, 50.0]}, dates)
    replay = Evaluator(panel).replay(parse_symphony(ONE, symphony_id="test"))
    yearly = yearly_statistics(replay, panel, Costs.free(), capital=1_000.0, whole_share_tickers=("A",))
    assert yearly["2020"]["annualized_rate_of_return"] == pytest.approx((1.099) ** (252 / 2) - 1)
    assert yearly["2021"]["annualized_rate_of_return"] == pytest.approx((1.25) ** (252 / 2) - 1)


PRICES = st.lists(st.floats(1.0, 300.0), min_size=6, max_size=6)
FILLS = st.sampled_from(("same_close", "next_open", "next_close"))


@settings(max_examples=60, deadline=None)
@given(PRICES, PRICES, FILLS, st.floats(0.0, 0.05))
def test_shares_are_whole_and_money_is_conserved(one, two, fill, slippage):
    costs = Costs(slippage=slippage)
    for days in range(2, 7):
        prices = {"A": one[:days], "B": two[:days]}
        result = run(HALVES, prices, costs, fill)
        assert result.shares["A"] == pytest.approx(round(result.shares["A"]), abs=2e-6)
        held = sum(result.shares[ticker] * prices[ticker][-1] for ticker in prices)
        # Of A's half, a rest R below the price P of a share buys no whole one. If A is bought, R is not spent and its
        # slippage s R is saved, so that the cash is (1 + s) R: below (1 + s) P, and as near to it as R is to P. If A
        # is sold, R more of it is sold, which leaves (1 - s) R at most. The last trade is at the last close, whatever
        # the fill, because opens are closes here.
        assert -1e-6 <= result.equity[-1] - held < one[days - 1] * (1 + slippage) + 1e-6
    growth = np.prod(1 + result.returns) * 10_000
    assert growth == pytest.approx(result.equity[-1])


@settings(max_examples=30, deadline=None)
@given(PRICES, PRICES, FILLS)
def test_what_is_paid_is_what_is_missing(one, two, fill):
    still = {"A": [one[0]] * 6, "B": [two[0]] * 6}
    result = run(HALVES, still, Costs(slippage=0.002), fill)
    assert result.equity[-1] == pytest.approx(10_000 - sum(result.costs.values()))


@settings(max_examples=40, deadline=None)
@given(PRICES, PRICES, FILLS)
def test_the_cheaper_a_share_the_nearer_to_fractions(one, two, fill):
    tiny = {"A": [price / 1e6 for price in one], "B": two}
    costs = Costs.per_side(0.001)
    whole, fractions = (run(HALVES, tiny, costs, fill, whole=tickers) for tickers in (("A",), ()))
    np.testing.assert_allclose(whole.equity, fractions.equity, rtol=1e-4)


@settings(max_examples=40, deadline=None)
@given(PRICES, PRICES, FILLS)
def test_without_whole_shares_nothing_changes_to_the_last_bit(one, two, fill):
    prices, costs = {"A": one, "B": two}, Costs()
    none, others, default = (
        run(HALVES, prices, costs, fill, whole=tickers) for tickers in ((), ("C",), WHOLE_SHARE_TICKERS)
    )
    for result in (others, default):
        np.testing.assert_array_equal(result.equity, none.equity)
        np.testing.assert_array_equal(result.turnover, none.turnover)
        assert (result.costs, result.shares) == (none.costs, none.shares)


@settings(max_examples=40, deadline=None)
@given(PRICES, PRICES, FILLS, st.floats(0.1, 10.0))
def test_equity_depends_on_no_later_price(one, two, fill, factor):
    before = run(HALVES, {"A": one, "B": two}, Costs(), fill)
    changed = run(HALVES, {"A": [*one[:4], one[4] * factor, 7.0], "B": two}, Costs(), fill)
    np.testing.assert_array_equal(before.equity[:4], changed.equity[:4])


def test_the_table_applies_by_default():
    assert WHOLE_SHARE_TICKERS
    ticker = WHOLE_SHARE_TICKERS[0]
    panel = b.panel({ticker: [3_000.0] * 2})
    replay = Evaluator(panel).replay(parse_symphony(b.root(b.asset(ticker)), symphony_id="test"))
    assert backtest(replay, panel, Costs.free()).shares == {ticker: pytest.approx(3.0)}
    assert backtest(replay, panel, Costs.free(), whole_share_tickers=()).shares[ticker] == pytest.approx(
        10 / 3
    )


def test_a_ticker_has_one_row_and_weak_evidence_does_not_apply():
    tickers = [row.ticker for row in FRACTIONABILITY]
    assert len(set(tickers)) == len(tickers)
    applied = {row.ticker: row.strength for row in FRACTIONABILITY if row.applies}
    assert set(applied) == set(WHOLE_SHARE_TICKERS) and set(applied.values()) == {"certain", "likely"}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"ticker": "edz", "strength": "certain", "evidence": "x"}, "not a ticker"),
        ({"ticker": "EDZ", "strength": "sure", "evidence": "x"}, "'sure' is not one of"),
        ({"ticker": "EDZ", "strength": "certain", "evidence": " "}, "evidence is missing"),
    ],
)
def test_an_incomplete_row_is_refused(fields, fault):
    with pytest.raises(ValueError, match=fault):
        Fractionability(**fields)


def test_the_setting_has_one_spelling_and_order():
    one = FidelitySettings(whole_share_tickers=["brk/b", "EDZ", "BRK.B"])
    assert one.whole_share_tickers == ["BRK-B", "EDZ"]
    assert one.digest() == FidelitySettings(whole_share_tickers=["EDZ", "BRK-B"]).digest()
    assert one.digest() != FidelitySettings().digest()
    assert set(FidelitySettings().whole_share_tickers) == set(WHOLE_SHARE_TICKERS)
    with pytest.raises(ValueError, match="'not a ticker' is not a ticker"):
        FidelitySettings(whole_share_tickers=["not a ticker"])


def test_shares_are_counted_at_prices_without_dividends():
    # A dividend of 10 on the second day: it was worth 100, and is adjusted to 90.
    prices, quoted = {"A": [90.0, 90.0, 99.0]}, {"A": [100.0, 90.0, 99.0]}
    result = run(ONE, prices, raw=quoted, capital=1_050.0)
    # 10 shares of 100 and 50 in cash. The dividend buys one share of 90 and leaves 60.
    assert result.shares == {"A": pytest.approx(11.0)}
    assert result.equity.tolist() == pytest.approx([1_050.0, 1_050.0, 11 * 99 + 60])
    assert run(ONE, prices, capital=1_050.0).equity[-1] == pytest.approx(11 * 99 + 60)


def test_later_splits_count_and_later_dividends_do_not():
    panel = b.panel({"A": [18.0, 18.0, 9.0, 10.0]})
    # A dividend of a tenth before the third day, and a split of one into two before the fourth.
    quoted = np.array([[40.0], [40.0], [18.0], [10.0]])
    factor = share_price_factor(replace(panel, raw_close=quoted), "A", np.arange(4))
    np.testing.assert_allclose(factor * panel.close[:, 0], [20.0, 20.0, 9.0, 10.0])
    # Had ten shares been merged into one instead, quotes before it would be a tenth of today's shares'.
    merged = np.array([[2.0], [2.0], [0.9], [10.0]])
    np.testing.assert_allclose(
        share_price_factor(replace(panel, raw_close=merged), "A", np.arange(4)), factor
    )


def test_without_quoted_closes_a_share_is_worth_the_adjusted_close():
    panel = b.panel({"A": [18.0, 18.0], "B": [1.0, 1.0]})
    rows = np.arange(2)
    assert share_price_factor(panel, "A", rows).tolist() == [1.0, 1.0]
    unknown = replace(panel, raw_close=np.full((2, 2), np.nan))
    assert share_price_factor(unknown, "A", rows).tolist() == [1.0, 1.0]
    gaps = replace(panel, raw_close=np.array([[20.0, np.nan], [18.0, np.nan]]))
    np.testing.assert_allclose(share_price_factor(gaps, "A", rows), [20 / 18, 1.0])
