"""The gain in area on each asset, shrunk towards the mean of all assets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from arch.bootstrap import StationaryBootstrap
from numpy.typing import NDArray

from rlpretrain.analysis.day_blocks import day_block_length
from rlpretrain.validation.days import by_calendar
from rlpretrain.validation.learning_curves import CurveComparison
from rlpretrain.validation.shrinkage import FEWEST_ASSETS, Population, shrink

__all__ = ["population_of"]

Floats = NDArray[np.float64]


def population_of(
    symbols: Sequence[str],
    dates: Sequence[NDArray[np.datetime64]],
    comparisons: Sequence[CurveComparison],
    *,
    level: float,
    samples: int,
    rng: np.random.Generator,
) -> Population | None:
    """Shrink the gains in area of several assets, with the errors that seeds and days give them.

    Days are resampled in blocks for all assets at once and seeds were shared, so the errors keep their correlations.

    Parameters
    ----------
    symbols, dates, comparisons
        Of each asset, its name, the dates (m_i,) of its bars and the comparison of two arms on them.

    Returns
    -------
    Population or None
        None for fewer than four assets.
    """
    if len(symbols) < FEWEST_ASSETS:
        return None
    rows = by_calendar(dates, [np.array(comparison.by_bar["area"]) for comparison in comparisons])
    resampler = StationaryBootstrap(day_block_length(rows), rows, seed=rng)
    means = np.array([resampled.mean(axis=0) for (resampled,), _ in resampler.bootstrap(samples)])
    seeds = np.array([comparison.area.differences for comparison in comparisons])
    return shrink(
        {
            symbol: comparison.area.interval.estimate
            for symbol, comparison in zip(symbols, comparisons, strict=True)
        },
        np.cov(means.T) + np.cov(seeds) / seeds.shape[1],
        level=level,
    )
