"""The critic starts from the pre-trained value head, in the units of what RL pays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from torch import nn

from rlpretrain.environments import BatchedTradingEnv
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.transfer import load_agent, make_agent, save_agent
from rlpretrain.transfer.categorical import CategoricalValue, fit_categorical
from rlpretrain.transfer.critic import ahead, rescale_critic, value_units
from rlpretrain.transfer.fine_tuning import attach
from rlpretrain.transfer.schedule import TransferSchedule
from rlpretrain.transfer.settings import TransferConfig
from tests.environments.conftest import make_data
from tests.transfer.conftest import ROLLOUT, STATES
from tests.transfer.test_transfer import actor, moved, run

STRATEGIES = ("fine_tuning", "kickstarting")
STEPS, SLOTS, DISCOUNT = 40, 3, 0.9


def values_of(agent) -> np.ndarray:
    with torch.no_grad():
        return agent.policy.predict_values(torch.as_tensor(STATES)).numpy().ravel()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_it_starts_as_the_pretrained_value_head_or_at_random(strategy: str, network, env) -> None:
    with torch.no_grad():
        expected = network(torch.as_tensor(STATES))[1].numpy()
    starts = {}
    for start in ("pretrained", "random"):
        agent = make_agent(env, network, seed=0)
        attach(agent, network, TransferConfig(strategy=strategy, critic_start=start))
        starts[start] = values_of(agent)
    np.testing.assert_allclose(starts["pretrained"], expected, atol=1e-6)
    np.testing.assert_allclose(starts["random"], values_of(make_agent(env, network, seed=0)), atol=1e-6)


def test_beside_a_frozen_prior_it_starts_at_random(network, env) -> None:
    config = TransferConfig(strategy="residual")
    agent = make_agent(env, network, seed=0)
    fresh = values_of(agent)
    attach(agent, network, config)
    np.testing.assert_array_equal(values_of(agent), fresh)
    agent.learn(ROLLOUT, callback=TransferSchedule(config, ROLLOUT))
    assert "train/value_factor" not in agent.logger.name_to_value


def test_what_lies_ahead_is_summed_up_to_the_end_of_the_episode() -> None:
    rewards = np.array([[1.0], [2.0], [4.0]])
    ends = np.array([[False], [True], [False]])
    np.testing.assert_allclose(ahead(rewards, np.array([8.0]), ends, 0.5).ravel(), [2.0, 2.0, 8.0])


def exact_rollout(policy, offset: float, factor: float, cuts: bool) -> tuple[RolloutBuffer, dict]:
    """A rollout in which ``offset + factor * values`` are exactly the discounted rewards."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(STEPS + 1, SLOTS))
    over = (rng.random((STEPS, SLOTS)) < 0.1) & cuts
    beyond = np.where(over, rng.normal(size=over.shape), np.nan)
    following = np.where(over, beyond, values[1:])
    rewards = offset + factor * values[:-1] - DISCOUNT * (offset + factor * following)
    rewards += DISCOUNT * np.nan_to_num(beyond)
    buffer = RolloutBuffer(STEPS, policy.observation_space, policy.action_space, gamma=DISCOUNT, n_envs=SLOTS)
    starts = np.concatenate([np.ones((1, SLOTS), dtype=bool), over[:-1]])
    for step in range(STEPS):
        buffer.add(
            np.zeros((SLOTS, 64)),
            np.zeros((SLOTS, 1)),
            rewards[step],
            starts[step],
            torch.as_tensor(values[step]),
            torch.zeros(SLOTS),
        )
    return buffer, {"cut": beyond, "last": values[-1], "ends": over[-1]}


@pytest.mark.parametrize("cuts", [False, True])
def test_the_units_of_exact_values_are_found_exactly(cuts: bool, network, env) -> None:
    policy = make_agent(env, network, seed=0).policy
    before = policy.predict_values(torch.as_tensor(STATES)).detach().numpy()
    buffer, rest = exact_rollout(policy, offset=3.0, factor=0.25, cuts=cuts)
    old = buffer.values.copy()
    assert rescale_critic(policy, buffer, **rest) == pytest.approx((3.0, 0.25), abs=1e-5)
    np.testing.assert_allclose(values_of_policy(policy), 3.0 + 0.25 * before.ravel(), atol=1e-5)
    # The rollout is told in the new units too, in which nothing was better or worse than expected.
    np.testing.assert_allclose(buffer.values, 3.0 + 0.25 * old, atol=1e-5)
    np.testing.assert_allclose(buffer.returns, buffer.values, atol=1e-4)
    np.testing.assert_allclose(buffer.advantages, 0.0, atol=1e-4)


def values_of_policy(policy) -> np.ndarray:
    with torch.no_grad():
        return policy.predict_values(torch.as_tensor(STATES)).numpy().ravel()


