"""Luck of the days: what the same training could have shown on other days like these.

All seeds trade the same test days, so an interval over seeds alone measures how training varies, not whether the
gain exceeds the luck of those days. A prior that every seed shares turns the luck of the days into a gain of every
seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlpretrain.validation.sharpe import block_means
from rlpretrain.validation.statistics import Interval, PairedComparison, interquartile_mean

__all__ = ["by_calendar", "interval_over_days", "pool_by_day"]

Floats = NDArray[np.float64]


def interval_over_days(
    paired: PairedComparison, by_bar: ArrayLike, *, samples: int, rng: np.random.Generator
) -> Interval:
    """Widen a gain's interval over seeds to one over seeds and days.

    Seeds and days are crossed. Their resampled deviations are drawn separately and added: seeds as in
    `seed_interval`, days by the stationary block bootstrap (Politis and Romano, JASA 89, 1994) of the seeds'
    mean gain by bar. The interaction of seeds and days is counted in both, which errs towards a wider interval.

    Parameters
    ----------
    paired
        Gain of each seed.
    by_bar
        (m,) contribution of each bar to the mean gain over seeds.
    """
    row, bars = np.array(paired.differences), np.asarray(by_bar, dtype=np.float64)
    seeds, n = paired.interval, len(row)
    over_seeds = interquartile_mean(row[rng.integers(n, size=(samples, n))]) - seeds.estimate
    over_days = block_means(bars, samples=samples, rng=rng) - bars.mean()
    deviations = math.sqrt(n / (n - 1)) * over_seeds + over_days
    low, high = np.quantile(deviations, [(1 - seeds.level) / 2, (1 + seeds.level) / 2])
    return Interval(
        estimate=seeds.estimate,
        low=min(seeds.low, seeds.estimate + float(low)),
        high=max(seeds.high, seeds.estimate + float(high)),
        level=seeds.level,
    )


def pool_by_day(dates: Sequence[NDArray[np.datetime64]], rows: Sequence[Floats]) -> Floats:
    """Combine the assets' gains by bar into one series by day, whose mean is the mean of the assets' means.

    Assets that move together do so on the same days, so days are resampled for all assets at once.

    Parameters
    ----------
    dates, rows
        Dates (m_i,) and gains (m_i,) of each asset.
    """
    return np.asarray(by_calendar(dates, rows).mean(axis=1))


def by_calendar(dates: Sequence[NDArray[np.datetime64]], rows: Sequence[Floats]) -> Floats:
    """Return the assets' gains on one calendar, (days, assets): each column has the mean of its asset's gains.

    Parameters
    ----------
    dates, rows
        Dates (m_i,) and gains (m_i,) of each asset.
    """
    calendar = np.unique(np.concatenate(dates))
    found = np.zeros((len(calendar), len(rows)))
    for i, (days, row) in enumerate(zip(dates, rows, strict=True)):
        found[np.searchsorted(calendar, days), i] = row * (len(calendar) / len(row))
    return found
