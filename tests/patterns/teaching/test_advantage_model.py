"""The linear model with a prior: closed forms, and what evidence does to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.patterns.teaching.advantage_model import MonthlySums, Prior

PRIOR = Prior(means=(0.05, 0.05), deviation=0.05)


def rows(months: int, slope: tuple[float, float], seed: int = 0, each: int = 20):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(months * each, 2))
    return x, x @ slope + rng.normal(size=len(x)), np.repeat(np.arange(months), each)


def sums_of(*parts) -> MonthlySums:
    sums = MonthlySums(2)
    for part in parts:
        sums.add(*part)
    return sums


def test_before_a_year_of_outcomes_there_is_the_prior() -> None:
    sums = sums_of(rows(40, (1.0, -1.0)))
    assert sums.belief(PRIOR, before=11).coefficients.tolist() == [0.05, 0.05]
    assert sums.belief(PRIOR, before=11).months == 0
    assert MonthlySums(2).belief(PRIOR, before=99).uncertainty == pytest.approx(np.sqrt(2) * 0.05)
    assert sums.belief(PRIOR, before=40).coefficients[1] < 0.0


def test_the_posterior_by_hand() -> None:
    x, y, months = rows(30, (0.1, 0.0))
    belief = sums_of((x, y, months)).belief(PRIOR, before=30)
    residual = y - x @ np.linalg.lstsq(x, y)[0]
    scores = np.array([x[months == m].T @ residual[months == m] for m in range(30)])
    noise = np.mean((scores**2).sum(axis=0) / (x**2).sum(axis=0)) * 30 / 28
    precision = np.eye(2) / 0.05**2 + x.T @ x / noise
    expected = np.linalg.solve(precision, np.full(2, 0.05 / 0.05**2) + x.T @ y / noise)
    assert belief.coefficients == pytest.approx(expected)
    assert belief.covariance == pytest.approx(np.linalg.inv(precision))
    spread = np.einsum("ij,jk,ik->i", x, belief.covariance, x)
    assert belief.uncertainty == pytest.approx(np.sqrt(spread.mean()))


def test_much_evidence_finds_the_truth_and_its_error() -> None:
    belief = sums_of(rows(1200, (0.2, -0.1))).belief(PRIOR, before=1200)
    errors = (belief.coefficients - [0.2, -0.1]) / np.sqrt(np.diag(belief.covariance))
    assert np.abs(errors).max() < 3.0
    assert belief.effective == pytest.approx(24_000, rel=0.15)


def test_the_same_outcome_many_times_is_one_outcome() -> None:
    """Ten assets that move as one know as much as one of them."""
    x, y, months = rows(60, (0.1, 0.0))
    one, ten = sums_of((x, y, months)), sums_of(*[(x, y, months)] * 10)
    assert ten.belief(PRIOR, 60).coefficients == pytest.approx(one.belief(PRIOR, 60).coefficients)
    assert ten.belief(PRIOR, 60).effective == pytest.approx(one.belief(PRIOR, 60).effective)


@given(before=st.integers(12, 29), seed=st.integers(0, 99))
def test_a_belief_knows_only_earlier_months(before: int, seed: int) -> None:
    x, y, months = rows(30, (0.1, 0.0))
    other = np.where(months < before, y, np.random.default_rng(seed).normal(size=len(y)))
    one, two = (sums_of((x, target, months)).belief(PRIOR, before) for target in (y, other))
    assert np.array_equal(one.coefficients, two.coefficients)
    assert one.months == two.months == before


def test_a_view_that_never_moved_keeps_its_prior() -> None:
    x, y, months = rows(60, (0.3, 0.0))
    belief = sums_of((x * [1.0, 0.0], y, months)).belief(PRIOR, before=60)
    assert belief.coefficients[1] == pytest.approx(0.05) and belief.coefficients[0] > 0.1
