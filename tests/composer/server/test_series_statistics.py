"""Statistics by hand, and against the other implementation of the same definitions."""

import math

import numpy as np
import pytest

from rlpretrain.composer.protocol.search_columns import STATISTIC_NAMES
from rlpretrain.composer.server.series_statistics import relation, series_statistics
from rlpretrain.symphony import benchmark_statistics, portfolio_statistics


def test_a_worked_example():
    found = series_statistics(np.array([99.0, 110.0, 88.0, 104.5]), capital=100.0)
    returns = np.array([110 / 100, 88 / 110, 104.5 / 88]) - 1
    assert found["cumulative_return"] == pytest.approx(0.045)
    assert found["annualized_rate_of_return"] == pytest.approx(1.045 ** (252 / 4) - 1)
    assert found["max_drawdown"] == pytest.approx(0.2)
    assert found["sharpe_ratio"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(252))
    assert found["standard_deviation"] == pytest.approx(returns.std(ddof=1) * math.sqrt(252))
    assert found["calmar_ratio"] == pytest.approx(found["annualized_rate_of_return"] / 0.2)


def test_both_rooms_define_the_same_statistics():
    generator = np.random.default_rng(5)
    values, other = 10_000 * np.exp(np.cumsum(generator.normal(3e-4, 0.01, (2, 700)), axis=1))
    own = series_statistics(values, 10_000.0)
    returns = np.diff(np.concatenate(([10_000.0], values[1:]))) / np.concatenate(([10_000.0], values[1:-1]))
    theirs = portfolio_statistics(returns)
    for name in STATISTIC_NAMES:
        assert own[name] == pytest.approx(theirs[name], rel=1e-9), name
    slopes = benchmark_statistics(values[1:] / values[:-1] - 1, other[1:] / other[:-1] - 1)
    assert relation(values, other) == pytest.approx(slopes)


def test_a_symphony_on_its_own_benchmark_twice_levered():
    market = np.cumprod(1 + np.random.default_rng(1).normal(0, 0.01, 500))
    doubled = np.cumprod(np.concatenate([[1.0], 1 + 2 * (market[1:] / market[:-1] - 1)]))
    found = relation(doubled, market)
    assert found["beta"] == pytest.approx(2.0) and found["r_square"] == pytest.approx(1.0)
    assert found["alpha"] == pytest.approx(0.0, abs=1e-12)


def test_series_that_do_not_move_or_hardly_exist():
    still = series_statistics(np.full(5, 100.0))
    assert still["sharpe_ratio"] == still["calmar_ratio"] == still["max_drawdown"] == 0.0
    assert series_statistics(np.array([99.0]), 100.0)["sharpe_ratio"] == 0.0
    assert set(relation(np.full(5, 1.0), np.arange(1.0, 6.0)).values()) == {0.0}
