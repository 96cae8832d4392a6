"""Many trading episodes stepped at once, for stable-baselines3."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

from rlpretrain.environments.book import Book, fill, next_position
from rlpretrain.environments.checks import check_windows, checked_actions
from rlpretrain.environments.episode_data import EpisodeData
from rlpretrain.environments.episode_sampler import EpisodeSampler
from rlpretrain.environments.reward import exposure, step_reward, usual_growth
from rlpretrain.environments.settings import Reward
from rlpretrain.errors import DataError
from rlpretrain.features import LIMIT, POSITION, STATE_DIM
from rlpretrain.market import Dates

__all__ = ["BatchedTradingEnv"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})
"""What there is to say about a slot whose episode goes on: shared by all of them, so it can't be written to."""


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
        self._rewards = np.concatenate([_rewards(part, reward) for part in data])
        self._dates = np.concatenate([part.dates for part in data])
        self._sampler = EpisodeSampler(windows, episode_bars, num_envs, seed)
        self._episode_bars = episode_bars
        self._begin(0)

    @property
    def days(self) -> Dates:
        """Day of the close at which each slot decides next, (num_envs,)."""
        return self._dates[self._row]

    def _begin(self, episode: int) -> None:
        """Begin the episode of this number in all slots, flat: they are equally long, so they also end together."""
        self._episode, self._left = episode, self._episode_bars
        assets, starts = self._sampler.episode(episode)
        self._row = self._offset[assets] + starts
        self._book = Book(self.num_envs)

    def _observe(self) -> NDArray[np.float32]:
        observations = self._flat.take(self._row, axis=0)
        observations[:, POSITION] = self._book.features()
        return observations

    def reset(self) -> VecEnvObs:
        """Restart every slot with the seed's first episode."""
        self._begin(0)
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
        """Fill the decisions, advance by one bar, and begin new episodes where they have ended."""
        decided, held = self._row, self._book.long
        target = next_position(self._actions, held)
        rewards = self._rewards.take(4 * decided + 2 * held + target)
        self._row = decided + 1
        self._book.move(target, self._before.take(self._row), self._after.take(self._row))
        self._left -= 1
        observations, infos = self._observe(), [_NOTHING] * self.num_envs
        ended = self._left == 0
        if ended:
            infos = [{"terminal_observation": last, "TimeLimit.truncated": True} for last in observations]
            self._begin(self._episode + 1)
            observations = self._observe()
        return observations, rewards, np.full(self.num_envs, ended), infos  # type: ignore[return-value]

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs: the number of the episode, the decisions left in it, and the books."""
        return {"episode": self._episode, "left": self._left, **vars(self._book)}

    def restore(self, state: Mapping[str, Any]) -> NDArray[np.float32]:
        """Restore a state of an environment with the same arguments; return what its slots observe.

        Raises
        ------
        DataError
            It is not a state of such an environment; this one is unchanged.
        """
        episode, left, book = state["episode"], state["left"], Book(self.num_envs)
        fits = episode >= 0 and 1 <= left <= self._episode_bars
        for name, empty in vars(book).items():
            array = np.asarray(state[name])
            fits = fits and array.shape == empty.shape and array.dtype == empty.dtype
            fits = fits and bool(np.isfinite(array).all())
            setattr(book, name, array)
        if not fits:
            raise DataError("this is not a state of an environment with so many slots and such long episodes")
        self._begin(episode)
        self._row = self._row + self._episode_bars - left
        self._left, self._book = left, book
        return self._observe()

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


def _rewards(data: EpisodeData, reward: Reward) -> NDArray[np.float32]:
    """Return the reward of each decision, (n, 4), by the positions before and after its fill.

    They are in the order flat and flat, flat and long, long and flat, long and long. The last close has none.
    """
    before, after, volatility = data.before[1:], data.after[1:], data.volatility[:-1]
    usual = usual_growth(reward, data.before * data.after)[:-1]
    rewards = np.full((len(data), 4), np.nan, dtype=np.float32)
    for column, positions in enumerate(itertools.product((False, True), repeat=2)):
        was, now = (np.full(len(before), position) for position in positions)
        growth = fill(was, now, before, after, data.cost).growth
        held = exposure(was, now, after)
        rewards[:-1, column] = step_reward(growth, before * after, volatility, held=held, usual=usual)
    return rewards
