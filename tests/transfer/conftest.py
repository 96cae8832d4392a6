"""A small random network, and a random walk to trade."""

import numpy as np
import pytest
import torch

from rlpretrain.environments import BatchedTradingEnv
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork
from tests.environments.conftest import make_data

STATES = np.random.default_rng(3).normal(size=(50, 64)).astype(np.float32)
ROLLOUT = 4 * 64


@pytest.fixture
def network() -> PolicyNetwork:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    scaler = Scaler(rng.normal(size=64).astype(np.float32), rng.uniform(0.5, 2, 64).astype(np.float32))
    return PolicyNetwork(scaler, [24, 16])


@pytest.fixture
def env() -> BatchedTradingEnv:
    return BatchedTradingEnv([make_data()], [(0, 300)], num_envs=4, episode_bars=32, seed=1)
