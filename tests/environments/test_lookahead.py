"""The few calls of a look-ahead give what asking once a day gives."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.environments import rollout
from rlpretrain.errors import DataError
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork
from tests.environments.conftest import make_data
from tests.environments.daily_rollout import daily_rollout

N = 150
WINDOWS = st.lists(
    st.tuples(st.integers(0, N - 2), st.integers(2, N)).map(lambda w: (w[0], min(N, w[0] + w[1]))),
    min_size=1,
    max_size=6,
)


def assert_as_daily(policy, data, windows):
    for path, plain in zip(rollout(policy, data, windows), daily_rollout(policy, data, windows), strict=True):
        np.testing.assert_array_equal(path.net_returns, plain["growth"] - 1.0)
        np.testing.assert_array_equal(path.costs, plain["costs"])
        np.testing.assert_array_equal(path.exposure > 0, plain["long"])


def hashed(seed: int, buy: float, sell: float):
    """A policy that decides by the digits of the whole state: any difference in any of them changes its actions."""

    def act(states):
        digits = np.frombuffer(np.ascontiguousarray(states).tobytes(), np.uint32).reshape(states.shape)
        mixed = (digits.astype(np.uint64) * np.uint64(2654435761 + 2 * seed)).sum(axis=1)
        chance = (mixed >> np.uint64(7)) % np.uint64(1000) / 1000.0
        held = states[:, -3] > 0.5
        return np.where(held, np.where(chance < sell, 2, 0), np.where(chance < buy, 1, 2))

    return act


@given(
    WINDOWS, st.integers(0, 1000), st.sampled_from([0.02, 0.5, 1.0]), st.sampled_from([0.0, 0.02, 0.5, 1.0])
)
@settings(max_examples=60, deadline=None)
def test_states_and_paths_are_the_same_to_the_last_digit(windows, seed, buy, sell):
    assert_as_daily(hashed(seed, buy, sell), make_data(N, seed=seed), windows)


def test_networks_take_the_same_positions():
    for seed in range(12):
        torch.manual_seed(seed)
        network = PolicyNetwork(Scaler(np.zeros(64, np.float32), np.ones(64, np.float32)), [32, 16])
        with torch.no_grad():
            network.policy_head.weight.mul_(4.0)
        assert_as_daily(network.act, make_data(260, seed=seed), [(0, 260), (40, 120), (119, 121)])


def test_equal_logits_are_resolved_alike():
    network = PolicyNetwork(Scaler(np.zeros(64, np.float32), np.ones(64, np.float32)), [8])
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.policy_head.bias.copy_(torch.tensor([0.0, 0.5, 0.5]))
    assert_as_daily(network.act, make_data(), [(0, 300)])


def test_days_are_asked_about_together():
    calls = []

    def act(states):
        calls.append(len(states))
        return np.where(states[:, -3] > 0.5, 0, 1)

    path = rollout(act, make_data(), [(0, 300)])[0]
    assert len(path.trades) == 1
    assert calls == [299, 16, 32, 64, 128, 58]


def test_nothing_after_a_windows_end_is_read():
    data, rows = make_data(), []

    def act(states):
        rows.append(states[:, :61])
        return np.where(states[:, -3] > 0.5, 0, 1)

    rollout(act, data, [(10, 40), (100, 130)])
    asked = {row.tobytes() for states in rows for row in states}
    allowed = {data.states[row].tobytes() for row in (*range(10, 39), *range(100, 129))}
    assert asked <= allowed


def test_a_policy_that_answers_for_one_day_at_a_time_is_refused():
    answers = iter(range(10_000))
    with pytest.raises(DataError, match="use `follow` for fixed positions"):
        rollout(lambda _: np.array([next(answers) % 3]), make_data(), [(0, 50)])
