"""A rollout in its plainest form, which asks the policy once a day: the oracle of the faster one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments import Book, EpisodeData


def daily_rollout(
    policy: Callable[[NDArray[np.float32]], NDArray[np.integer]],
    data: EpisodeData,
    windows: Sequence[tuple[int, int]],
) -> list[dict[str, NDArray]]:
    """Return each window's growth, costs and positions after each fill, day by day through `Book`."""
    found = []
    for start, stop in windows:
        book = Book(1)
        days = []
        for row in range(start, stop - 1):
            state = np.concatenate([data.states[row], book.features()[0]])
            bar = slice(row + 1, row + 2)
            step = book.step(policy(state[None]), data.before[bar], data.after[bar], data.cost)
            days.append((step.growth[0], step.cost[0], book.long[0]))
        growth, costs, long = (np.array(column) for column in zip(*days, strict=True))
        found.append({"growth": growth, "costs": costs, "long": long})
    return found
