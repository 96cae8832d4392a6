"""Cross-validation of a choice: the definition applied split by split, and cases with a known answer."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from rlpretrain.validation.overfitting import overfitting


def split_by_split(returns: np.ndarray, blocks: int) -> float:
    """Follow the paper's algorithm literally."""
    parts = np.array_split(returns, blocks)
    lost = []
    for chosen in combinations(range(blocks), blocks // 2):
        ratios = [
            rows.mean(axis=0) / rows.std(axis=0, ddof=1)
            for rows in (
                np.vstack([parts[i] for i in range(blocks) if (i in chosen) == inside])
                for inside in (True, False)
            )
        ]
        rank = stats.rankdata(ratios[1])[ratios[0].argmax()]
        share = rank / (returns.shape[1] + 1)
        lost.append(np.log(share / (1 - share)) <= 1e-12)
    return float(np.mean(lost))


@pytest.mark.parametrize("runs", [4, 7])
def test_it_is_the_papers_algorithm(runs: int) -> None:
    returns = np.random.default_rng(runs).normal(0.0003, 0.01, (80, runs))
    found = overfitting(returns)
    assert found is not None
    assert (found.blocks, found.splits, found.runs) == (8, 70, runs)
    assert found.probability == pytest.approx(split_by_split(returns, 8))


def test_what_is_always_best_is_not_overfitted() -> None:
    returns = np.random.default_rng(0).normal(0, 0.01, (320, 5))
    returns[:, 2] += 0.01
    found = overfitting(returns)
    assert found is not None
    assert found.splits == 12_870
    assert found.probability == 0.0


def test_what_must_be_lost_on_the_other_half_is_always_overfitted() -> None:
    # All runs earn nothing over all days: what one gains on half of the days it loses on the other.
    returns = np.random.default_rng(1).normal(0, 0.01, (160, 6))
    found = overfitting(returns - returns.mean(axis=0))
    assert found is not None
    assert found.probability > 0.99


def test_among_runs_of_equal_worth_it_is_a_half() -> None:
    rng = np.random.default_rng(2)
    found = [overfitting(rng.normal(0, 0.01, (80, 10))) for _ in range(150)]
    # The deviation of a single one is about 0.27.
    assert np.mean([one.probability for one in found if one is not None]) == pytest.approx(0.5, abs=0.07)


def test_nothing_is_said_about_copies_or_few_bars() -> None:
    row = np.random.default_rng(3).normal(size=(100, 1))
    assert overfitting(np.hstack([row, row])) is None
    assert overfitting(np.random.default_rng(3).normal(size=(59, 3))) is None
    flat = overfitting(np.hstack([row, np.zeros((100, 2))]))
    assert flat is not None
    assert flat.runs == 2
