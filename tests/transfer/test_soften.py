"""A softened clone chooses as before, and can learn otherwise."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.environments import BatchedTradingEnv
from rlpretrain.patterns.decisions.pattern_set import BUY, SELL
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.transfer import make_agent, train_agent
from rlpretrain.transfer.policy import soften
from rlpretrain.transfer.settings import TransferConfig
from tests.environments.conftest import make_data
from tests.transfer.conftest import ROLLOUT, STATES


def test_logits_are_divided_and_the_source_stays(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        logits, value = network(torch.as_tensor(STATES))
        softened, same_value = soften(network, 5.0)(torch.as_tensor(STATES))
    torch.testing.assert_close(softened, logits / 5.0)
    assert torch.equal(value, same_value)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@given(st.integers(0, 2**31 - 1), st.integers(0, 6))
def test_a_power_of_two_keeps_every_choice(seed, exponent):
    torch.manual_seed(seed)
    scaler = Scaler(np.zeros(64, np.float32), np.ones(64, np.float32))
    network = PolicyNetwork(scaler, [8])
    np.testing.assert_array_equal(soften(network, 2.0**exponent).act(STATES), network.act(STATES))


def test_the_default_is_a_power_of_two():
    assert np.frexp(TransferConfig().temperature)[0] == 0.5


@pytest.mark.parametrize(("temperature", "learned"), [(1.0, SELL), (8.0, BUY)])
def test_a_sure_clone_never_learns_what_a_softened_one_does(network, temperature, learned):
    # Every bar rises, and the clone is as good as certain that one should sell.
    rising = replace(make_data(cost=0.0), before=np.ones(300), after=np.full(300, 1.01))
    env = BatchedTradingEnv([rising], [(0, 300)], num_envs=4, episode_bars=32, seed=1)
    with torch.no_grad():
        network.policy_head.weight.zero_()
        network.policy_head.bias.copy_(torch.tensor([-8.0, -8.0, 8.0]))
    agent = make_agent(env, network, seed=0, learning_rate=3e-3)
    config = TransferConfig(
        temperature=temperature, kl_coefficient=0.0, critic_warmup_steps=0, learning_rate=3e-3
    )
    train_agent(
        agent, network, config, total_steps=20 * ROLLOUT, checkpoints=[], watch=lambda policy, figures: None
    )
    assert np.unique(agent.policy.act(STATES)).tolist() == [learned]
