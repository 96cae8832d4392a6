"""The set of arms that may be the best: a t-test for two arms, and its error rate for several."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap

from rlpretrain.analysis.day_blocks import day_block_length
from rlpretrain.validation.best_arms import best_arms, pool_best_arms

from .conftest import validated


def test_of_two_arms_the_worse_has_the_p_value_of_a_bootstrap_test_of_the_difference() -> None:
    rows = np.random.default_rng(0).normal(size=(2, 200)) + np.array([[0.15], [0.0]])
    found = best_arms({"a": rows[0], "b": rows[1]}, samples=2_000, rng=np.random.default_rng(1))
    difference = rows[0] - rows[1]
    resampler = StationaryBootstrap(day_block_length(rows.T), difference, seed=np.random.default_rng(2))
    means = np.array([one.mean() for (one,), _ in resampler.bootstrap(4_000)])
    assert found["a"] == 1.0
    expected = np.mean(np.abs(means - difference.mean()) >= abs(difference.mean()))
    assert found["b"] == pytest.approx(expected, abs=0.03)


def test_the_best_arm_is_rarely_excluded() -> None:
    rng = np.random.default_rng(5)
    excluded = [
        best_arms({str(i): rng.normal(size=120) for i in range(4)}, samples=99, rng=rng)["0"] <= 0.05
        for _ in range(60)
    ]
    # All are equally good, so any exclusion is an error; ten of 60 would have a chance of one in a thousand at 5 %.
    assert sum(excluded) <= 9


def test_copies_share_a_p_value_and_what_is_far_worse_is_excluded() -> None:
    rng = np.random.default_rng(3)
    good = rng.normal(size=200)
    found = best_arms({"a": good, "copy": good, "bad": good - 1 + rng.normal(size=200)}, samples=200, rng=rng)
    assert found["a"] == found["copy"] == 1.0
    assert found["bad"] < 0.01
    assert best_arms({"a": good, "copy": good}, samples=200, rng=rng) == {}
    assert best_arms({"a": good[:59], "b": -good[:59]}, samples=200, rng=rng) == {}


def test_attempts_and_holding_are_compared_and_other_references_are_not() -> None:
    found = validated(signal=0.5)
    p_values = pool_best_arms([found], samples=200, rng=np.random.default_rng(0))
    assert set(p_values) == {"agent", "transferred", "vanilla", "placebo", "frozen", "buy_and_hold"}
    # The agent is the planted rule itself.
    assert p_values["agent"] == p_values["frozen"] == 1.0
    assert p_values["buy_and_hold"] < 0.05
