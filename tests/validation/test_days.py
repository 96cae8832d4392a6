"""Luck of the days: intervals that hold for other days too."""

from __future__ import annotations

import numpy as np
import pytest

from rlpretrain.validation.days import interval_over_days, pool_by_day
from rlpretrain.validation.statistics import Interval, compare_pairs


def over_days(seeds: np.ndarray, days: np.ndarray, rng: np.random.Generator) -> Interval:
    paired = compare_pairs(seeds, np.zeros(len(seeds)), level=0.95, samples=200, rng=rng)
    return interval_over_days(paired, days, samples=200, rng=rng)


def test_a_gain_that_all_seeds_owe_to_the_same_days_is_not_shown():
    # No true gain. Every seed follows one worthless rule, so all of them share the luck of the days.
    rng = np.random.default_rng(0)
    claims, shared = [], []
    for _ in range(150):
        days = rng.normal(0, 1, 300)
        seeds = days.mean() + rng.normal(0, 0.01, 8)
        found = over_days(seeds, days, rng)
        claims.append(found.finding != "no effect shown")
        shared.append(abs(seeds.mean()) > 0.01)
    assert np.mean(shared) > 0.8, "seeds alone would claim nearly always"
    assert np.mean(claims) <= 0.09


def test_both_sources_of_luck_are_covered():
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(200):
        days = rng.normal(0.1, 1, 250)
        seeds = days.mean() + rng.normal(0, 0.15, 10)
        found = over_days(seeds, days, rng)
        covered.append(found.low <= 0.1 <= found.high)
    assert np.mean(covered) >= 0.92


def test_a_gain_on_most_days_is_shown():
    rng = np.random.default_rng(2)
    days = rng.normal(0.5, 1, 300)
    found = over_days(days.mean() + rng.normal(0, 0.05, 8), days, rng)
    assert found.finding == "better"


def test_pooled_days_keep_the_mean_of_the_assets_means():
    first = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[D]")
    second = np.array(["2024-01-02", "2024-01-04"], dtype="datetime64[D]")
    pooled = pool_by_day([first, second], [np.array([1.0, 2.0, 3.0]), np.array([4.0, 8.0])])
    assert len(pooled) == 4
    assert pooled.mean() == pytest.approx((2 + 6) / 2)
    # The second of January is the only common day: 2 * 4/(2*3) + 4 * 4/(2*2).
    assert pooled[1] == pytest.approx(2 * 4 / 6 + 4)
