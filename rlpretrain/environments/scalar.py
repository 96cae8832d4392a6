"""One trading episode at a time, as a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlpretrain.environments.batched import EpisodeSampler
from rlpretrain.environments.book import Book
from rlpretrain.environments.checks import check_windows, checked_action
from rlpretrain.environments.episode_data import EpisodeData
from rlpretrain.environments.reward import exposure, step_reward, usual_growth
from rlpretrain.environments.settings import Reward
from rlpretrain.errors import DataError
from rlpretrain.features import LIMIT, STATE_DIM

__all__ = ["TradingEnv"]


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
        self._usual = usual_growth(reward, data.before * data.after)
        self._seed_starts(seed)

    def _seed_starts(self, seed: int) -> None:
        self._sampler = EpisodeSampler([self._window], self._episode_bars, 1, seed)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin the next episode; with a seed, the first of that seed's sequence."""
        super().reset(seed=seed, options=options)
        if seed is not None:
            self._seed_starts(seed)
        self._row = self._sampler.draw(0)[1]
        self._left = self._episode_bars
        self._book = Book(1)
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
        decided = self._row
        self._row += 1
        here = slice(self._row, self._row + 1)
        before, after = self._data.before[here], self._data.after[here]
        held = self._book.long
        step = self._book.step(np.array([checked_action(action)]), before, after, self._data.cost)
        reward = step_reward(
            step.growth,
            before * after,
            self._data.volatility[decided : decided + 1],
            held=exposure(held, self._book.long, after),
            usual=self._usual[decided : decided + 1],
        )
        self._left -= 1
        info = {"growth": float(step.growth[0]), "cost": float(step.cost[0])}
        return self._observe(), float(np.float32(reward[0])), False, self._left == 0, info

    def _observe(self) -> NDArray[np.float32]:
        return np.concatenate([self._data.states[self._row], self._book.features()[0]])
