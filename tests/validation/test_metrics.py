"""Metrics against closed forms, worked examples and empyrical."""

from __future__ import annotations

import datetime as dt
import math

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rlpretrain.environments import Trade, Trajectory
from rlpretrain.validation.metrics import median_metrics, performance_metrics, sharpe_ratio, timing_score

RETURNS = hnp.arrays(np.float64, 40, elements=st.floats(-0.2, 0.2))


def trade(net_return: float, bars: int = 3, *, closed: bool = True) -> Trade:
    day = dt.date(2024, 1, 2)
    return Trade(day, day + dt.timedelta(bars), 100.0, 100.0 * (1 + net_return), net_return, bars, closed)


def trajectory(net, asset=None, exposure=None, trades=(), bars_per_year=252) -> Trajectory:
    net = np.asarray(net, dtype=float)
    return Trajectory(
        symbol="SPY",
        dates=np.datetime64("2024-01-02") + np.arange(len(net)),
        net_returns=net,
        asset_returns=net if asset is None else np.asarray(asset, dtype=float),
        exposure=np.ones(len(net)) if exposure is None else np.asarray(exposure, dtype=float),
        costs=np.zeros(len(net)),
        bars_per_year=bars_per_year,
        trades=tuple(trades),
    )


@pytest.fixture
def returns() -> np.ndarray:
    return np.random.default_rng(1).standard_t(4, size=505) * 0.01 + 0.0005


@pytest.mark.parametrize("held", [0.0, 1.0])
@given(asset=RETURNS)
def test_always_long_and_always_flat_score_zero(asset, held):
    assert timing_score(held * asset, asset, np.full(40, held), 252) == pytest.approx(0.0, abs=1e-9)


@given(asset=RETURNS, scale=st.floats(0.1, 3.0))
def test_score_is_free_of_the_assets_scale(asset, scale):
    held = np.tile([0.0, 1.0], 20)
    assert timing_score(scale * held * asset, scale * asset, held, 252) == pytest.approx(
        timing_score(held * asset, asset, held, 252), abs=1e-6
    )


def test_score_by_hand():
    # Long on the rising bar alone: mean(net) = 0.5 %, the asset's mean is 0, its deviation 1 %.
    assert timing_score([0.01, 0.0], [0.01, -0.01], [1, 0], 252) == pytest.approx(
        0.005 * 252 / (0.01 * math.sqrt(252))
    )


def test_score_of_an_asset_that_never_moves_is_zero():
    assert timing_score([-0.001, 0.0], [0.0, 0.0], [1, 1], 252) == 0.0


@pytest.mark.parametrize("rows", [([], [], []), ([0.1], [0.1, 0.2], [1, 1]), ([math.nan], [0.1], [1])])
def test_score_refuses_rows_that_do_not_fit(rows):
    with pytest.raises(ValueError, match=r"rows|finite"):
        timing_score(*rows, 252)


@given(net=RETURNS)
def test_costs_lower_the_score(net):
    asset = np.random.default_rng(0).normal(0, 0.01, 40)
    assert timing_score(net - 1e-4, asset, np.ones(40), 252) < timing_score(net, asset, np.ones(40), 252)


def test_agrees_with_empyrical(returns):
    asset = np.random.default_rng(2).normal(0.0003, 0.012, 505)
    metrics = performance_metrics(trajectory(returns, asset))
    assert metrics.sharpe_ratio == pytest.approx(empyrical.sharpe_ratio(returns))
    assert metrics.sortino_ratio == pytest.approx(empyrical.sortino_ratio(returns))
    assert metrics.calmar_ratio == pytest.approx(empyrical.calmar_ratio(returns))
    assert metrics.information_ratio == pytest.approx(
        empyrical.excess_sharpe(returns, asset) * math.sqrt(252)
    )
    assert metrics.max_drawdown == pytest.approx(-empyrical.max_drawdown(returns))
    assert metrics.volatility == pytest.approx(empyrical.annual_volatility(returns))
    assert metrics.annualised_return == pytest.approx(empyrical.annual_return(returns))
    assert metrics.cumulative_return == pytest.approx(empyrical.cum_returns_final(returns))


