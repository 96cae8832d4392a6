"""The trading environment, scalar and batched, with one accounting.

What agents learn in is loaded on first use: it needs torch, and the books and trajectories don't.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rlpretrain.environments.book import Book
from rlpretrain.environments.episode_data import EpisodeData, build_episode_data, fill_growth
from rlpretrain.environments.reward import step_reward
from rlpretrain.environments.rollout import Policy, rollout
from rlpretrain.environments.trajectory import Trade, Trajectory

if TYPE_CHECKING:
    from rlpretrain.environments.batched import BatchedTradingEnv, EpisodeSampler
    from rlpretrain.environments.scalar import TradingEnv

__all__ = [
    "BatchedTradingEnv",
    "Book",
    "EpisodeData",
    "EpisodeSampler",
    "Policy",
    "Trade",
    "TradingEnv",
    "Trajectory",
    "build_episode_data",
    "fill_growth",
    "rollout",
    "step_reward",
]

_HOMES = {"BatchedTradingEnv": "batched", "EpisodeSampler": "batched", "TradingEnv": "scalar"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
