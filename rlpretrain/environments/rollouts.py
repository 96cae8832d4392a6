"""Run a policy through windows of an asset's history."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments.book import Book
from rlpretrain.environments.episode_data import EpisodeData
from rlpretrain.environments.trajectory import Trade, Trajectory
from rlpretrain.errors import DataError
from rlpretrain.features import STATE_DIM

__all__ = ["Policy", "rollout"]

Policy = Callable[[NDArray[np.float32]], NDArray[np.integer]]
"""Maps states (n, 64) to actions (n,)."""


def rollout(policy: Policy, data: EpisodeData, windows: Sequence[tuple[int, int]]) -> list[Trajectory]:
    """Run a policy through several windows at once, each from a flat start.

    Parameters
    ----------
    policy
        Maps states (n, 64) to actions (n,).
    windows
        Pairs of rows: decisions at the closes of rows start .. stop - 2, bars start + 1 .. stop - 1.
    """
    lengths = np.array([stop - start for start, stop in windows])
    if len(lengths) == 0 or (lengths < 2).any():
        raise DataError(f"{data.symbol}: a window needs at least two bars")
    order = np.argsort(-lengths, kind="stable")
    starts = np.array([windows[i][0] for i in order])
    lengths = lengths[order]
    longest = int(lengths[0])
    book = Book(len(starts))
    growth, cost, long = (np.zeros((longest, len(starts))) for _ in range(3))
    observation = np.empty((len(starts), STATE_DIM), dtype=np.float32)
    for t in range(longest - 1):
        active = int(np.searchsorted(-lengths, -(t + 1), side="left"))
        rows = starts[:active] + t
        observation[:active, : data.states.shape[1]] = data.states[rows]
        observation[:, data.states.shape[1] :] = book.features()
        actions = np.zeros(len(starts), dtype=np.int64)
        actions[:active] = policy(observation[:active])
        following = np.minimum(starts + t + 1, len(data) - 1)
        step = book.step(actions, data.before[following], data.after[following], data.cost)
        growth[t + 1], cost[t + 1], long[t + 1] = step.growth, step.cost, book.long
    results: list[Trajectory | None] = [None] * len(starts)
    for column, original in enumerate(order):
        stop = lengths[column]
        results[original] = _trajectory(
            data, int(starts[column]), growth[1:stop, column], cost[1:stop, column], long[1:stop, column] > 0
        )
    return [result for result in results if result is not None]


def _trajectory(
    data: EpisodeData,
    start: int,
    growth: NDArray[np.float64],
    cost: NDArray[np.float64],
    long: NDArray[np.bool_],
) -> Trajectory:
    bars = np.arange(start + 1, start + 1 + len(growth))
    asset = data.before[bars] * data.after[bars] - 1.0
    held_before = np.concatenate([[False], long[:-1]])
    # With a fill at the close, the new position earns nothing on this bar.
    filled_at_close = data.after[bars] == 1.0
    exposure = np.where(filled_at_close, held_before, long).astype(np.float64)
    return Trajectory(
        symbol=data.symbol,
        dates=data.dates[bars],
        net_returns=growth - 1.0,
        asset_returns=asset,
        exposure=exposure,
        costs=cost,
        bars_per_year=data.bars_per_year,
        trades=_trades(data, bars, held_before, long),
    )


def _trades(
    data: EpisodeData, bars: NDArray[np.intp], before: NDArray[np.bool_], long: NDArray[np.bool_]
) -> tuple[Trade, ...]:
    entries = np.flatnonzero(long & ~before)
    exits = np.flatnonzero(before & ~long)
    close = data.fill_price * data.after
    trades = []
    for i, entry in enumerate(entries):
        closed = i < len(exits)
        exit_ = exits[i] if closed else len(bars) - 1
        entry_price = data.fill_price[bars[entry]]
        exit_price = data.fill_price[bars[exit_]] if closed else close[bars[exit_]]
        kept = (1.0 - data.cost) ** (2 if closed else 1)
        trades.append(
            Trade(
                entry=data.dates[bars[entry]].item(),
                exit=data.dates[bars[exit_]].item(),
                entry_price=float(entry_price),
                exit_price=float(exit_price),
                net_return=float(exit_price / entry_price * kept - 1.0),
                bars=int(exit_ - entry),
                closed=closed,
            )
        )
    return tuple(trades)