def test_tails_agree_with_empyrical():
    # With 501 bars both conventions name the same order statistic: floor(5 % of 501) = 25, 5 % of 500 steps =
    # 25.
    returns = np.random.default_rng(3).normal(size=501) * 0.01
    metrics = performance_metrics(trajectory(returns))
    assert metrics.value_at_risk_95 == pytest.approx(-empyrical.value_at_risk(returns, 0.05))
    assert metrics.value_at_risk_99 == pytest.approx(-empyrical.value_at_risk(returns, 0.01))
    assert metrics.expected_shortfall > metrics.value_at_risk_95


def test_tails_of_a_hundred_bars_by_hand():
    metrics = performance_metrics(trajectory(-np.arange(100) / 1000))
    assert metrics.value_at_risk_95 == pytest.approx(0.094)
    assert metrics.value_at_risk_99 == pytest.approx(0.098)
    assert metrics.expected_shortfall == pytest.approx(np.mean([0.095, 0.096, 0.097, 0.098, 0.099]))


def test_trade_statistics_by_hand():
    trades = [
        trade(0.1, 2),
        trade(0.05, 4),
        trade(-0.03, 1),
        trade(0.02, 5),
        trade(-0.01, 3),
        trade(-0.02, 3),
    ]
    metrics = performance_metrics(trajectory(np.full(252, 0.001), trades=[*trades, trade(0.5, closed=False)]))
    assert metrics.trades == 6
    assert metrics.win_rate == pytest.approx(0.5)
    assert metrics.profit_factor == pytest.approx(0.17 / 0.06)
    assert metrics.average_win == pytest.approx(0.17 / 3)
    assert metrics.average_loss == pytest.approx(-0.02)
    assert metrics.trade_duration == pytest.approx(3.0)
    assert (metrics.longest_win_streak, metrics.longest_loss_streak) == (2, 2)
    assert metrics.turnover == pytest.approx(13), (
        "six closed trades have two sides, the open one has one, in a year"
    )


def test_what_is_undefined_is_none():
    metrics = performance_metrics(
        trajectory(np.zeros(30), np.random.default_rng(0).normal(size=30), np.zeros(30))
    )
    for name in (
        "sharpe_ratio",
        "sortino_ratio",
        "calmar_ratio",
        "win_rate",
        "profit_factor",
        "average_win",
        "average_loss",
    ):
        assert getattr(metrics, name) is None, name
    assert metrics.value_at_risk_99 is None, "30 bars have no worst hundredth"
    assert metrics.max_drawdown == 0.0
    assert metrics.trades == 0


def test_one_bar_has_no_annual_figures():
    metrics = performance_metrics(trajectory([0.05]))
    assert (metrics.annualised_return, metrics.sharpe_ratio, metrics.volatility) == (None, None, None)


def test_no_losing_trade_has_no_profit_factor():
    metrics = performance_metrics(trajectory([0.01, 0.02], trades=[trade(0.03)]))
    assert metrics.profit_factor is None
    assert metrics.longest_loss_streak == 0


@given(net=RETURNS)
def test_figures_are_finite_or_none(net):
    metrics = performance_metrics(trajectory(net, trades=[trade(float(net[0]))]))
    for name, value in metrics.model_dump().items():
        assert value is None or math.isfinite(value), name


def test_sharpe_scales_with_the_root_of_time(returns):
    assert sharpe_ratio(returns, 365) == pytest.approx(sharpe_ratio(returns, 252) * math.sqrt(365 / 252))


def test_median_over_seeds_ignores_what_most_know():
    known = performance_metrics(trajectory([0.01, -0.02, 0.03], trades=[trade(0.1)]))
    unknown = performance_metrics(trajectory([0.01, -0.02, 0.03]))
    assert median_metrics([known, known, unknown]).win_rate == 1.0
    assert median_metrics([known, unknown, unknown]).win_rate is None
    assert median_metrics([known]) == known
    with pytest.raises(ValueError, match="no metrics"):
        median_metrics([])
