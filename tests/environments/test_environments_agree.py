"""Batched, scalar and rollout are one environment."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rlpretrain.environments import BatchedTradingEnv, TradingEnv, rollout
from tests.environments.conftest import make_data


@pytest.mark.parametrize("reward", ["net", "exposure_adjusted"])
@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_scalar_and_batched_agree_step_for_step(fill, reward):
    data = make_data(fill=fill)
    batched = BatchedTradingEnv([data], [(10, 200)], num_envs=1, episode_bars=20, seed=3, reward=reward)
    scalar = TradingEnv(data, (10, 200), episode_bars=20, seed=3, reward=reward)
    rng = np.random.default_rng(0)
    many, (one, _) = batched.reset(), scalar.reset()
    for _ in range(200):
        np.testing.assert_array_equal(many[0], one)
        action = rng.integers(3)
        many, rewards, dones, infos = batched.step(np.array([action]))
        one, paid, terminated, truncated, _ = scalar.step(action)
        assert rewards[0] == pytest.approx(paid, abs=0)
        assert dones[0] == truncated and not terminated
        if truncated:
            np.testing.assert_array_equal(infos[0]["terminal_observation"], one)
            one, _ = scalar.reset()


def test_rollout_earns_what_the_environment_pays(data):
    env = TradingEnv(data, (0, 102), episode_bars=100, seed=1)
    observation, _ = env.reset()
    start = env._row

    def policy(states):
        return (np.abs(states[:, 0] * 1000).astype(int)) % 3

    growth = []
    for _ in range(100):
        observation, _, _, _, info = env.step(policy(observation[None])[0])
        growth.append(info["growth"])
    trajectory = rollout(policy, data, [(start, start + 101)])[0]
    np.testing.assert_allclose(trajectory.net_returns + 1, growth, rtol=0, atol=0)


def test_gymnasium_accepts_the_scalar_environment(data):
    check_env(TradingEnv(data, (0, 200), episode_bars=20), skip_render_check=True)


def test_one_seed_gives_one_sequence_and_actions_do_not_move_the_starts():
    data = [make_data(seed=1), make_data(200, seed=2)]
    rows = []
    for action in (0, 1):
        env = BatchedTradingEnv(data, [(0, 300), (0, 200)], num_envs=4, episode_bars=30, seed=5)
        env.reset()
        rows.append([])
        for _ in range(100):
            env.step(np.full(4, action))
            rows[-1].append(env._row.copy())
    np.testing.assert_array_equal(rows[0], rows[1])


def test_resetting_begins_the_same_sequence_again(data):
    env = BatchedTradingEnv([data], [(0, 300)], num_envs=3, episode_bars=30, seed=5)
    first = env.reset()
    for _ in range(50):
        env.step(np.ones(3, int))
    np.testing.assert_array_equal(env.reset(), first)


def test_episodes_stay_inside_their_window(data):
    env = BatchedTradingEnv([data], [(50, 100)], num_envs=8, episode_bars=20, seed=0)
    env.reset()
    seen = []
    for _ in range(300):
        seen.append(env._row.copy())
        env.step(np.zeros(8, int))
    assert np.min(seen) >= 50
    assert np.max(seen) < 100


def test_nothing_after_a_close_shows_at_it():
    """Change every price after row 150: what an agent saw and earned up to there is unchanged."""
    data, changed = make_data(), make_data()
    changed.before[151:] *= 1.5
    changed.after[151:] *= 0.7
    policy = lambda states: (np.abs(states[:, 3] * 1000).astype(int)) % 3  # noqa: E731
    one, two = (rollout(policy, d, [(0, 151)])[0] for d in (data, changed))
    np.testing.assert_array_equal(one.net_returns, two.net_returns)
    assert one.trades == two.trades
