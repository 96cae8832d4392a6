"""Sharpe inference against closed forms and its own error rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import CircularBlockBootstrap
from scipy import stats

from rlpretrain.validation.sharpe import (
    block_interval,
    minimum_track_record,
    sharpe_difference,
    sharpe_evidence,
    superior_predictive_ability,
)


def clustered(rng: np.random.Generator, bars: int, mean: float = 0.0) -> np.ndarray:
    """Returns with persistent volatility and fat tails."""
    shocks = rng.standard_t(6, size=bars) / math.sqrt(1.5)
    log_variance = np.zeros(bars)
    for t in range(1, bars):
        log_variance[t] = 0.95 * log_variance[t - 1] + 0.2 * rng.normal()
    return mean + 0.01 * np.exp(log_variance / 2) * shocks


def test_normal_independent_returns_have_the_textbook_error():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.0005, 0.01, (2, 2500))
    found = sharpe_difference(a, b, 252, level=0.95, samples=1000, rng=rng)
    ratio = [row.mean() / row.std(ddof=1) for row in (a, b)]
    error = math.sqrt(sum(1 + r**2 / 2 for r in ratio) / 2500) * math.sqrt(252)
    width = (found.interval.high - found.interval.low) / 2
    assert found.interval.estimate == pytest.approx((ratio[0] - ratio[1]) * math.sqrt(252), rel=1e-3)
    assert width == pytest.approx(1.96 * error, rel=0.12)


@pytest.mark.parametrize("bars", [61, 200, 203])
def test_sums_of_blocks_give_the_errors_of_the_resampled_days(bars: int) -> None:
    pair = np.random.default_rng(bars).standard_t(5, (bars, 2)) * 0.01
    wide, narrow = (
        sharpe_difference(*pair.T, 252, level=level, samples=60, rng=np.random.default_rng(3))
        for level in (0.9, 0.5)
    )
    slow = list(distances_by_day(pair, wide.block, samples=60, rng=np.random.default_rng(3)))
    reach = [found.interval.high - found.interval.estimate for found in (wide, narrow)]
    assert reach[0] / reach[1] == pytest.approx(np.quantile(slow, 0.9) / np.quantile(slow, 0.5), rel=1e-9)


def distances_by_day(pair: np.ndarray, block: int, *, samples: int, rng: np.random.Generator):
    """Yield the studentised distances, from what each resampled day adds to the difference by the delta method."""
    observed = np.subtract(*pair.mean(axis=0) / pair.std(axis=0))
    for (days,), _ in CircularBlockBootstrap(block, pair, seed=rng).bootstrap(samples):
        scaled, ratio = (days - days.mean(axis=0)) / days.std(axis=0), days.mean(axis=0) / days.std(axis=0)
        added = np.subtract(*(scaled - ratio / 2 * (scaled**2 - 1)).T)
        whole = len(days) // block * block
        sums = added[:whole].reshape(-1, block).sum(axis=1)
        yield abs(np.subtract(*ratio) - observed) / np.sqrt(np.mean(sums**2) / block / len(days))


def test_equal_skill_is_rarely_told_apart():
    rng = np.random.default_rng(5)
    market = [clustered(rng, 400) for _ in range(120)]
    p_values = [
        sharpe_difference(
            0.5 * m + clustered(rng, 400),
            0.5 * m + clustered(rng, 400),
            252,
            level=0.95,
            samples=199,
            rng=rng,
        ).p_value
        for m in market
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.12


def test_a_large_difference_is_found_and_its_sign_follows_the_order():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.01, 1000)
    good, poor = noise + 0.002, noise - 0.002
    forward = sharpe_difference(good, poor, 252, level=0.95, samples=300, rng=np.random.default_rng(2))
    backward = sharpe_difference(poor, good, 252, level=0.95, samples=300, rng=np.random.default_rng(2))
    assert forward.interval.finding == "better"
    assert forward.interval.low == pytest.approx(-backward.interval.high)


def test_a_series_does_not_differ_from_itself():
    row = np.random.default_rng(0).normal(size=200)
    found = sharpe_difference(row, row, 252, level=0.95, samples=100, rng=np.random.default_rng(0))
    assert (found.interval.low, found.interval.high, found.p_value) == (0.0, 0.0, 1.0)


def test_no_comparison_without_variance_or_bars():
    row = np.random.default_rng(0).normal(size=200)
    rng = np.random.default_rng(0)
    assert sharpe_difference(row, np.zeros(200), 252, level=0.95, samples=100, rng=rng) is None
    assert sharpe_difference(row[:30], row[30:60], 252, level=0.95, samples=100, rng=rng) is None


def test_series_that_differ_on_one_bar_have_no_interval():
    rng = np.random.default_rng(6)
    one = rng.normal(0.0, 0.01, 500)
    other = one.copy()
    other[250] += 0.02
    assert sharpe_difference(one, other, 252, level=0.95, samples=400, rng=rng) is None


def test_probabilistic_ratio_by_hand():
    returns = np.tile([0.02, -0.01], 126)
    # Two values: skew 0, kurtosis 1, so the adjustment is 1 and PSR = Phi(SR * sqrt(T - 1)).
    ratio = returns.mean() / returns.std(ddof=1)
    found = sharpe_evidence(returns, 252, trials=1, trial_deviation=None, level=0.95)
    assert found.probabilistic == pytest.approx(stats.norm.cdf(ratio * math.sqrt(251)))
    assert found.deflated == pytest.approx(found.probabilistic), "one trial is not deflated"
    assert found.sharpe == pytest.approx(ratio * math.sqrt(252))
    assert found.years == pytest.approx(1.0)


def test_minimum_track_record_is_where_the_probability_reaches_the_level():
    returns = np.random.default_rng(2).normal(0.0012, 0.01, 400)
    bars = minimum_track_record(returns, 0.95)
    ratio = returns.mean() / returns.std(ddof=1)
    spread = 1 - stats.skew(returns) * ratio + (stats.kurtosis(returns) + 3 - 1) / 4 * ratio**2
    assert stats.norm.cdf(ratio * math.sqrt(bars - 1) / math.sqrt(spread)) == pytest.approx(0.95)
    assert minimum_track_record(-returns, 0.95) is None


def test_more_trials_deflate_more():
    returns = np.random.default_rng(2).normal(0.001, 0.01, 750)
    deflated = [
        sharpe_evidence(returns, 252, trials=n, trial_deviation=0.03, level=0.95).deflated
        for n in (1, 10, 100)
    ]
    assert deflated[0] > deflated[1] > deflated[2]
    assert sharpe_evidence(returns, 252, trials=10, trial_deviation=None, level=0.95).deflated is None


def test_returns_that_do_not_vary_say_nothing():
    assert sharpe_evidence(np.zeros(100), 252, trials=5, trial_deviation=0.1, level=0.95) is None


def test_the_best_of_many_worthless_arms_is_not_superior():
    rng = np.random.default_rng(3)
    base = rng.normal(0, 0.01, 500)
    p_values = [
        superior_predictive_ability(
            base, {str(i): rng.normal(0, 0.01, 500) for i in range(8)}, samples=199, rng=rng
        )
        for _ in range(40)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.15


def test_a_superior_arm_is_found_and_copies_of_the_benchmark_are_left_out():
    rng = np.random.default_rng(3)
    base = rng.normal(0, 0.01, 500)
    assert superior_predictive_ability(base, {"a": base + 0.001, "b": base}, samples=100, rng=rng) is None
    better = base + 0.002 + rng.normal(0, 0.002, 500)
    assert superior_predictive_ability(base, {"a": better, "b": base}, samples=500, rng=rng) < 0.01


def test_a_block_interval_covers_the_mean_of_dependent_days():
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(150):
        row = 0.001 + np.convolve(rng.normal(0, 0.01, 254), np.ones(5) / 5, "valid")
        found = block_interval(row, level=0.95, samples=300, rng=rng)
        covered.append(found.low <= 0.001 <= found.high)
    assert np.mean(covered) >= 0.85, "independent resampling covers about 60 %"
