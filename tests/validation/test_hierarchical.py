"""Luck of assets, seeds and days: each alone against its closed form, and coverage when all are present."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks.coverage import simulated_study
from rlpretrain.analysis.day_blocks import day_block_length
from rlpretrain.validation.hierarchical import (
    PooledGain,
    hierarchical_interval,
    on_common_days,
    stationary_days,
)
from rlpretrain.validation.statistics import seed_interval


def pooled(by_seed: np.ndarray, by_day: np.ndarray, *, samples: int = 2_000, seed: int = 0) -> PooledGain:
    rng = np.random.default_rng(seed)
    seeds = seed_interval(by_seed.mean(axis=0), level=0.95, samples=samples, rng=rng)
    return hierarchical_interval(seeds, by_seed, by_day, samples=samples, rng=rng)


def stationary_variance(row: np.ndarray, block: float) -> float:
    """Return the variance of a mean under the stationary bootstrap: Politis and Romano (1994), lemma 1."""
    n, centred = len(row), row - row.mean()
    covariance = np.array([centred @ np.roll(centred, lag) for lag in range(n)]) / n
    lags = np.arange(1, n)
    weight = (1 - lags / n) * (1 - 1 / block) ** lags + lags / n * (1 - 1 / block) ** (n - lags)
    return float(covariance[0] + weight @ covariance[1:]) / n


def test_days_alone_have_the_variance_of_their_mean() -> None:
    by_day = np.random.default_rng(1).normal(size=(1, 400))
    by_seed = np.full((1, 4), by_day.mean())
    found = pooled(by_seed, by_day)
    block = day_block_length(by_day.T)
    expected = stationary_variance(by_day[0], block)
    assert found.luck.common_days == pytest.approx(expected, rel=0.1)
    assert (found.luck.own_days, found.luck.seeds, found.luck.assets) == (0.0, pytest.approx(0.0), 0.0)
    reach = stats.t.ppf(0.975, 400 / block - 1) * np.sqrt(expected)
    assert found.interval.high - found.interval.estimate == pytest.approx(reach, rel=0.12)


def test_seeds_alone_have_the_variance_of_their_mean() -> None:
    # With three seeds nothing is trimmed, and the interquartile mean is the mean.
    by_seed = np.array([[0.1, 0.4, 0.7]])
    found = pooled(by_seed, np.full((1, 100), 0.4))
    assert found.luck.seeds == pytest.approx(by_seed.var(ddof=1) / 3, rel=0.1)
    assert found.luck.total == pytest.approx(found.luck.seeds)


def test_assets_alone_have_the_variance_of_their_mean() -> None:
    gains = np.array([-0.3, 0.1, 0.2, 0.6, 0.9])
    found = pooled(np.tile(gains[:, None], (1, 4)), np.tile(gains[:, None], (1, 100)))
    assert found.luck.assets == pytest.approx(gains.var(ddof=1) / 5, rel=0.1)
    assert found.luck.total == pytest.approx(found.luck.assets)
    # Student's quantile with four degrees of freedom, as for the mean of five normal values.
    reach = stats.t.ppf(0.975, 4) * gains.std(ddof=1) / np.sqrt(5)
    assert found.interval.high - found.interval.estimate == pytest.approx(reach, rel=0.12)


def test_assets_that_differ_by_luck_of_their_days_alone_add_nothing_for_it() -> None:
    rng = np.random.default_rng(2)
    shares = [pooled(*simulated_study(rng, assets=6, days=300), samples=200, seed=i).luck for i in range(30)]
    expected = 64.0 * (0.4 + 0.6 / 6) / 300
    days = np.mean([luck.common_days + luck.own_days for luck in shares])
    assert days == pytest.approx(expected, rel=0.15)
    assert np.mean([luck.own_days for luck in shares]) == pytest.approx(64.0 * 0.6 / 6 / 300, rel=0.15)
    assert np.mean([luck.assets for luck in shares]) < 0.15 * expected


def test_intervals_cover_the_true_gain_of_assets_that_move_together() -> None:
    # docs/validation.md has the command of the large simulation; this one would notice a gross error.
    rng, covered = np.random.default_rng(3), []
    for i in range(80):
        found = pooled(*simulated_study(rng, assets=6, differ=0.3, days=300), samples=200, seed=i).interval
        covered.append(found.low <= 0.0 <= found.high)
    assert np.mean(covered) >= 0.88


def test_independent_days_for_each_asset_would_be_overconfident() -> None:
    by_seed, by_day = simulated_study(np.random.default_rng(4), assets=6, shared=0.9, days=300)
    apart = np.array([np.roll(row, 31 * i) for i, row in enumerate(by_day)])
    together, separate = pooled(by_seed, by_day).luck, pooled(by_seed, apart).luck
    assert together.total > 2 * separate.total


def test_one_calendar_keeps_each_assets_mean() -> None:
    days = np.arange("2024-01-01", "2024-01-08", dtype="datetime64[D]")
    placed = on_common_days([days, days[:5]], [np.arange(7.0), np.array([1.0, 2.0, 3.0, 4.0, 5.0])])
    np.testing.assert_allclose(placed.mean(axis=1), [3.0, 3.0])
    np.testing.assert_array_equal(placed[1, 5:], [0.0, 0.0])


def test_blocks_of_days_have_the_mean_length_and_go_round() -> None:
    drawn = stationary_days(50, 400, 8.0, 100, np.random.default_rng(5))
    assert drawn.shape == (100, 400) and drawn.min() == 0 and drawn.max() == 49
    follows = (drawn[:, 1:] - drawn[:, :-1]) % 50 == 1
    # A new block begins with probability 1/8, and one of 50 of those on the following day.
    assert follows.mean() == pytest.approx(1 - 1 / 8 + 1 / 8 / 50, abs=0.01)
    np.testing.assert_allclose(np.bincount(drawn.ravel()) / drawn.size, 1 / 50, rtol=0.25)


def test_a_block_of_one_day_draws_days_independently() -> None:
    drawn = stationary_days(10, 1_000, 1.0, 20, np.random.default_rng(6))
    assert ((drawn[:, 1:] - drawn[:, :-1]) % 10 == 1).mean() == pytest.approx(0.1, abs=0.02)
