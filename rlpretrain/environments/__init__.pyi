from .batched import BatchedTradingEnv
from .book import Book
from .episode_data import EpisodeData, build_episode_data, fill_growth
from .episode_sampler import EpisodeSampler
from .reward import step_reward
from .rollouts import Policy, follow, rollout
from .scalar import TradingEnv
from .trajectory import Trade, Trajectory

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
    "follow",
    "rollout",
    "step_reward",
]
