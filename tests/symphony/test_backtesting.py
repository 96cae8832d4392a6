"""Accounting, fills, fees and statistics: closed forms and a recorded answer of the service."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.errors import SymphonyError
from rlpretrain.symphony import (
    Costs,
    Evaluator,
    backtest,
    benchmark_statistics,
    library_backtest,
    parse_symphony,
    portfolio_statistics,
    yearly_statistics,
)
from tests.symphony import building as b

RECORD = Path(__file__).parents[2] / "../shared/symphonies/api/backtest_inline_planetstopper.json"
A = [100.0, 110.0, 99.0, 120.0]
B = [50.0, 50.0, 60.0, 30.0]


def run(document, prices, costs=None, fill="same_close", opens=None, **options):
    panel = b.panel(prices, opens=opens)
    replay = Evaluator(panel).replay(parse_symphony(document, symphony_id="test"))
    return backtest(replay, panel, Costs.free() if costs is None else costs, fill, **options)


HALVES = b.root(b.equal(b.asset("A"), b.asset("B")))
SWITCH = b.root(b.when(("current-price", {}, "S"), "gt", 5, [b.asset("A")], [b.asset("B")]))


def test_one_asset_grows_like_its_price():
    result = run(b.root(b.asset("A")), {"A": A})
    np.testing.assert_allclose(result.equity, 100 * np.array(A))
    np.testing.assert_allclose(result.returns, [0.1, -0.1, 120 / 99 - 1])
    assert result.shares == {"A": pytest.approx(100.0)}


def test_daily_halves():
    result = run(HALVES, {"A": A, "B": B}, capital=1.0)
    np.testing.assert_allclose(
        result.equity, np.cumprod([1, 1.05, 1 + (-0.1 + 0.2) / 2, 1 + (120 / 99 - 1.5) / 2])
    )


def test_the_first_purchase_pays_slippage_on_what_it_buys():
    result = run(b.root(b.asset("A")), {"A": A}, Costs(slippage=0.005))
    assert round(result.equity[0], 2) == 9950.25
    assert result.costs["slippage"] == pytest.approx(10_000 - 10_000 / 1.005)
    assert result.returns[0] == pytest.approx(1.1 / 1.005 - 1)
    assert result.turnover.tolist() == pytest.approx([1 / 1.005, 0, 0, 0])


def test_a_full_switch_pays_on_both_sides():
    prices = {"A": [10.0] * 3, "B": [10.0] * 3, "S": [9.0, 9.0, 1.0]}
    result = run(SWITCH, prices, Costs.per_side(0.01), capital=1.0)
    # Selling V costs s V, and of the rest buying V' costs s V'.
    assert result.equity[2] == pytest.approx(1 / 1.01 * 0.99 / 1.01)


def test_fees_are_itemised_and_switchable():
    prices = {"A": [10.0] * 3, "B": [10.0] * 3, "S": [9.0, 9.0, 1.0]}
    costs = run(SWITCH, prices, Costs(slippage=0.0), capital=1e6).costs
    assert costs["reg_fee"] == pytest.approx(27.80)
    assert costs["taf_fee"] == pytest.approx(8.30)  # 100,000 shares would be 16.60.
    assert costs["slippage"] == costs["spread_markup"] == 0.0
    small = run(SWITCH, prices, Costs(slippage=0.0), capital=1e5)
    assert small.costs["taf_fee"] == pytest.approx(0.000166 * 10_000)
    assert small.equity[-1] == pytest.approx(1e5 - sum(small.costs.values()))
    off = run(SWITCH, prices, Costs(slippage=0.0, regulatory_fee=False, taf_fee=False))
    assert sum(off.costs.values()) == 0.0


def test_crypto_pays_a_spread_and_no_fees():
    prices = {"BTC-USD": [10.0] * 3, "ETH-USD": [10.0] * 3}
    signal = ("current-price", {}, "CRYPTO::BTC//USD")
    document = b.root(b.when(signal, "gt", 5, [b.asset("CRYPTO::ETH//USD")], None))
    costs = run(document, prices, Costs(slippage=0.001)).costs
    assert costs["spread_markup"] == pytest.approx(2 * costs["slippage"])
    assert costs["reg_fee"] == costs["taf_fee"] == 0.0
    assert run(document, prices, Costs.per_side(0.001, 0.003)).equity[0] == pytest.approx(10_000 / 1.003)


@pytest.mark.parametrize("value", [-0.1, 0.5, 2.0])
def test_impossible_costs(value):
    with pytest.raises(ValueError, match="slippage"):
        Costs(slippage=value)


def test_next_fills_trade_a_day_later():
    prices = {"A": A, "B": B, "S": [9.0, 1.0, 1.0, 1.0]}
    opens = {"A": [99.0, 105.0, 100.0, 118.0], "B": [49.0, 55.0, 52.0, 40.0], "S": [9.0] * 4}
    at_close = run(SWITCH, prices, fill="next_close", opens=opens, capital=1.0)
    # Buys A at 110, sells it at 99 for B at 60, which falls to 30.
    np.testing.assert_allclose(at_close.equity, [1.0, 1.0, 0.9, 0.45])
    at_open = run(SWITCH, prices, fill="next_open", opens=opens, capital=1.0)
    # Buys A at 105, sells it at 100 for B at 52.
    expected = [1.0, 110 / 105, 100 / 105 * 60 / 52, 100 / 105 * 30 / 52]
    np.testing.assert_allclose(at_open.equity, expected)
    assert at_open.shares["A"] == 0.0 and at_open.shares["B"] == pytest.approx(at_open.equity[-1] / 30)


def test_without_an_open_the_whole_trade_waits_for_the_close():
    prices = {"A": A, "B": B, "S": [9.0, 1.0, 1.0, 1.0]}
    opens = {"A": [99.0, 105.0, 100.0, 118.0], "B": [None] * 4, "S": [9.0] * 4}
    result = run(SWITCH, prices, fill="next_open", opens=opens, capital=1.0)
    np.testing.assert_allclose(result.equity, [1.0, 110 / 105, 99 / 105, 99 / 105 * 0.5])


PRICE_LISTS = st.lists(st.floats(1.0, 300.0), min_size=6, max_size=6)


@settings(max_examples=60, deadline=None)
@given(PRICE_LISTS, PRICE_LISTS, PRICE_LISTS, st.sampled_from(("same_close", "next_open", "next_close")))
def test_money_is_conserved(one, two, opens, fill):
    prices = {"A": one, "B": two}
    costs = Costs(slippage=0.002)
    result = run(HALVES, prices, costs, fill, opens={"A": opens, "B": opens})
    free = run(HALVES, prices, Costs.free(), fill, opens={"A": opens, "B": opens})
    assert (result.equity <= free.equity * (1 + 1e-12)).all()
    held = sum(result.shares[t] * prices[t][-1] for t in prices)
    assert held == pytest.approx(result.equity[-1])
    growth = np.prod(1 + result.returns)
    assert growth == pytest.approx(result.equity[-1] / 10_000)


@settings(max_examples=60, deadline=None)
@given(
    PRICE_LISTS, PRICE_LISTS, st.floats(0.1, 10.0), st.sampled_from(("same_close", "next_open", "next_close"))
)
def test_equity_depends_on_no_later_price(one, two, factor, fill):
    costs = Costs(slippage=0.002)
    before = run(HALVES, {"A": one, "B": two}, costs, fill)
    changed = run(HALVES, {"A": [*one[:4], one[4] * factor, 7.0], "B": two}, costs, fill)
    np.testing.assert_array_equal(before.equity[:4], changed.equity[:4])


def test_years_stand_alone():
    dates = b.weekdays(6, b.dt.date(2020, 12, 29))
    panel = b.panel({"A": [100.0, 90.0, 110.0, 100.0, 50.0, 60.0]}, dates)
    replay = Evaluator(panel).replay(parse_symphony(b.root(b.asset("A")), symphony_id="test"))
    yearly = yearly_statistics(replay, panel, Costs.free())
    assert list(yearly) == ["2020", "2021"]
    assert yearly["2020"]["max_drawdown"] == pytest.approx(0.1)
    assert yearly["2021"]["max_drawdown"] == pytest.approx(0.5)
    assert yearly["2021"]["annualized_rate_of_return"] == pytest.approx((60 / 100) ** (252 / 3) - 1)


def test_library_backtest_and_benchmarks():
    panel = b.panel({"A": A, "B": B})
    result = library_backtest(b.root(b.asset("A")), panel, costs=Costs.free(), benchmarks=("A", "B"))
    assert result.benchmarks["A"]["beta"] == pytest.approx(1.0)
    assert result.benchmarks["A"]["r_square"] == pytest.approx(1.0)
    assert result.benchmarks["A"]["alpha"] == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(SymphonyError, match="benchmark NONE"):
        library_backtest(b.root(b.asset("A")), panel, benchmarks=("NONE",))


def test_statistics_by_hand():
    returns = np.array([0.10, -0.05, 0.02])
    stats = portfolio_statistics(returns)
    growth = 1.1 * 0.95 * 1.02
    deviation = np.sqrt(((0.1 - 0.07 / 3) ** 2 + (0.05 + 0.07 / 3) ** 2 + (0.02 - 0.07 / 3) ** 2) / 2)
    assert stats["size"] == 3
    assert stats["cumulative_return"] == pytest.approx(growth - 1)
    assert stats["annualized_rate_of_return"] == pytest.approx(growth ** (252 / 4) - 1)
    assert stats["max_drawdown"] == pytest.approx(0.05)
    assert stats["calmar_ratio"] == pytest.approx((growth**63 - 1) / 0.05)
    assert stats["standard_deviation"] == pytest.approx(deviation * np.sqrt(252))
    assert stats["sharpe_ratio"] == pytest.approx(0.07 / 3 / deviation * np.sqrt(252))
    assert stats["sortino_ratio"] == pytest.approx(0.07 / 3 / np.sqrt(0.05**2 / 3) * np.sqrt(252))
    assert stats["win_rate"] == pytest.approx(2 / 3)
    assert stats["trailing_one_day_return"] == pytest.approx(0.02)
    assert stats["top_one_day_contribution"] == pytest.approx(np.log(1.1) / np.log(growth))
    assert np.isnan(stats["trailing_one_week_return"])


@pytest.mark.parametrize("returns", [np.array([]), np.array([0.01]), np.zeros(5), np.array([0.1, -1.0])])
def test_statistics_of_the_degenerate_do_not_fail(returns):
    stats = portfolio_statistics(returns)
    assert stats["size"] == len(returns)
    assert np.isnan(stats["sharpe_ratio"]) or len(returns) == 2


def test_regression_on_a_benchmark():
    rng = np.random.default_rng(0)
    market = 0.01 * rng.standard_normal(500)
    result = benchmark_statistics(0.0002 + 1.5 * market, np.where(market > 0.02, np.nan, market))
    assert result["beta"] == pytest.approx(1.5)
    assert result["alpha"] == pytest.approx(0.0002 * 252)
    assert result["pearson_r"] == pytest.approx(1.0)


@pytest.mark.market_data
@pytest.mark.skipif(not RECORD.is_file(), reason="the recorded answer is not beside the project")
def test_a_recorded_answer_pins_the_definitions():
    """Its statistics agree with each other only under these definitions; its prices start before ours."""
    answer = json.loads(RECORD.read_text())
    request, response = answer["request"], answer["response"]
    stats = response["stats"]
    growth, days, n = (
        response["last_market_days_value"] / request["capital"],
        stats["size"] + 1,
        stats["size"],
    )
    assert stats["cumulative_return"] == pytest.approx(growth - 1)
    assert stats["annualized_rate_of_return"] == pytest.approx(growth ** (252 / days) - 1)
    assert stats["calmar_ratio"] == pytest.approx(stats["annualized_rate_of_return"] / stats["max_drawdown"])
    assert stats["sharpe_ratio"] == pytest.approx(stats["mean"] / stats["standard_deviation"] * 252)
    assert stats["top_one_day_contribution"] == pytest.approx(np.log1p(stats["max"]) / np.log(growth))
    # log(1 + r) = r - r^2/2 + r^3/3 - r^4/4 + ..., summed over the days from the four moments, and from
    # SPY's largest days for the fifth and sixth. Only ddof 1 and returns from the capital close the sum.
    mean, skew, kurtosis = stats["mean"], stats["skewness"], stats["kurtosis"] + 3

    def gap(ddof, start):
        variance = stats["standard_deviation"] ** 2 / 252 * (n - ddof) / n
        second = variance + mean**2
        third = skew * variance**1.5 + 3 * mean * variance + mean**3
        fourth = kurtosis * variance**2 + 4 * mean * skew * variance**1.5 + 6 * mean**2 * variance
        logs = mean - second / 2 + third / 3 - fourth / 4
        return abs(n * logs + 1e-5 - np.log(response["last_market_days_value"] / start))

    assert gap(1, request["capital"]) < 1e-5
    assert gap(0, request["capital"]) > 5e-5
    assert gap(1, response["dvm_capital"][next(iter(response["dvm_capital"]))]["8429"]) > 1e-3
    assert response["dvm_capital"][next(iter(response["dvm_capital"]))]["8429"] == pytest.approx(
        request["capital"] / (1 + request["slippage_percent"]), abs=0.01
    )


def test_a_fee_per_share_never_exceeds_the_sale():
    # A product that decays ends far below any price that a share ever had.
    prices = {"A": [1.0, 1e-3, 1e-6, 1e-6, 1e-6], "B": [1.0] * 5}
    left = ("cumulative-return", {"window": 1}, "A")
    document = b.root(b.when(left, "lt", 0.0, [b.asset("A")], [b.asset("B")]))
    symphony = parse_symphony(document, symphony_id="decay")
    panel = b.panel(prices)
    result = backtest(Evaluator(panel).replay(symphony), panel, Costs(slippage=0.0, regulatory_fee=False))
    assert result.shares["B"] > 0  # It sold what it had of A, ten million shares by the adjusted price.
    assert result.costs["taf_fee"] == pytest.approx(0.000166 * result.equity[2], rel=1e-3)
    assert (result.equity > 0).all()
