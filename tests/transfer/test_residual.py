"""A fresh network beside the frozen prior: an exact start, whole plasticity, and a weight that survives a kill."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnvWrapper

from rlpretrain.environments import BatchedTradingEnv
from rlpretrain.errors import SettingsError
from rlpretrain.features import POSITION
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.transfer import kl_to_prior, load_agent, make_agent, save_agent
from rlpretrain.transfer.evidence import trust
from rlpretrain.transfer.fine_tuning import attach
from rlpretrain.transfer.policy import soften
from rlpretrain.transfer.ppo import PpoAgent
from rlpretrain.transfer.residual import Residual
from rlpretrain.transfer.schedule import TransferSchedule
from rlpretrain.transfer.settings import TransferConfig
from tests.transfer.conftest import ROLLOUT, STATES
from tests.transfer.test_transfer import actor, moved, run

CONFIG = TransferConfig(strategy="residual", learning_rate=3e-3)


def softened(network: PolicyNetwork) -> PolicyNetwork:
    return soften(network, CONFIG.temperature)


def test_it_starts_exactly_as_the_clone_with_the_weights_that_random_would_have(network, env) -> None:
    agent, random = make_agent(env, network, seed=0), make_agent(env, network, seed=0)
    attach(agent, network, CONFIG)
    np.testing.assert_array_equal(agent.policy.act(STATES), network.act(STATES))
    assert kl_to_prior(agent.policy, softened(network), STATES) == pytest.approx(0, abs=1e-6)
    assert moved(actor(agent.policy), actor(random.policy)) == set()
    group, other = agent.policy.optimizer.param_groups[0], random.policy.optimizer.param_groups[0]
    assert {key: group[key] for key in ("lr", "eps", "betas")} == {
        key: other[key] for key in ("lr", "eps", "betas")
    }
    assert agent.ent_coef == random.ent_coef


def test_its_logits_are_the_weighted_priors_and_what_the_network_has_learned(network, env) -> None:
    agent = make_agent(env, network, seed=0)
    attach(agent, network, CONFIG, trust=0.5)
    with torch.no_grad():
        agent.policy.action_net.bias += torch.tensor([0.5, -1.0, 0.2])
        logits = 0.5 * softened(network)(torch.as_tensor(STATES))[0] + torch.tensor([0.5, -1.0, 0.2])
        found = agent.policy.action_log_probabilities(torch.as_tensor(STATES))
    torch.testing.assert_close(found, torch.log_softmax(logits, dim=1))


def test_only_the_fresh_layers_learn_and_they_learn_at_once(network, env) -> None:
    agent = make_agent(env, network, seed=0)
    (_, start), (_, end) = run(agent, network, CONFIG, ROLLOUT, [0, ROLLOUT])
    assert moved(start, end) == {"trunk.0", "trunk.2", "policy_head"}
    residual = agent.policy.residual
    clone = softened(network)
    for name, tensor in clone.trunk.state_dict().items():
        assert torch.equal(residual.prior.trunk.state_dict()[name], tensor)
    assert torch.equal(residual.start.head.weight, start["policy_head.weight"])
    assert not any(parameter.requires_grad for parameter in residual.parameters())


def test_the_regulariser_is_the_entropy_bonus_less_the_weighted_divergence(network, env) -> None:
    agent = make_agent(env, network, seed=0)
    attach(agent, network, CONFIG)
    policy = agent.policy
    policy.entropy_bonus, policy.pull_weight = 0.01, 0.7
    with torch.no_grad():
        policy.action_net.bias += torch.tensor([0.5, -1.0, 0.2])
        states = torch.as_tensor(STATES)
        found = policy.evaluate_actions(states, torch.zeros(50))[2]
        entropy = policy.get_distribution(states).entropy()
    expected = 0.01 * entropy.mean().item() - 0.7 * kl_to_prior(policy, softened(network), STATES)
    assert found.mean().item() == pytest.approx(expected, rel=1e-4)


def test_the_weight_falls_with_evidence_and_never_rises(network) -> None:
    residual = Residual.blank(64, [8], 3, "relu", False)
    seen = []
    for cosine in (0.0, 0.12, 0.1, -1.0, -1.0):
        residual.observe(cosine)
        seen.append(residual.reweigh())
    assert seen == pytest.approx([1.0, 0.5, 0.25, 0.25, 0.25])


def test_a_rollouts_evidence_counts_from_the_next_rollout_on(network, env) -> None:
    agent = make_agent(env, network, seed=0)
    attach(agent, network, CONFIG)
    seen, kept = [], []

    def note(_: int) -> None:
        seen.append(float(agent.policy.residual.agreement))
        kept.append(float(agent.policy.residual.weight))

    agent.learn(3 * ROLLOUT, callback=TransferSchedule(CONFIG, 3 * ROLLOUT, note))
    assert seen[0] == 0.0 and len(set(seen)) == 3
    # It is counted when the rollout ends, and the weight is cut when the next one begins.
    assert kept[0] == kept[1] == 1.0 and kept[2] == min(1.0, trust(seen[1]))
    assert agent.policy.pull_weight == pytest.approx(float(agent.policy.residual.weight))


def test_it_survives_the_agents_file_and_is_read_without_code(network, env, tmp_path: Path) -> None:
    agent = make_agent(env, network, seed=0)
    run(agent, network, CONFIG, 2 * ROLLOUT, [])
    save_agent(tmp_path / "agent.pt", agent.policy, {})
    torch.load(tmp_path / "agent.pt", weights_only=True)
    policy, metadata = load_agent(tmp_path / "agent.pt")
    assert metadata["residual"] is True
    np.testing.assert_array_equal(policy.act(STATES), agent.policy.act(STATES))
    for name, tensor in agent.policy.state_dict().items():
        assert torch.equal(policy.state_dict()[name], tensor)


def test_a_killed_training_goes_on_from_its_checkpoint_as_if_it_had_not_been(
    network, env, tmp_path: Path
) -> None:
    first = make_agent(env, network, seed=0)
    attach(first, network, CONFIG)
    first.learn(2 * ROLLOUT, callback=TransferSchedule(CONFIG, 4 * ROLLOUT))
    first.save(tmp_path / "checkpoint.zip")
    second = PpoAgent.load(tmp_path / "checkpoint.zip", env=copy.deepcopy(env), force_reset=False)
    assert float(second.policy.residual.agreement) == float(first.policy.residual.agreement) != 0.0
    ends = []
    for agent in (first, second):
        set_random_seed(5)
        schedule = TransferSchedule(CONFIG, 4 * ROLLOUT)
        agent.learn(2 * ROLLOUT, callback=schedule, reset_num_timesteps=False)
        ends.append(agent.policy.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_an_environment_without_days_is_refused(network, env: BatchedTradingEnv) -> None:
    class Hidden(VecEnvWrapper):
        def reset(self):
            return self.venv.reset()

        def step_wait(self):
            return self.venv.step_wait()

        def __getattr__(self, name: str):
            if name == "days":
                raise AttributeError(name)
            return super().__getattr__(name)

    agent = make_agent(Hidden(env), network, seed=0)
    with pytest.raises(SettingsError, match="compares market days"):
        run(agent, network, CONFIG, ROLLOUT, [])


def test_the_days_of_the_environment_are_those_of_its_states(env: BatchedTradingEnv) -> None:
    observations = env.reset()
    for _ in range(40):
        known = env._flat[:, : POSITION.start]
        rows = [np.flatnonzero((known == state[: POSITION.start]).all(axis=1))[0] for state in observations]
        np.testing.assert_array_equal(env.days, env._dates[rows])
        env.step_async(np.ones(4, dtype=np.int64))
        observations, *_ = env.step_wait()
