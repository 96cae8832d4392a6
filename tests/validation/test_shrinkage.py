"""Shrunk effects: a published example, closed forms, and what correlated errors change."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from rlpretrain.validation.population import population_of
from rlpretrain.validation.shrinkage import shrink

from .conftest import validated

# Rubin (1981): effects of coaching in eight schools and their standard errors; Gelman et al. (2013), table 5.2.
EFFECTS = {"A": 28.0, "B": 8.0, "C": -3.0, "D": 7.0, "E": -1.0, "F": 1.0, "G": 18.0, "H": 12.0}
ERRORS = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
PUBLISHED = {
    "A": (-2, 31), "B": (-5, 23), "C": (-11, 19), "D": (-7, 21), "E": (-9, 18), "F": (-7, 28), "G": (-1, 26),
    "H": (-6, 33),
}  # fmt: skip
"""Table 5.3: 95 % intervals, from 200 draws; F's and H's upper ends are the least certain of them."""


def test_the_eight_schools() -> None:
    found = shrink(EFFECTS, np.diag(ERRORS**2), level=0.95)
    assert found is not None
    low, high = zip(*PUBLISHED.values(), strict=True)
    assert [one.low for one in found.assets.values()] == pytest.approx(low, abs=3.5)
    differences = np.array([one.high for one in found.assets.values()]) - high
    assert np.abs(np.delete(differences, [5, 7])).max() < 3.0
    # The text: the population's mean is about 8 with a deviation of about 5.
    assert found.mean.estimate == pytest.approx(7.9, abs=0.2)
    assert (found.mean.high - found.mean.low) / 3.92 == pytest.approx(5.2, abs=0.3)


def test_with_equal_errors_all_are_pulled_by_the_expected_share() -> None:
    y, variance = np.random.default_rng(0).normal(0.0, 1.5, 9), 1.0
    total = ((y - y.mean()) ** 2).sum()

    def density(spread: float) -> float:
        return (variance + spread**2) ** (-(len(y) - 1) / 2) * np.exp(-total / 2 / (variance + spread**2))

    whole = integrate.quad(density, 0, np.inf)[0]
    share = integrate.quad(lambda s: variance / (variance + s**2) * density(s), 0, np.inf)[0] / whole
    found = shrink({str(i): value for i, value in enumerate(y)}, variance * np.eye(len(y)), level=0.9)
    assert found is not None
    expected = y.mean() + (1 - share) * (y - y.mean())
    assert [one.estimate for one in found.assets.values()] == pytest.approx(expected, abs=2e-3)
    assert found.mean.estimate == pytest.approx(y.mean())


def test_exact_measurements_stay_as_they_are_and_hopeless_ones_all_become_the_mean() -> None:
    y = {"A": -1.0, "B": 0.5, "C": 2.0, "D": 0.9}
    exact = shrink(y, 1e-6 * np.eye(4), level=0.95)
    assert exact is not None
    assert [one.estimate for one in exact.assets.values()] == pytest.approx(list(y.values()), abs=1e-3)
    equal = shrink(dict.fromkeys(y, 0.4), np.eye(4), level=0.95)
    assert equal is not None
    assert [one.estimate for one in equal.assets.values()] == pytest.approx([0.4] * 4)


def test_luck_that_all_assets_share_is_no_evidence_that_they_are_alike() -> None:
    y = {"A": 0.3, "B": 0.5, "C": 0.1, "D": 0.4}
    shared = shrink(y, 0.01 * np.eye(4) + 0.5, level=0.95)
    own = shrink(y, 0.01 * np.eye(4), level=0.95)
    assert shared is not None
    assert own is not None
    assert shared.spread == pytest.approx(own.spread, rel=0.1)
    assert shared.mean.high - shared.mean.low > 3 * (own.mean.high - own.mean.low)


def test_three_assets_are_too_few() -> None:
    assert shrink({"A": 1.0, "B": 2.0, "C": 0.0}, np.eye(3), level=0.95) is None
    assert shrink(dict.fromkeys("ABCD", 1.0), np.zeros((4, 4)), level=0.95) is None


def test_intervals_contain_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    covariance = 0.5 * np.eye(6) + 0.5
    covered = []
    for spread in (0.0, 0.5, 1.5):
        for _ in range(25):
            truth = rng.normal(0.2, spread, 6)
            y = rng.multivariate_normal(truth, covariance)
            found = shrink({str(i): value for i, value in enumerate(y)}, covariance, level=0.9)
            assert found is not None
            covered += [one.low <= t <= one.high for one, t in zip(found.assets.values(), truth, strict=True)]
    assert 0.86 <= np.mean(covered) <= 0.99


def test_gains_of_assets_that_move_as_one_have_wholly_correlated_errors() -> None:
    found = validated(signal=0.5)
    dates = np.array(found.part_dates("clean"), dtype="datetime64[D]")
    comparison = found.comparison("transferred", "vanilla")
    assert comparison is not None
    population = population_of(
        list("ABCD"), [dates] * 4, [comparison] * 4, level=0.95, samples=200, rng=np.random.default_rng(0)
    )
    assert population is not None
    gain = comparison.area.interval.estimate
    assert population.mean.estimate == pytest.approx(gain, abs=1e-6)
    # Four copies of an asset are no more evidence than one.
    width, single = population.mean.high - population.mean.low, comparison.days["area"]
    assert width == pytest.approx(single.high - single.low, rel=0.25)
    assert population_of([], [], [], level=0.95, samples=9, rng=np.random.default_rng(0)) is None
