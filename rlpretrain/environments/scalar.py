"""One trading episode at a time, as a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlpretrain.environments.book import ScalarBook
from rlpretrain.environments.checks import check_windows, checked_action
from rlpretrain.environments.episode_data import EpisodeData
from rlpretrain.environments.episode_sampler import EpisodeSampler
from rlpretrain.environments.reward import scalar_reward, usual_growth
from rlpretrain.environments.settings import Reward
from rlpretrain.errors import DataError
from rlpretrain.features import (
    LIMIT,
    POSITION,
    STATE_DIM,
    STATE_NAMES,
    position_features,
    unrealised_feature,
)

__all__ = ["TradingEnv"]

_UNREALISED = STATE_NAMES.index("unrealised_return")


class TradingEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """The first slot of the batched environment alone: same draws, same accounting, same rewards.

    Parameters
    ----------
    data
        The asset.
    window
        Rows [start, stop) that episodes may touch.
    episode_bars
        Decisions in an episode, which then ends by truncation.
    seed
        Fixes the starts; `reset(seed=...)` begins the sequence anew.
    reward
        Whether exposure is charged what it usually pays, see `step_reward`.

    Raises
    ------
    DataError
        An episode does not fit into the window.
    """

    def __init__(
        self,
        data: EpisodeData,
        window: tuple[int, int],
        *,
        episode_bars: int = 126,
        seed: int = 0,
        reward: Reward = "net",
    ) -> None:
        self.observation_space = spaces.Box(-LIMIT, LIMIT, (STATE_DIM,), np.float32)
        self.action_space = spaces.Discrete(3)
        check_windows([data], [window], episode_bars)
        self._data, self._window, self._episode_bars = data, window, episode_bars
        self._left = 0
        usual = usual_growth(reward, data.before * data.after)
        columns = (data.before, data.after, data.volatility, usual)
        self._bars = list(zip(*(column.tolist() for column in columns), strict=True))
        flat, long = (
            position_features(held, 0.0, np.arange(episode_bars + 1) if held else 0) for held in (False, True)
        )
        states = np.empty((len(data), STATE_DIM), dtype=np.float32)
        states[:, : POSITION.start], states[:, POSITION] = data.states, flat
        self._flat, self._long = list(states), list(long)
        self._seed_starts(seed)

    def _seed_starts(self, seed: int) -> None:
        self._sampler, self._episode = EpisodeSampler([self._window], self._episode_bars, 1, seed), 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin the next episode; with a seed, the first of that seed's sequence."""
        super().reset(seed=seed, options=options)
        if seed is not None:
            self._seed_starts(seed)
        self._row = int(self._sampler.episode(self._episode)[1][0])
        self._episode += 1
        self._left = self._episode_bars
        self._book = ScalarBook()
        return self._observe(), {}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Fill the decision within the next bar, and advance to its close.

        Raises
        ------
        DataError
            The action is none of 0, 1 and 2, or the episode has ended or has not begun.
        """
        if self._left == 0:
            raise DataError("no episode is under way", hint="call reset() first, and after each end")
        _, _, volatility, usual = self._bars[self._row]
        self._row += 1
        before, after, _, _ = self._bars[self._row]
        held = self._book.long
        growth, paid = self._book.step(checked_action(action), before, after, self._data.cost)
        # A fill at the close changes nothing about the bar: the position before it has earned the bar.
        held = held if after == 1.0 else self._book.long
        self._left -= 1
        reward = scalar_reward(growth, before * after, volatility, held=held, usual=usual)
        return self._observe(), reward, False, self._left == 0, {"growth": growth, "cost": paid}

    def _observe(self) -> NDArray[np.float32]:
        state = self._flat[self._row].copy()
        book = self._book
        if book.long:
            # A column of the block at a time, each as by `position_features`.
            state[POSITION] = self._long[book.bars_held]
            state[_UNREALISED] = unrealised_feature(book.since_entry - 1.0)
        return state
