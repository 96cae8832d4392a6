"""Where training episodes begin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError

__all__ = ["EpisodeSampler"]

_AHEAD = 8
"""Episodes of each slot that are drawn at once: a call of a generator takes longer than its draw."""


class EpisodeSampler:
    """Draws where episodes begin: first the asset, then a start within its window, both uniformly.

    The draws of slot i depend only on the seed and on i, never on actions, so two agents with one seed meet the same
    episodes.
    """

    def __init__(self, windows: Sequence[tuple[int, int]], length: int, slots: int, seed: int) -> None:
        self._spans = [(start, stop - length) for start, stop in windows]
        if any(start >= stop for start, stop in self._spans):
            raise DataError(f"an episode of {length} bars does not fit into a window of {windows}")
        self._seeds = [[seed, slot] for slot in range(slots)]
        self._generators: list[np.random.Generator] = []
        self._drawn: NDArray[np.intp]
        """(2, episodes, slots): assets and first rows of the episodes that were drawn last."""
        self._block = -1

    def episode(self, number: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return each slot's asset and first row, (slots,) each, in its episode of this number, which counts from 0."""
        block, place = divmod(number, _AHEAD)
        if block < self._block or not self._generators:
            self._generators, self._block = [np.random.default_rng(seed) for seed in self._seeds], -1
        while self._block < block:
            self._drawn = np.stack([self._next(generator) for generator in self._generators], axis=2)
            self._block += 1
        assets, rows = self._drawn[:, place]
        return assets, rows

    def _next(self, generator: np.random.Generator) -> NDArray[np.intp]:
        """Return assets and first rows of a slot's next episodes, (2, episodes)."""
        if len(self._spans) == 1:
            # A draw among one asset takes no number from the generator.
            rows = generator.integers(*self._spans[0], size=_AHEAD)
            return np.stack([np.zeros_like(rows), rows])
        episodes = []
        for _ in range(_AHEAD):
            asset = int(generator.integers(len(self._spans)))
            episodes.append((asset, int(generator.integers(*self._spans[asset]))))
        return np.array(episodes).T
