"""The trading environment, scalar and batched, with one accounting."""

from rlpretrain.environments.batched import BatchedTradingEnv, EpisodeSampler
from rlpretrain.environments.book import Book
from rlpretrain.environments.episode_data import EpisodeData, build_episode_data, fill_growth
from rlpretrain.environments.reward import step_reward
from rlpretrain.environments.rollout import Policy, rollout, simulate
from rlpretrain.environments.scalar import TradingEnv
from rlpretrain.environments.trajectory import Trade, Trajectory

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
    "simulate",
    "step_reward",
]
