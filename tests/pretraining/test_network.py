"""The network's options, and the file it is kept in."""

import resource

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rlpretrain.errors import DataError, DiskFullError
from rlpretrain.features import VOTES
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file, save_model_file
from rlpretrain.transfer import load_agent, save_agent
from rlpretrain.transfer.policy import blank_policy

SCALER = Scaler(np.zeros(64, np.float32), np.ones(64, np.float32))
STATES = np.random.default_rng(0).normal(size=(20, 64)).astype(np.float32)


@given(
    st.sampled_from(["relu", "gelu", "silu", "tanh"]),
    st.booleans(),
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
)
def test_any_shape_comes_back_from_its_file(tmp_path_factory, activation, layer_norm, hidden_dims):
    network = PolicyNetwork(SCALER, hidden_dims, activation=activation, layer_norm=layer_norm)
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save_model_file(path, "policy_network", network.state_dict(), network.shape)
    again = load_model_file(path).network()
    assert again.shape == network.shape
    for one, other in zip(network(torch.tensor(STATES)), again(torch.tensor(STATES)), strict=True):
        assert torch.equal(one, other)


def test_layers_by_hand():
    network = PolicyNetwork(SCALER, [5], activation="tanh", layer_norm=True)
    linear, norm = network.trunk[0]
    hidden = torch.tanh(nn.functional.layer_norm(torch.tensor(STATES) @ linear.weight.T + linear.bias, (5,)))
    assert torch.allclose(network.trunk(torch.tensor(STATES)), hidden, atol=1e-6)
    assert norm.weight.shape == (5,)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_an_agent_takes_a_network_of_any_shape_and_acts_alike(tmp_path, layer_norm):
    network = PolicyNetwork(SCALER, [8, 6], activation="silu", layer_norm=layer_norm)
    policy = blank_policy(SCALER, [8, 6], 3, activation="silu", layer_norm=layer_norm)
    policy.load_network(network)
    save_agent(tmp_path / "agent.pt", policy, {})
    agent, _ = load_agent(tmp_path / "agent.pt")
    np.testing.assert_array_equal(agent.act(STATES), network.act(STATES))


def test_a_blind_scaler_hides_numbers_whatever_they_are():
    network = PolicyNetwork(Scaler.fit(STATES).blind_to(VOTES), [8])
    changed = STATES.copy()
    changed[:, VOTES] = 1e6
    assert torch.equal(network(torch.tensor(STATES))[0], network(torch.tensor(changed))[0])


def test_a_file_of_other_state_vectors_says_so(tmp_path):
    network = PolicyNetwork(SCALER, [8])
    path = tmp_path / "model.pt"
    save_model_file(path, "policy_network", network.state_dict(), network.shape)
    content = torch.load(path, weights_only=True)
    torch.save({**content, "state_version": "0"}, path)
    with pytest.raises(
        DataError, match=r"state vectors of version 0; this program uses version 2 \(train again\)"
    ):
        load_model_file(path)
    narrow = PolicyNetwork(Scaler(np.zeros(9, np.float32), np.ones(9, np.float32)), [8])
    save_model_file(path, "policy_network", narrow.state_dict(), narrow.shape)
    with pytest.raises(DataError, match="reads 9 numbers, but state vectors have 64"):
        load_model_file(path).network()
    save_model_file(path, "policy_network", network.state_dict(), {**network.shape, "hidden_dims": [9]})
    with pytest.raises(DataError, match="do not fit the shape"):
        load_model_file(path).network()
    save_model_file(path, "policy_network", network.state_dict(), {})
    with pytest.raises(DataError, match="does not describe its network"):
        load_model_file(path).network()


def test_a_full_disk_is_told_and_leaves_the_old_file_whole(tmp_path):
    path, network = tmp_path / "model.pt", PolicyNetwork(SCALER, [64])
    save_model_file(path, "policy_network", network.state_dict(), network.shape)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(
            DiskFullError, match=r"disk is full: .*model\.pt can't be written: .*free some space"
        ):
            save_model_file(path, "policy_network", network.state_dict(), {**network.shape, "more": "x"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]
