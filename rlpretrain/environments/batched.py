"""Many trading episodes stepped at once, for stable-baselines3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from rlpretrain.environments.book import Book
from rlpretrain.environments.checks import check_windows, checked_actions
from rlpretrain.environments.episode_data import EpisodeData
from rlpretrain.environments.reward import exposure, step_reward, usual_growth
from rlpretrain.environments.settings import Reward
from rlpretrain.errors import DataError
from rlpretrain.features import LIMIT, POSITION, STATE_DIM
from rlpretrain.market import Dates

__all__ = ["BatchedTradingEnv", "EpisodeSampler"]


_NOTHING: Mapping[str, Any] = MappingProxyType({})
"""What there is to say about a slot whose episode goes on: shared by all of them, so it can't be written to."""


class EpisodeSampler:
    """Draws where episodes begin: first the asset, then a start within its window, both uniformly.

    The draws of slot i depend only on the seed and on i, never on actions, so two agents with one seed meet the same
    episodes.
    """

    def __init__(self, windows: Sequence[tuple[int, int]], length: int, slots: int, seed: int) -> None:
        self._spans = [(start, stop - length) for start, stop in windows]
        if any(start >= stop for start, stop in self._spans):
            raise DataError(f"an episode of {length} bars does not fit into a window of {windows}")
        self._generators = [np.random.default_rng([seed, slot]) for slot in range(slots)]

    def draw(self, slot: int) -> tuple[int, int]:
        """Return (asset, first row) of the slot's next episode."""
        generator = self._generators[slot]
        asset = int(generator.integers(len(self._spans)))
        return asset, int(generator.integers(*self._spans[asset]))


class BatchedTradingEnv(VecEnv):
    """A vectorised environment over one or several assets.

    Parameters
    ----------
    data
        Assets to draw episodes from.
    windows
        For each asset, the rows [start, stop) that episodes may touch.
    num_envs
        Episodes stepped at once.
    episode_bars
        Decisions in an episode. It then ends by truncation: the value beyond is bootstrapped.
    seed
        Fixes the starts of all episodes.
    reward
        Whether exposure is charged what it usually pays, see `step_reward`.

    Raises
    ------
    DataError
        An episode does not fit into a window.
    """

    def __init__(
        self,
        data: Sequence[EpisodeData],
        windows: Sequence[tuple[int, int]],
        *,
        num_envs: int = 32,
        episode_bars: int = 126,
        seed: int = 0,
        reward: Reward = "net",
    ) -> None:
        check_windows(data, windows, episode_bars)
        super().__init__(
            num_envs,
            spaces.Box(-LIMIT, LIMIT, (STATE_DIM,), np.float32),
            spaces.Discrete(3),
        )
        offsets = np.cumsum([0] + [len(part) for part in data])
        self._offset = offsets[:-1]
        # Whole states of someone who holds nothing: a row is copied at once, and its last columns are overwritten.
        self._flat = np.empty((offsets[-1], STATE_DIM), dtype=np.float32)
        self._flat[:, : POSITION.start] = np.concatenate([part.states for part in data])
        self._flat[:, POSITION] = Book(1).features()
        self._before = np.concatenate([part.before for part in data])
        self._after = np.concatenate([part.after for part in data])
        self._volatility = np.concatenate([part.volatility for part in data])
        self._usual = np.concatenate([usual_growth(reward, part.before * part.after) for part in data])
        self._dates = np.concatenate([part.dates for part in data])
        self._asset_cost = np.array([part.cost for part in data])
        self._windows, self._episode_bars, self._seed = list(windows), episode_bars, seed
        self._restart(seed)

    @property
    def days(self) -> Dates:
        """Day of the close at which each slot decides next, (num_envs,)."""
        return self._dates[self._row]

    def _restart(self, seed: int) -> None:
        self._sampler = EpisodeSampler(self._windows, self._episode_bars, self.num_envs, seed)
        self._book = Book(self.num_envs)
        self._row = np.zeros(self.num_envs, dtype=np.int64)
        self._left = np.zeros(self.num_envs, dtype=np.int64)
        self._cost = np.zeros(self.num_envs)
        self._begin(np.arange(self.num_envs))

    def _begin(self, slots: NDArray[np.intp]) -> None:
        """Begin the next episode in some slots, flat."""
        assets, starts = np.array([self._sampler.draw(slot) for slot in slots.tolist()]).T
        self._row[slots] = self._offset[assets] + starts
        self._left[slots] = self._episode_bars
        self._cost[slots] = self._asset_cost[assets]
        self._book.reset(slots)

    def _observe(self) -> NDArray[np.float32]:
        observations = self._flat.take(self._row, axis=0)
        observations[:, POSITION] = self._book.features()
        return observations

    def reset(self) -> VecEnvObs:
        """Restart every slot with the seed's first episodes."""
        self._restart(self._seed)
        return self._observe()

    def step_async(self, actions: NDArray[np.integer]) -> None:
        """Store the decisions of this close for `step_wait`.

        Raises
        ------
        DataError
            They are not one of 0, 1 and 2 for each slot.
        """
        self._actions = checked_actions(actions, self.num_envs)

    def step_wait(self) -> VecEnvStepReturn:
        """Fill the decisions, advance by one bar, and begin new episodes where one has ended."""
        decided = self._row
        self._row = decided + 1
        held, before, after = self._book.long, self._before[self._row], self._after[self._row]
        step = self._book.step(self._actions, before, after, self._cost)
        rewards = step_reward(
            step.growth,
            before * after,
            self._volatility[decided],
            held=exposure(held, self._book.long, after),
            usual=self._usual[decided],
        )
        self._left -= 1
        dones = self._left == 0
        observations = self._observe()
        infos: list[Any] = [_NOTHING] * self.num_envs
        ended = np.flatnonzero(dones)
        if len(ended):
            for slot, last in zip(ended.tolist(), observations[ended], strict=True):
                infos[slot] = {"terminal_observation": last, "TimeLimit.truncated": True}
            self._begin(ended)
            observations[ended] = self._flat[self._row[ended]]
        return observations, rewards.astype(np.float32), dones, infos

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute for each slot."""
        return [getattr(self, attr_name, None) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Raise AttributeError: a slot has no attributes."""
        raise AttributeError(f"slots of {type(self).__name__} have no attribute {attr_name!r} to set")

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Raise AttributeError: a slot has no methods."""
        raise AttributeError(f"slots of {type(self).__name__} have no method {method_name!r}")

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Return False for each slot: none is wrapped."""
        return [False for _ in self._get_indices(indices)]
