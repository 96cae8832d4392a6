"""What the reward pays for: exposure and timing, or timing alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.environments import BatchedTradingEnv, EpisodeData, step_reward
from rlpretrain.environments.reward import exposure, scalar_reward, usual_growth
from rlpretrain.environments.settings import Reward
from rlpretrain.patterns.decisions.pattern_set import BUY, SELL
from tests.environments.conftest import make_data


def drifting(drift: float, fill: str = "next_open") -> EpisodeData:
    """A random walk of 3,000 bars with a mean log growth per bar."""
    data = make_data(3_000, fill=fill, cost=0.0)
    log = np.log(data.before * data.after)[1:]
    part = np.exp(drift - log.mean())
    return replace(data, before=data.before * part if fill == "next_close" else data.before,
                   after=data.after if fill == "next_close" else data.after * part)  # fmt: skip


def mean_reward(data: EpisodeData, reward: Reward, action: int) -> float:
    env = BatchedTradingEnv([data], [(1_000, 3_000)], num_envs=64, episode_bars=200, seed=0, reward=reward)
    env.reset()
    return float(np.mean([env.step(np.full(64, action))[1] for _ in range(200)]))


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
@pytest.mark.parametrize("drift", [-0.004, 0.004])
def test_always_long_earns_nothing_on_drift_and_always_flat_loses_nothing(drift: float, fill: str) -> None:
    data = drifting(drift, fill)
    # Plainly, holding earns half the drift and being flat loses half of it, in units of the volatility.
    half = 0.5 * drift / 0.011
    assert mean_reward(data, "net", BUY) == pytest.approx(half, rel=0.2)
    assert mean_reward(data, "net", SELL) == pytest.approx(-half, rel=0.2)
    for action in (BUY, SELL):
        assert abs(mean_reward(data, "exposure_adjusted", action)) < 0.1 * abs(half)


def test_being_in_the_market_on_the_right_day_pays_as_before() -> None:
    # Two days of +2 % and -1 %: the usual growth is 0.5 %, and the right day is 1.5 % better than usual.
    growth, volatility = np.exp([0.02, 0.0]), np.array([0.01, 0.01])
    asset, held = np.exp([0.02, -0.01]), np.array([True, False])
    found = step_reward(growth, asset, volatility, held=held, usual=0.005)
    np.testing.assert_allclose(found, [(0.015 - 0.0075) / 0.01, (0.0 + 0.0075) / 0.01])
    np.testing.assert_allclose(step_reward(growth, asset, volatility), [1.0, 0.5])


def test_usual_growth_is_the_mean_of_the_bars_so_far_and_knows_none_that_follow() -> None:
    growth = np.exp([0.7, 0.1, 0.3, -0.1])
    np.testing.assert_allclose(usual_growth("exposure_adjusted", growth), [0.0, 0.1, 0.2, 0.1])
    np.testing.assert_array_equal(usual_growth("net", growth), np.zeros(4))
    changed = np.where(np.arange(4) > 2, 9.0, growth)
    np.testing.assert_array_equal(
        usual_growth("exposure_adjusted", growth)[:3], usual_growth("exposure_adjusted", changed)[:3]
    )


def test_a_bar_counts_as_held_by_the_position_that_earns_it() -> None:
    before, after = np.array([True, False, True, False]), np.array([False, True, False, True])
    growth = np.array([1.01, 1.01, 1.0, 1.0])
    assert exposure(before, after, growth).tolist() == [False, True, True, False]


GROWTH = st.floats(0.2, 5.0)


@given(GROWTH, GROWTH, st.floats(1e-4, 0.2), st.booleans(), st.sampled_from([0.0, 0.001, -0.002]))
def test_one_book_is_rewarded_as_many_are(
    growth: float, asset_growth: float, volatility: float, held: bool, usual: float
) -> None:
    many = step_reward(
        np.full(3, growth),
        np.full(3, asset_growth),
        np.full(3, volatility),
        held=np.full(3, held),
        usual=usual,
    )
    one = scalar_reward(growth, asset_growth, volatility, held=held, usual=usual)
    # The two logarithms may differ in their last digit.
    np.testing.assert_allclose(many.astype(np.float32), one, rtol=3e-7, atol=1e-9)
