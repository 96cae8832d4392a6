"""The prior begins each episode, the learner goes on, and learns from its own decisions alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.transfer import make_agent
from rlpretrain.transfer.fine_tuning import attach
from rlpretrain.transfer.roll_in import RollIn, own_samples_only
from rlpretrain.transfer.schedule import TransferSchedule, roll_in_bars
from rlpretrain.transfer.settings import TransferConfig
from tests.transfer.conftest import ROLLOUT, STATES
from tests.transfer.test_transfer import actor, moved


def test_the_guide_decides_in_the_first_bars_of_each_episode() -> None:
    roll_in = RollIn(lambda states: torch.full((2,), 2), 2)
    roll_in.bars = 2
    taken = []
    for ends in ([False, False], [False, True], [False, False], [False, False]):
        taken.append(roll_in.choose(torch.zeros(2, 64), torch.zeros(2, dtype=torch.int64)).tolist())
        roll_in.advance(np.array(ends))
    assert taken == [[2, 2], [2, 2], [0, 2], [0, 2]]


def test_the_roll_in_shortens_in_a_straight_line() -> None:
    config = TransferConfig(strategy="roll_in", roll_in_bars=40, kl_decay_fraction=0.5)
    assert [roll_in_bars(config, steps, 800) for steps in (0, 100, 200, 400, 800)] == [40, 30, 20, 0, 0]


def test_the_guides_samples_give_way_to_draws_from_the_learners() -> None:
    guided = np.array([[True, False], [True, True], [False, False]])
    buffer = SimpleNamespace(
        **{name: np.arange(6.0).reshape(3, 2) for name in ("values", "log_probs", "advantages", "returns")},
        observations=np.arange(12.0).reshape(3, 2, 2),
        actions=np.arange(6).reshape(3, 2, 1),
    )
    assert own_samples_only(buffer, guided, seed=0)
    flat = buffer.values.ravel()
    assert flat[[1, 4, 5]].tolist() == [1, 4, 5] and set(flat) == {1, 4, 5}
    # A sample's columns stay together.
    np.testing.assert_array_equal(buffer.actions.ravel(), flat)
    np.testing.assert_array_equal(buffer.observations[..., 0].ravel(), 2 * flat)
    assert not own_samples_only(buffer, np.ones((3, 2), dtype=bool), seed=0)


@pytest.fixture
def buyer(network: PolicyNetwork) -> PolicyNetwork:
    with torch.no_grad():
        network.policy_head.weight.zero_()
        network.policy_head.bias.copy_(torch.tensor([0.0, 8.0, 0.0]))
    return network


def test_a_student_that_would_never_buy_begins_long_and_the_score_is_its_own(buyer, env) -> None:
    agent = make_agent(env, buyer, seed=0)
    with torch.no_grad():
        agent.policy.action_net.weight.zero_()
        agent.policy.action_net.bias.copy_(torch.tensor([30.0, 0.0, 0.0]))
    config = TransferConfig(strategy="roll_in", roll_in_bars=10)
    attach(agent, buyer, config)
    assert set(agent.policy.act(STATES)) == {0}
    positions = []

    class Watching(TransferSchedule):
        def _on_step(self) -> bool:
            positions.append(env._book.long.copy())
            return super()._on_step()

    agent.learn(ROLLOUT, callback=Watching(config, 100 * ROLLOUT))
    # Bought at the first bar by the guide, and held by the student until the episode ends after 32 bars.
    long = np.array(positions)
    assert long[:31].all() and not long[31].any() and long[32:63].all()
    assert set(agent.rollout_buffer.actions.ravel()) == {0.0}


def test_a_rollout_of_the_guides_alone_teaches_the_actor_nothing(buyer, env) -> None:
    agent = make_agent(env, buyer, seed=0)
    config = TransferConfig(strategy="roll_in", roll_in_bars=1_000)
    attach(agent, buyer, config)
    start, critic = actor(agent.policy), agent.policy.value_net.weight.clone()
    agent.learn(ROLLOUT, callback=TransferSchedule(config, 100 * ROLLOUT))
    assert moved(start, actor(agent.policy)) == set()
    assert not torch.equal(critic, agent.policy.value_net.weight)
