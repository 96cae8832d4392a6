"""RL algorithms: with each of them step sizes, the critic's warm-up and the pull work, and it learns what pays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rlpretrain.environments import BatchedTradingEnv
from rlpretrain.errors import SettingsError
from rlpretrain.patterns.decisions.pattern_set import BUY
from rlpretrain.settings import load_config, run_parameters
from rlpretrain.transfer import TradingAgent, kl_to_prior, make_agent, train_agent
from rlpretrain.transfer.agent import ROLLOUT_STEPS
from rlpretrain.transfer.algorithms import RL_ALGORITHMS
from rlpretrain.transfer.fine_tuning import attach
from rlpretrain.transfer.policy import soften
from rlpretrain.transfer.settings import TransferConfig
from tests.environments.conftest import make_data
from tests.outside import install
from tests.transfer.conftest import ROLLOUT, STATES
from tests.transfer.test_transfer import moved, run

every_algorithm = pytest.mark.parametrize("algorithm", RL_ALGORITHMS)


@every_algorithm
def test_every_algorithm_can_be_set_and_makes_an_agent_of_its_class(algorithm: str, network, env) -> None:
    assert load_config(overrides={"rl_algorithm": algorithm}).rl_algorithm == algorithm
    agent = make_agent(env, network, seed=0, algorithm=algorithm)
    assert isinstance(agent, TradingAgent)
    assert type(agent) is RL_ALGORITHMS[algorithm].agent_class()
    assert ROLLOUT_STEPS % agent.n_steps == 0
    assert (agent.gamma, agent.ent_coef, agent.seed) == (0.97, 0.01, 0)


@every_algorithm
def test_each_group_keeps_its_share_of_the_step_size(algorithm: str, network, env) -> None:
    agent = make_agent(env, network, seed=0, learning_rate=1e-3, algorithm=algorithm)
    config = TransferConfig(backbone_lr_scale=0.25, critic_warmup_steps=0, learning_rate=1e-3)
    run(agent, network, config, ROLLOUT, [])
    assert [group["lr"] for group in agent.policy.optimizer.param_groups] == [2.5e-4, 1e-3, 1e-3]
    still = make_agent(env, network, seed=0, algorithm=algorithm)
    frozen = TransferConfig(backbone_lr_scale=0.0, critic_warmup_steps=0)
    (_, start), (_, end) = run(still, network, frozen, ROLLOUT, [0, ROLLOUT])
    assert moved(start, end) == {"policy_head"}


@every_algorithm
def test_the_actor_rests_while_the_critic_warms(algorithm: str, network, env) -> None:
    agent = make_agent(env, network, seed=0, algorithm=algorithm)
    critic = agent.policy.value_net.weight.clone()
    config = TransferConfig(critic_warmup_steps=2 * ROLLOUT)
    (_, start), (_, warm), (_, end) = run(agent, network, config, 4 * ROLLOUT, [0, 2 * ROLLOUT, 4 * ROLLOUT])
    assert moved(start, warm) == set()
    assert not torch.equal(critic, agent.policy.value_net.weight)
    assert moved(warm, end) == {"trunk.0", "trunk.2", "policy_head"}


@every_algorithm
def test_a_strong_pull_keeps_the_agent_near_its_prior(algorithm: str, network, env) -> None:
    distance = {}
    start = soften(network, TransferConfig().temperature)
    for weight in (0.0, 100.0):
        agent = make_agent(env, network, seed=0, learning_rate=3e-3, algorithm=algorithm)
        config = TransferConfig(kl_coefficient=weight, critic_warmup_steps=0, learning_rate=3e-3)
        run(agent, network, config, 6 * ROLLOUT, [])
        distance[weight] = kl_to_prior(agent.policy, start, STATES)
    assert distance[100.0] < 0.2 * distance[0.0]


@every_algorithm
def test_it_learns_to_hold_what_rises_on_every_bar(algorithm: str, network) -> None:
    rising = replace(make_data(cost=0.0), before=np.ones(300), after=np.full(300, 1.01))
    env = BatchedTradingEnv([rising], [(0, 300)], num_envs=4, episode_bars=32, seed=1)
    agent = make_agent(env, network, seed=0, learning_rate=3e-3, algorithm=algorithm)
    config = TransferConfig(kl_coefficient=0.0, critic_warmup_steps=0, learning_rate=3e-3)
    train_agent(agent, network, config, total_steps=20 * ROLLOUT, checkpoints=[], watch=lambda *_: None)
    assert np.unique(agent.policy.act(STATES)).tolist() == [BUY]


@every_algorithm
def test_one_seed_one_agent(algorithm: str, network, env) -> None:
    ends = []
    for _ in range(2):
        agent = make_agent(env, network, seed=5, algorithm=algorithm)
        run(agent, network, TransferConfig(critic_warmup_steps=0), 2 * ROLLOUT, [])
        ends.append(agent.policy.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ({"name": ""}, "needs a name and a description"),
        ({"description": ""}, "needs a name and a description"),
        ({"arguments": lambda steps, envs: {}}, "must set n_steps"),
        ({"arguments": lambda steps, envs: {"n_steps": steps // 3}}, "must set n_steps"),
    ],
)
def test_an_incomplete_row_is_refused(missing, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        replace(RL_ALGORITHMS["ppo"], **missing)


def test_an_unknown_algorithm_is_answered_with_the_known_ones(network, env) -> None:
    with pytest.raises(SettingsError, match=r"unknown algorithm of reinforcement learning 'dqn'.*ppo, a2c"):
        make_agent(env, network, seed=0, algorithm="dqn")
    with pytest.raises(SettingsError, match=r"rl_algorithm: unknown algorithm.*'dqn'.*ppo, a2c"):
        load_config(overrides={"rl_algorithm": "dqn"})


def test_an_algorithm_from_a_package_trains(
    network, env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = install("An RL algorithm", RL_ALGORITHMS, tmp_path, monkeypatch)
    assert run_parameters()["rl_algorithm"]["enum"] == ["ppo", "a2c", name]
    agent = make_agent(env, network, seed=0, algorithm=name)
    assert agent.target_kl == 0.01
    attach(agent, network, TransferConfig())
    (_, start), (_, end) = run(
        agent, network, TransferConfig(critic_warmup_steps=0), 2 * ROLLOUT, [0, 2 * ROLLOUT]
    )
    assert moved(start, end) == {"trunk.0", "trunk.2", "policy_head"}
