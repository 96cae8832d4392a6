"""The lean loop takes the steps of stable-baselines3's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from rlpretrain.environments import BatchedTradingEnv
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.transfer.agent import TradingAgent
from rlpretrain.transfer.fine_tuning import train_agent
from rlpretrain.transfer.policy import TradingPolicy, policy_arguments
from rlpretrain.transfer.ppo import PpoAgent
from rlpretrain.transfer.settings import TransferConfig
from rlpretrain.transfer.transfer_learning import stance_agreement
from tests.environments.conftest import make_data
from tests.transfer.conftest import STATES

pytestmark = pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")


class PlainAgent(TradingAgent, PPO):
    """Stable-baselines3's own loop."""


def trained(
    kind: type[TradingAgent],
    network: PolicyNetwork,
    strategy: str | None,
    rollouts: int = 6,
    **changes: Any,
) -> tuple[TradingAgent, dict[str, Any]]:
    # Episodes end within rollouts, so that values beyond them are needed.
    env = BatchedTradingEnv([make_data()], [(0, 300)], num_envs=4, episode_bars=20, seed=1)
    agent = kind(
        TradingPolicy,
        env,
        n_steps=32,
        batch_size=48,  # The last batch of an epoch is smaller.
        n_epochs=2,
        policy_kwargs=policy_arguments(network),
        seed=3,
        device="cpu",
        ent_coef=0.01,
    )
    config = TransferConfig(strategy=strategy or "fine_tuning").changed(critic_warmup_steps=128, **changes)
    logs: list[dict[str, Any]] = []
    train_agent(
        agent,
        None if strategy is None else network,
        config,
        total_steps=rollouts * 128,
        checkpoints=[128 * i for i in range(rollouts + 1)],
        watch=lambda _, figures: logs.append(figures),
        trust=0.5,
    )
    return agent, logs[-1]


@pytest.mark.parametrize("strategy", [None, "fine_tuning", "residual", "alignment_cosine"])
def test_weights_after_some_updates_are_those_of_the_plain_loop(
    network: PolicyNetwork, strategy: str | None
) -> None:
    (plain, expected), (lean, figures) = (trained(kind, network, strategy) for kind in (PlainAgent, PpoAgent))
    start = trained(PpoAgent, network, strategy, rollouts=0)[0].policy.state_dict()
    moved = 0.0
    for name, weights in plain.policy.state_dict().items():
        torch.testing.assert_close(lean.policy.state_dict()[name], weights, rtol=1e-4, atol=1e-5)
        moved += float((weights - start[name]).abs().sum())
    assert moved > 1.0
    assert expected.keys() == figures.keys()
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, rel=1e-3, abs=1e-5), name


class _Seen(BaseCallback):
    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        self.steps: list[dict[str, Any]] = []
        self.ends: list[dict[str, Any]] = []
        self._stop_at = stop_at

    def _on_step(self) -> bool:
        self.steps.append({name: self.locals[name] for name in ("new_obs", "rewards", "dones", "infos")})
        return len(self.steps) != self._stop_at

    def _on_rollout_end(self) -> None:
        buffer = self.model.rollout_buffer  # type: ignore[attr-defined]
        self.ends.append({"new_obs": self.locals["new_obs"], "dones": self.locals["dones"]})
        assert buffer.observations.shape == (32, 4, 64) and buffer.full


def test_callbacks_see_every_step_and_can_end_the_training(network: PolicyNetwork) -> None:
    agent = trained(PpoAgent, network, None, rollouts=0)[0]
    agent.learn(256, callback=(seen := _Seen()))
    assert (len(seen.steps), len(seen.ends), agent.num_timesteps) == (64, 2, 256)
    np.testing.assert_array_equal(seen.ends[-1]["new_obs"], seen.steps[-1]["new_obs"])
    ended = [step for step in seen.steps if step["dones"].any()]
    assert ended and all("terminal_observation" in step["infos"][0] for step in ended)
    agent.learn(256, callback=(stopped := _Seen(stop_at=5)))
    assert len(stopped.steps) == 5 and not stopped.ends


def test_a_saved_agent_goes_on_as_if_it_had_not_been_saved(network: PolicyNetwork, tmp_path) -> None:
    agent = trained(PpoAgent, network, None)[0]
    agent.save(tmp_path / "agent.zip")
    loaded = PpoAgent.load(tmp_path / "agent.zip", env=agent.get_env(), device="cpu")
    results = []
    for one in (agent, loaded):
        one.set_random_seed(5)
        one._last_obs = None
        one.learn(128)
        results.append(one.policy.state_dict())
    for name, weights in results[0].items():
        torch.testing.assert_close(results[1][name], weights, rtol=0, atol=0)


def test_low_precision_learns_nearly_the_same_and_acts_in_full(network: PolicyNetwork) -> None:
    full, low = (
        trained(PpoAgent, network, None, rollouts=2, rl_precision=precision)[0].policy
        for precision in ("float32", "bfloat16")
    )
    start = trained(PpoAgent, network, None, rollouts=0)[0].policy.state_dict()
    learned = {name: weights - start[name] for name, weights in full.state_dict().items()}
    total = sum(float(change.square().sum()) for change in learned.values())
    apart = sum(
        float((low.state_dict()[name] - weights).square().sum())
        for name, weights in full.state_dict().items()
    )
    assert 0 < apart < 0.3 * total
    many = np.random.default_rng(5).normal(size=(2_000, 64)).astype(np.float32)
    assert stance_agreement(low.act, full.act, many) >= 0.99
    states = torch.as_tensor(STATES)
    copy = low.acting_copy(low.state_dict())
    torch.testing.assert_close(
        low.action_log_probabilities(states), copy.action_log_probabilities(states), rtol=0, atol=0
    )
    low.mlp_extractor.low_precision = True
    rough, exact = low.mlp_extractor.forward_actor(states), low.mlp_extractor.policy_net(states)
    assert rough.dtype == torch.float32 and 0 < float((rough - exact).detach().abs().max()) < 0.1
    torch.testing.assert_close(
        low.action_log_probabilities(states), copy.action_log_probabilities(states), rtol=0, atol=0
    )
