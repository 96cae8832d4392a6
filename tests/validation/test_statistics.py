"""Paired statistics against closed forms, other libraries and their own coverage."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from rlpretrain.validation.statistics import (
    Interval,
    cliffs_delta,
    cohens_d,
    compare_pairs,
    interquartile_mean,
    probability_of_improvement,
    seed_interval,
    shapiro_p_value,
    sign_flip_p_value,
)

ROWS = hnp.arrays(np.float64, st.integers(2, 9), elements=st.floats(-3, 3).map(lambda v: round(v, 3)))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_interquartile_mean_by_hand():
    assert interquartile_mean([100, 1, 2, 3, 4, 5, 6, -50]) == pytest.approx((2 + 3 + 4 + 5) / 4)


@given(row=ROWS)
def test_sign_flip_counts_every_pattern(row):
    patterns = np.array(list(itertools.product([1, -1], repeat=len(row))))
    # Rounding to the data's grid makes ties exact.
    sums = np.round(np.abs(patterns @ row), 6)
    assert sign_flip_p_value(row, rng=rng()) == pytest.approx(np.mean(sums >= round(abs(row.sum()), 6)))


def test_sign_flip_of_one_sided_differences_is_the_smallest_there_is():
    assert sign_flip_p_value(np.arange(1, 11), rng=rng()) == 2 / 2**10


def test_drawn_patterns_agree_with_scipy():
    row = np.random.default_rng(4).normal(0.3, 1, 20)
    reference = stats.permutation_test(
        (row,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(1)
    )
    assert sign_flip_p_value(row, rng=rng()) == pytest.approx(reference.pvalue, abs=0.015)


def test_sign_flip_p_values_are_uniform_without_an_effect():
    generator = rng()
    p = [sign_flip_p_value(generator.normal(size=8), rng=generator) for _ in range(400)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize(("n", "draw"), [(5, "normal"), (10, "normal"), (10, "t"), (10, "exponential")])
def test_intervals_cover(n, draw):
    generator = np.random.default_rng(n)
    draws = {
        "normal": lambda size: generator.normal(size=size),
        "t": lambda size: generator.standard_t(3, size=size),
        "exponential": lambda size: generator.exponential(size=size),
    }[draw]
    truth = float(interquartile_mean(draws(200_000)))
    runs = 500
    intervals = [seed_interval(draws(n), level=0.95, samples=500, rng=generator) for _ in range(runs)]
    covered = np.mean([i.low <= truth <= i.high for i in intervals])
    assert covered >= (0.90 if n == 5 else 0.94), "95 % is meant; five seeds are known to fall short"


def test_an_interval_of_equal_values_is_a_point():
    interval = seed_interval([0.3] * 5, level=0.95, samples=100, rng=rng())
    assert (interval.low, interval.high) == pytest.approx((0.3, 0.3))


@pytest.mark.parametrize("values", [[1.0], [], [1.0, np.nan], [[1.0, 2.0]]])
def test_an_interval_needs_two_finite_values(values):
    with pytest.raises(ValueError, match="two or more"):
        seed_interval(values, level=0.95, samples=100, rng=rng())


@pytest.mark.parametrize(
    ("low", "high", "finding"),
    [
        (0.1, 0.5, "better"),
        (-0.5, -0.1, "worse"),
        (-0.1, 0.5, "no effect shown"),
        (0.0, 0.5, "no effect shown"),
    ],
)
def test_an_interval_that_touches_zero_shows_nothing(low, high, finding):
    assert Interval(estimate=(low + high) / 2, low=low, high=high, level=0.95).finding == finding


def test_probability_of_improvement_counts_ties_half():
    assert probability_of_improvement([1, 2], [1, 0]) == pytest.approx((0.5 + 1 + 1 + 1) / 4)
    assert cliffs_delta([1, 2], [1, 0]) == pytest.approx(0.75)


@given(x=ROWS, y=ROWS)
def test_cliffs_delta_is_antisymmetric(x, y):
    assert cliffs_delta(x, y) == pytest.approx(-cliffs_delta(y, x))


def test_cohens_d_by_hand():
    assert cohens_d([2, 4], [1, 3]) == pytest.approx(1 / np.sqrt(2))
    assert cohens_d([1, 1], [0, 0]) is None


def test_shapiro_flags_what_is_not_normal():
    assert shapiro_p_value(np.exp(3 * np.random.default_rng(0).normal(size=50))) < 0.001
    assert shapiro_p_value([1.0, 1.0, 1.0]) is None
    assert shapiro_p_value([1.0, 2.0]) is None


def test_pairing_removes_what_both_arms_share():
    generator = rng()
    luck = 10 * generator.normal(size=10)
    comparison = compare_pairs(
        luck + 1 + 0.1 * generator.normal(size=10), luck, level=0.95, samples=1000, rng=generator
    )
    assert comparison.finding == "better"
    assert comparison.interval.estimate == pytest.approx(1.0, abs=0.1)
    assert comparison.p_value == 2 / 2**10


def test_pairs_must_match():
    with pytest.raises(ValueError, match="equally many"):
        compare_pairs([1.0, 2.0], [1.0], level=0.95, samples=100, rng=rng())
