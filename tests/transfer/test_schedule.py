"""What fades when, and that training may be cut anywhere."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.transfer import make_agent
from rlpretrain.transfer.fine_tuning import attach
from rlpretrain.transfer.schedule import TransferSchedule, pull_weight
from rlpretrain.transfer.settings import TransferConfig
from tests.transfer.conftest import ROLLOUT


def test_the_pull_is_whole_while_the_critic_warms_and_then_fades_in_a_straight_line():
    config = TransferConfig(kl_coefficient=2.0, critic_warmup_steps=100)
    weights = [pull_weight(config, steps, 500) for steps in (0, 99, 100, 200, 300, 400, 500, 600)]
    assert weights == [2.0, 2.0, 2.0, 1.5, 1.0, 0.5, 0.0, 0.0]


def test_the_pull_may_be_gone_early():
    config = TransferConfig(kl_coefficient=1.0, critic_warmup_steps=100, kl_decay_fraction=0.5)
    assert [pull_weight(config, steps, 500) for steps in (100, 200, 300, 400)] == [1.0, 0.5, 0.0, 0.0]


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0.01, 1.0), st.lists(st.integers(0, 2000)))
def test_the_pull_never_grows_nor_changes_sign(total, warmup, fraction, steps):
    config = TransferConfig(critic_warmup_steps=warmup, kl_decay_fraction=fraction)
    weights = [pull_weight(config, step, total) for step in sorted(steps)]
    assert all(config.kl_coefficient >= a >= b >= 0 for a, b in itertools.pairwise(weights))


def test_a_cut_in_the_middle_of_the_fading_changes_nothing(network, env):
    config = TransferConfig(
        strategy="progressive",
        progressive_unfreeze_schedule=[1, 3],
        kl_coefficient=1.0,
        critic_warmup_steps=ROLLOUT,
    )
    total, ends, pulls = 6 * ROLLOUT, [], []
    for parts in ([total], [3 * ROLLOUT, 2 * ROLLOUT, ROLLOUT]):
        agent = make_agent(env, network, seed=3)
        attach(agent, network, config)
        seen = []
        for steps in parts:
            schedule = TransferSchedule(
                config, total, lambda _, seen=seen, agent=agent: seen.append(agent.policy.pull_weight)
            )
            agent.learn(steps, callback=schedule, reset_num_timesteps=not agent.num_timesteps)
        pulls.append([*seen[1:], agent.policy.pull_weight])
        ends.append(agent.policy.state_dict())
    assert pulls[0] == pulls[1] == pytest.approx([1.0, 1.0, 0.8, 0.6, 0.4, 0.2])
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