@pytest.mark.parametrize("values", [np.zeros(50), np.full(50, 7.0), -np.arange(50.0)])
def test_values_that_say_nothing_leave_the_mean_return(values: np.ndarray) -> None:
    earned, discounts = np.arange(50.0), np.zeros(50)
    assert value_units(values, earned, discounts, np.zeros(50)) == (pytest.approx(24.5), 0.0)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_after_its_first_rollout_the_critic_of_a_sure_buyer_knows_what_a_rise_is_worth(
    strategy: str, network: PolicyNetwork
) -> None:
    # Every bar rises by 1 % and pays half of its log growth in volatilities, so the value is that over 1 - gamma.
    rising = replace(make_data(cost=0.0), before=np.ones(300), after=np.full(300, 1.01))
    value = 0.5 * np.log(1.01) / 0.011 / (1 - 0.97)
    with torch.no_grad():
        network.policy_head.weight.zero_()
        network.policy_head.bias.copy_(torch.tensor([-30.0, 30.0, -30.0]))
    found, spread = {}, {}
    for start in ("pretrained", "random"):
        env = BatchedTradingEnv([rising], [(0, 300)], num_envs=4, episode_bars=32, seed=1)
        agent = make_agent(env, network, seed=0)
        if strategy == "kickstarting":
            with torch.no_grad():
                agent.policy.action_net.bias.copy_(network.policy_head.bias)
        config = TransferConfig(
            strategy=strategy, critic_start=start, critic_warmup_steps=ROLLOUT, temperature=1.0
        )
        attach(agent, network, config)
        agent.learn(ROLLOUT, callback=TransferSchedule(config, 2 * ROLLOUT))
        found[start] = values_of(agent)
        spread[start] = np.abs(agent.rollout_buffer.advantages).max()
    np.testing.assert_allclose(found["pretrained"], value, rtol=0.02)
    assert spread["pretrained"] < 0.01 < spread["random"]
    assert np.abs(found["random"] - value).min() > 0.5 * value


def test_a_warm_up_is_paid_from_the_same_budget(network, env) -> None:
    taken = []
    for warmup in (0, ROLLOUT):
        agent = make_agent(env, network, seed=0)
        run(agent, network, TransferConfig(critic_warmup_steps=warmup), 2 * ROLLOUT, [])
        taken.append(agent.num_timesteps)
    assert taken == [2 * ROLLOUT, 2 * ROLLOUT]


@pytest.mark.parametrize("form", ["layer_norm", "categorical"])
def test_other_critics_start_from_the_pretrained_layers(form: str, network, env) -> None:
    agent = make_agent(env, network, seed=0, critic=form)
    attach(agent, network, TransferConfig(critic_form=form))
    found = [
        layer for layer in agent.policy.mlp_extractor.value_net.modules() if isinstance(layer, nn.Linear)
    ]
    expected = [layer for layer in network.trunk.modules() if isinstance(layer, nn.Linear)]
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(found, expected, strict=True))
    # The actor is the clone, whatever the critic.
    np.testing.assert_array_equal(agent.policy.act(STATES), network.act(STATES))


def test_a_normalised_critic_normalises_its_layers_and_the_actor_does_not(network, env) -> None:
    policy = make_agent(env, network, seed=0, critic="layer_norm").policy
    states = torch.as_tensor(STATES)
    with torch.no_grad():
        # Without activations the last layer's sums have mean 0 and deviation 1 over its units.
        features = policy.extract_features(states)
        sums, plain = (
            nn.Sequential(*list(trunk)[:-1])(features)
            for trunk in (policy.mlp_extractor.value_net, policy.mlp_extractor.policy_net)
        )
    np.testing.assert_allclose(sums.mean(1), 0.0, atol=1e-5)
    np.testing.assert_allclose(sums.std(1, correction=0), 1.0, atol=1e-3)
    assert plain.std(1).std() > 0.01


@pytest.mark.parametrize("form", ["layer_norm", "categorical"])
def test_other_critics_survive_the_agents_file(form: str, network, env, tmp_path: Path) -> None:
    agent = make_agent(env, network, seed=0, critic=form)
    run(agent, network, TransferConfig(critic_form=form), ROLLOUT, [])
    save_agent(tmp_path / "agent.pt", agent.policy, {})
    policy, metadata = load_agent(tmp_path / "agent.pt")
    assert metadata["critic"] == form
    np.testing.assert_array_equal(values_of_policy(policy), values_of_policy(agent.policy))


def test_the_target_of_a_return_is_a_normal_distribution_with_its_mean() -> None:
    value = CategoricalValue(4)
    returns = torch.tensor([-3.3, 0.0, 0.1, 4.7])
    targets = value.targets(returns)
    centres = (value.edges[1:] + value.edges[:-1]) / 2
    torch.testing.assert_close(targets.sum(1), torch.ones(4))
    torch.testing.assert_close(targets @ centres, returns, atol=1e-3, rtol=0)
    # Its deviation is 0.75 of a bin, and the bins' own width adds a twelfth of its square.
    width = 20 / 51
    deviation = (targets @ centres.square() - (targets @ centres).square()).sqrt()
    torch.testing.assert_close(
        deviation, torch.full((4,), width * (0.75**2 + 1 / 12) ** 0.5), atol=1e-3, rtol=0
    )
    # Beyond the limits a return counts as the limit.
    torch.testing.assert_close(value.targets(torch.tensor([99.0])), value.targets(torch.tensor([10.0])))


def test_a_categorical_critic_learns_by_its_own_loss_and_leaves_the_actor_alone(network, env) -> None:
    agent = make_agent(env, network, seed=0, critic="categorical", learning_rate=3e-3)
    agent.learn(ROLLOUT)
    policy, buffer = agent.policy, agent.rollout_buffer
    # In these states returns are 2 or -2 by the sign of the first number.
    rng = np.random.default_rng(0)
    buffer.observations[:] = rng.normal(size=buffer.observations.shape)
    buffer.returns[:] = np.where(buffer.observations[:, 0] > 0, 2.0, -2.0)[:, None].reshape(
        buffer.returns.shape
    )
    before = actor(policy)
    fit_categorical(policy, buffer, epochs=200, largest_gradient=10.0)
    assert moved(before, actor(policy)) == set()
    with torch.no_grad():
        found = policy.predict_values(torch.as_tensor(buffer.observations)).numpy().ravel()
    assert np.corrcoef(found, buffer.returns.ravel())[0, 1] > 0.95
    assert not policy.evaluate_actions(torch.as_tensor(STATES), torch.zeros(50))[0].requires_grad
