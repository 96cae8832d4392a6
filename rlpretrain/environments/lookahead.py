"""The positions that a policy takes in windows of an asset's history, found with few calls of the policy.

Only the position's block of a state depends on earlier actions. All states in which nothing is held are therefore known
beforehand, and so are those that follow an entry as long as the position is kept. The policy is asked about all flat
states in one call, then about the days after each entry until it sells, instead of once a day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments.episode_data import EpisodeData
from rlpretrain.errors import DataError
from rlpretrain.features import STATE_DIM, position_features
from rlpretrain.market import Floats
from rlpretrain.patterns.decisions.pattern_set import BUY, SELL

__all__ = ["Policy", "stances"]

Policy = Callable[[NDArray[np.float32]], NDArray[np.integer]]
"""Maps states (n, 64) to actions (n,). A state's action must depend on nothing else, because states are shown in any
order and any number at a time."""

_FIRST_DAYS, _MOST_DAYS = 16, 256
"""Days after an entry that are looked at first, and most at once: twice as many each time the position is kept."""


def stances(policy: Policy, data: EpisodeData, windows: Sequence[tuple[int, int]]) -> list[NDArray[np.bool_]]:
    """Return whether the policy is long after each decision in each window, which it begins flat.

    Parameters
    ----------
    windows
        Pairs of rows: decisions at the closes of rows start .. stop - 2.

    Returns
    -------
    stances
        For each window, (stop - start - 1,).

    Raises
    ------
    DataError
        The policy does not return one action for each state.
    """
    starts, ends = (np.array(column) for column in zip(*windows, strict=True))
    ends = ends - 1
    reach = _reach(len(data), starts, ends)
    entries = _next_entries(policy, data, reach)
    # For each row at which a position is opened, the row at which it is closed; 0 if that was not asked yet.
    exits = np.zeros(len(data), dtype=np.intp)
    paths = [np.zeros(end - start, dtype=bool) for start, end in zip(starts, ends, strict=True)]
    at = starts.copy()
    while True:
        opened = entries[at]
        trading = np.flatnonzero(opened < ends)
        if len(trading) == 0:
            return paths
        unknown = np.unique(opened[trading])
        unknown = unknown[exits[unknown] == 0]
        if len(unknown):
            exits[unknown] = _exits(policy, data, unknown, reach[unknown])
        for i in trading:
            paths[i][opened[i] - starts[i] : exits[opened[i]] - starts[i]] = True
        at[trading] = np.minimum(exits[opened[trading]] + 1, ends[trading])


def _reach(rows: int, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each row the end of the decisions in the windows that contain it; 0 outside all of them."""
    reach = np.zeros(rows, dtype=np.intp)
    for start, end in zip(starts, ends, strict=True):
        np.maximum(reach[start:end], end, out=reach[start:end])
    return reach


def _next_entries(policy: Policy, data: EpisodeData, reach: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each row the first one from it on at which a flat policy buys; the number of rows if none follows."""
    rows = np.flatnonzero(reach)
    buys = rows[_ask(policy, data, rows, position_features(np.zeros(len(rows)), 0.0, 0)) == BUY]
    entries = np.full(len(reach), len(reach))
    entries[buys] = buys
    return np.minimum.accumulate(entries[::-1])[::-1]


def _exits(
    policy: Policy, data: EpisodeData, opened: NDArray[np.intp], stop: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the rows at which the policy sells what it decided to buy at the rows `opened`, or `stop` if it does not.

    The growth since the entry is multiplied in the order of `Book.step`, so that states are the same to the last digit.
    """
    exits = stop.copy()
    kept = np.flatnonzero(opened + 1 < stop)
    held, days = np.zeros(len(opened), dtype=np.int64), _FIRST_DAYS
    since_entry = np.ones(len(opened))
    while len(kept):
        ahead = held[kept, None] + np.arange(1, days + 1)
        rows = np.minimum(opened[kept, None] + ahead, stop[kept, None] - 1)
        grown = _growth_since_entry(data, rows, ahead == 1, since_entry[kept])
        inside = opened[kept, None] + ahead < stop[kept, None]
        actions = _ask(
            policy, data, rows[inside], position_features(np.ones(1), grown[inside] - 1.0, ahead[inside])
        )
        sold = np.zeros(inside.shape, dtype=bool)
        sold[inside] = actions == SELL
        closed = sold.any(axis=1)
        exits[kept[closed]] = rows[closed, sold[closed].argmax(axis=1)]
        held[kept], since_entry[kept] = ahead[:, -1], grown[:, -1]
        kept = kept[~closed & (opened[kept] + held[kept] + 1 < stop[kept])]
        days = min(2 * days, _MOST_DAYS)
    return exits


def _growth_since_entry(
    data: EpisodeData, rows: NDArray[np.intp], first: NDArray[np.bool_], since_entry: Floats
) -> Floats:
    """Return the growth since the fill of the entry at the close of each row, (n, days), given that before them."""
    factors = np.empty((len(rows), 2 * rows.shape[1] + 1))
    factors[:, 0] = since_entry
    factors[:, 1::2] = np.where(first, 1.0, data.before[rows])
    factors[:, 2::2] = data.after[rows]
    return np.asarray(np.multiply.accumulate(factors, axis=1)[:, 2::2])


def _ask(
    policy: Policy, data: EpisodeData, rows: NDArray[np.intp], position: NDArray[np.float32]
) -> NDArray[np.integer]:
    states = np.empty((len(rows), STATE_DIM), dtype=np.float32)
    width = data.states.shape[1]
    states[:, :width], states[:, width:] = data.states[rows], position
    actions = np.asarray(policy(states))
    if actions.shape != (len(rows),):
        raise DataError(
            f"the policy returned {actions.shape} actions for {len(rows)} states of {data.symbol}",
            hint="a policy maps states (n, 64) to actions (n,), whatever n is; use `follow` for fixed positions",
        )
    return actions
