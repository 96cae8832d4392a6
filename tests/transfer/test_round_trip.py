"""An agent survives stable-baselines3's own file, and goes on learning."""

from __future__ import annotations

import pytest
import torch
from stable_baselines3 import A2C, PPO

from rlpretrain.transfer import make_agent
from rlpretrain.transfer.algorithms import RL_ALGORITHMS
from rlpretrain.transfer.settings import TransferConfig
from tests.transfer.conftest import ROLLOUT, STATES
from tests.transfer.test_transfer import run

SB3 = {"ppo": PPO, "a2c": A2C}


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("strategy", ["fine_tuning", "residual"])
@pytest.mark.parametrize("algorithm", RL_ALGORITHMS)
def test_it_is_loaded_as_it_was_saved_and_learns_on(algorithm, strategy, network, env, tmp_path) -> None:
    agent = make_agent(env, network, seed=0, algorithm=algorithm)
    config = TransferConfig(strategy=strategy, critic_warmup_steps=0, backbone_lr_scale=0.25)
    run(agent, network, config, ROLLOUT, [])
    agent.save(tmp_path / "agent.zip")
    for made in (type(agent), SB3[algorithm]):
        loaded = made.load(tmp_path / "agent.zip", env=env)
        assert same(loaded.policy.state_dict(), agent.policy.state_dict())
        moments = [one.policy.optimizer.state_dict()["state"] for one in (loaded, agent)]
        assert moments[0].keys() == moments[1].keys()
        assert all(same(moments[0][key], moments[1][key]) for key in moments[0])
        states = torch.as_tensor(STATES)
        before = agent.policy.action_log_probabilities(states)
        torch.testing.assert_close(loaded.policy.action_log_probabilities(states), before, rtol=0, atol=0)
        loaded.learn(ROLLOUT, reset_num_timesteps=False)
        assert loaded.num_timesteps == 2 * ROLLOUT
        assert not torch.equal(loaded.policy.action_log_probabilities(states), before)


def test_its_own_class_keeps_each_groups_share_of_the_step_size(network, env, tmp_path) -> None:
    agent = make_agent(env, network, seed=0)
    config = TransferConfig(critic_warmup_steps=0, backbone_lr_scale=0.25, learning_rate=1e-3)
    run(agent, network, config, ROLLOUT, [])
    agent.save(tmp_path / "agent.zip")
    loaded = type(agent).load(tmp_path / "agent.zip", env=env)
    loaded.learn(ROLLOUT, reset_num_timesteps=False)
    assert [group["lr"] for group in loaded.policy.optimizer.param_groups] == [2.5e-4, 1e-3, 1e-3]


@pytest.mark.parametrize("loaded", [False, True])
def test_learning_leaves_nothing_in_the_temporary_directory(
    loaded, network, env, tmp_path, monkeypatch
) -> None:
    agent = make_agent(env, network, seed=0)
    agent.save(tmp_path / "agent.zip")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    (type(agent).load(tmp_path / "agent.zip", env=env) if loaded else agent).learn(ROLLOUT)
    assert list(scratch.iterdir()) == []
