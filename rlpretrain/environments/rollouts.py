"""What a policy, or a fixed path of positions, earns in windows of an asset's history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments.book import fill
from rlpretrain.environments.episode_data import EpisodeData
from rlpretrain.environments.lookahead import Policy, stances
from rlpretrain.environments.trajectory import Trade, Trajectory
from rlpretrain.errors import DataError
from rlpretrain.market import Floats

__all__ = ["Policy", "follow", "rollout"]


def rollout(policy: Policy, data: EpisodeData, windows: Sequence[tuple[int, int]]) -> list[Trajectory]:
    """Run a policy through several windows, each from a flat start.

    Parameters
    ----------
    policy
        Maps states (n, 64) to actions (n,); a state's action may depend on nothing else.
    windows
        Pairs of rows: decisions at the closes of rows start .. stop - 2, bars start + 1 .. stop - 1.

    Raises
    ------
    DataError
        A window has fewer than two bars, or the policy does not return one action for each state.
    """
    if not windows or any(stop - start < 2 for start, stop in windows):
        raise DataError(f"{data.symbol}: a window needs at least two bars")
    paths = stances(policy, data, windows)
    return [follow(data, start, path) for (start, _), path in zip(windows, paths, strict=True)]


def follow(data: EpisodeData, start: int, long: NDArray[np.bool_], costs: Floats | None = None) -> Trajectory:
    """Trade a fixed path of positions from a flat start.

    Parameters
    ----------
    start
        Row of the first decision; its fill is in the next bar.
    long
        (m,) whether the position is long after each decision.
    costs
        (m,) cost of a trade after each decision, as a fraction of the amount traded; None for the asset's.
    """
    bars = np.arange(start + 1, start + 1 + len(long))
    held_before = np.concatenate([[False], long[:-1]])
    costs = np.full(len(bars), data.cost) if costs is None else costs
    step = fill(held_before, long, data.before[bars], data.after[bars], costs)
    # With a fill at the close, the new position earns nothing on this bar.
    filled_at_close = data.after[bars] == 1.0
    return Trajectory(
        symbol=data.symbol,
        dates=data.dates[bars],
        net_returns=step.growth - 1.0,
        asset_returns=data.before[bars] * data.after[bars] - 1.0,
        exposure=np.where(filled_at_close, held_before, long).astype(np.float64),
        costs=step.cost,
        bars_per_year=data.bars_per_year,
        trades=_trades(data, bars, held_before, long, costs),
    )


def _trades(
    data: EpisodeData,
    bars: NDArray[np.intp],
    before: NDArray[np.bool_],
    long: NDArray[np.bool_],
    costs: Floats,
) -> tuple[Trade, ...]:
    entries = np.flatnonzero(long & ~before)
    exits = np.flatnonzero(before & ~long)
    closed = np.arange(len(entries)) < len(exits)
    # An open position is valued at the last close.
    exits = np.concatenate([exits, np.full(len(entries) - len(exits), len(bars) - 1)])
    entry_price, exit_price = data.fill_price[bars[entries]], data.fill_price[bars[exits]]
    exit_price = np.where(closed, exit_price, exit_price * data.after[bars[exits]])
    kept = (1.0 - costs[entries]) * np.where(closed, 1.0 - costs[exits], 1.0)
    columns = (
        data.dates[bars[entries]],
        data.dates[bars[exits]],
        entry_price,
        exit_price,
        exit_price / entry_price * kept - 1.0,
        exits - entries,
        closed,
    )
    return tuple(Trade(*row) for row in zip(*(column.tolist() for column in columns), strict=True))
