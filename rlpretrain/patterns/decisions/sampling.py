"""Which closes become patterns, and the trader's position at such a close."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.features import position_features
from rlpretrain.market import AssetSeries, Floats

__all__ = ["held_positions", "sampled_closes"]


def sampled_closes(stance: NDArray[np.bool_], usable: NDArray[np.bool_], hold_every: int) -> NDArray[np.intp]:
    """Return all usable closes with a change of stance, and every `hold_every`-th of the others.

    Parameters
    ----------
    stance
        (n,) the teacher's stance after each close, True for long; it is flat before the first.
    usable
        (n,) closes with a complete state and enough voters.
    hold_every
        At least 1; 1 keeps all.
    """
    changed = np.diff(stance, prepend=False)
    unchanged = usable & ~changed
    return np.flatnonzero(usable & changed | (unchanged & (np.cumsum(unchanged) % hold_every == 0)))


def held_positions(
    series: AssetSeries, stance: NDArray[np.bool_], price: Floats, longest: int
) -> NDArray[np.float32]:
    """Return the position part of the state of a trader in position at each close, (n, 3).

    Where the teacher is in position, it is the teacher's own position. Where the teacher is flat, the
    trader bought a random number of bars ago; the draw depends only on the asset's name and the bar.

    Parameters
    ----------
    series
        Bars of the asset.
    stance
        (n,) the teacher's stance after each close.
    price
        (n,) fill prices, see `fill_prices`.
    longest
        Maximum number of bars since a random entry.
    """
    n = len(series)
    bars = np.arange(n)
    before = np.concatenate([[False], stance[:-1]])
    bought = np.maximum.accumulate(np.where(stance & ~before, bars, 0))
    own = bars - np.concatenate([[0], bought[:-1]])
    drawn = np.random.default_rng(list(series.symbol.encode())).integers(1, longest + 1, size=n)
    age = np.where(before, own, np.minimum(drawn, np.maximum(bars, 1)))
    entry = price[np.minimum(bars - age + 1, n - 1)]
    return position_features(True, series.close / entry - 1.0, age)
