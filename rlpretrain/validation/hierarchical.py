"""The luck behind a gain that is pooled over assets: that of the assets, of the seeds and of the days.

The three levels are crossed. All assets trade the same days, and their gains of one day are correlated, so days are
resampled in blocks for all assets at once. Seeds are shared by the assets as well. Assets are a sample of those to
which the claim would be applied.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats

from rlpretrain.analysis.day_blocks import day_block_length
from rlpretrain.validation.statistics import Interval, interquartile_mean

__all__ = ["LuckShares", "PooledGain", "hierarchical_interval", "on_common_days", "stationary_days"]

Floats = NDArray[np.float64]

_AT_ONCE = 200
"""Resamples drawn together, to bound the memory."""


class LuckShares(BaseModel):
    """Variance of a pooled gain by what causes it; the four add up to that of the gain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    common_days: float
    """Luck of the days that the assets share: more years reduce it, more assets do not."""
    own_days: float
    """Luck of the days that each asset has for itself."""
    seeds: float
    assets: float
    """Differences among the assets beyond the luck of days and seeds; 0 for a single asset, which shows none."""

    @property
    def total(self) -> float:
        """Variance of the pooled gain."""
        return self.common_days + self.own_days + self.seeds + self.assets


class PooledGain(BaseModel):
    """A gain pooled over assets, with an interval over assets, seeds and days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interval: Interval
    luck: LuckShares


def hierarchical_interval(
    over_seeds: Interval, by_seed: ArrayLike, by_day: ArrayLike, *, samples: int, rng: np.random.Generator
) -> PooledGain:
    """Widen a pooled gain's interval over seeds to one over assets, seeds and days.

    Resampled deviations of each level are drawn separately and added: seeds as in `seed_interval`; days by the
    stationary block bootstrap (Politis and Romano, JASA 89, 1994), jointly for all assets; assets by drawing from their
    deviations from the pooled gain. Gains of two assets differ by luck of their days and seeds too, which is in the
    other levels already. The assets' deviations are therefore shrunk to the variance that remains: the estimate of a
    random effect's variance by the method of moments, zero where luck explains all of it, and the shrunk residuals of
    Carpenter, Goldstein and Rasbash (Applied Statistics 52, 2003). As few assets, seeds or blocks of days estimate
    their variance badly, the deviations are stretched by a quantile of Student's t over the normal one, with
    Satterthwaite's degrees of freedom.

    Parameters
    ----------
    over_seeds
        The gain with its interval over seeds, of each of which it takes the mean over assets.
    by_seed
        (assets, seeds) gain of each seed on each asset.
    by_day
        (assets, days) contribution of each day to each asset's gain, so that the mean of a row is the asset's gain.
    """
    seeds, days = np.asarray(by_seed, dtype=np.float64), np.asarray(by_day, dtype=np.float64)
    row, n, estimate = seeds.mean(axis=0), seeds.shape[1], over_seeds.estimate
    by_days, block = _joint_day_deviations(days, samples, rng)
    by_seeds = interquartile_mean(row[rng.integers(n, size=(samples, n))]) - interquartile_mean(row)
    by_seeds *= math.sqrt(n / (n - 1))
    by_assets = _asset_deviations(seeds, by_days, samples, rng)
    luck = _luck(by_days, float(by_seeds.var()), float(by_assets.var()))
    freedom = _degrees_of_freedom(
        (luck.common_days + luck.own_days, days.shape[1] / block - 1),
        (luck.seeds, n - 1),
        (luck.assets, len(days) - 1),
    )
    tail = (1 - over_seeds.level) / 2
    stretch = stats.t.ppf(tail, freedom) / stats.norm.ppf(tail)
    low, high = np.quantile(stretch * (by_days.mean(axis=1) + by_seeds + by_assets), [tail, 1 - tail])
    return PooledGain(
        interval=Interval(
            estimate=estimate,
            low=min(over_seeds.low, estimate + float(low)),
            high=max(over_seeds.high, estimate + float(high)),
            level=over_seeds.level,
        ),
        luck=luck,
    )


def on_common_days(dates: Sequence[NDArray[np.datetime64]], rows: Sequence[Floats]) -> Floats:
    """Map the assets' gains by bar to one calendar, (assets, days): each row's mean is the mean of the asset's bars.

    A day on which an asset does not trade has zero, and its bars count for so much more.

    Parameters
    ----------
    dates, rows
        Dates (m_i,) and gains (m_i,) of each asset.
    """
    calendar = np.unique(np.concatenate(dates))
    placed = np.zeros((len(rows), len(calendar)))
    for own, days, row in zip(placed, dates, rows, strict=True):
        own[np.searchsorted(calendar, days)] = row * (len(calendar) / len(row))
    return placed


def stationary_days(
    days: int, length: int, block: float, samples: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw days by the stationary bootstrap, (samples, length): blocks of geometric length that go round at the end.

    Parameters
    ----------
    days
        Number of days to draw from.
    block
        Mean length of a block.
    """
    steps = np.arange(length)
    begins = rng.random((samples, length)) < 1.0 / block
    begins[:, 0] = True
    begun = np.maximum.accumulate(np.where(begins, steps, 0), axis=1)
    start = np.take_along_axis(rng.integers(days, size=(samples, length)), begun, axis=1)
    return np.asarray((start + steps - begun) % days, dtype=np.intp)


def _joint_day_deviations(days: Floats, samples: int, rng: np.random.Generator) -> tuple[Floats, int]:
    """Resample the days in blocks; return the assets' means less their own, (samples, assets), and the block."""
    block, count = day_block_length(days.mean(axis=0)[:, None]), days.shape[1]
    means = np.empty((samples, len(days)))
    for first in range(0, samples, _AT_ONCE):
        drawn = stationary_days(count, count, block, min(_AT_ONCE, samples - first), rng)
        offset = count * np.arange(len(drawn))[:, None]
        times = np.bincount((drawn + offset).ravel(), minlength=drawn.size).reshape(drawn.shape)
        means[first : first + len(drawn)] = times @ days.T / count
    return means - days.mean(axis=1), block


def _asset_deviations(by_seed: Floats, over_days: Floats, samples: int, rng: np.random.Generator) -> Floats:
    """Resample the assets' deviations, shrunk to what luck of days and seeds does not explain, (samples,)."""
    count, seeds = by_seed.shape
    if count == 1:
        return np.zeros(samples)
    gains = by_seed.mean(axis=1)
    deviations = gains - gains.mean()
    found = float(np.sum(deviations**2)) / (count - 1)
    left = by_seed - gains[:, None] - by_seed.mean(axis=0) + gains.mean()
    by_luck_of_seeds = float(np.sum(left**2)) / ((count - 1) * (seeds - 1) * seeds)
    by_luck_of_days = float(over_days.var(axis=1, ddof=1).mean())
    remaining = max(0.0, found - by_luck_of_days - by_luck_of_seeds)
    if remaining == 0.0:
        return np.zeros(samples)
    scale = math.sqrt(remaining / found * count / (count - 1))
    return np.asarray(scale * deviations[rng.integers(count, size=(samples, count))].mean(axis=1))


def _luck(over_days: Floats, seeds: float, assets: float) -> LuckShares:
    """Divide the variance of the days' luck into the assets' common part and their own."""
    count = over_days.shape[1]
    all_days = float(over_days.mean(axis=1).var())
    # Independent assets would have this variance of their mean; what exceeds it, they have in common.
    own = float(over_days.var(axis=1, ddof=1).mean()) / count if count > 1 else 0.0
    own = min(own, all_days)
    return LuckShares(common_days=all_days - own, own_days=own, seeds=seeds, assets=assets)


def _degrees_of_freedom(*parts: tuple[float, float]) -> float:
    """Return Satterthwaite's degrees of freedom of a sum of variances (Biometrics Bulletin 2, 1946).

    Parameters
    ----------
    parts
        Each variance with its own degrees of freedom.
    """
    total = sum(variance for variance, _ in parts)
    inverse = sum(variance**2 / max(freedom, 1.0) for variance, freedom in parts)
    return total**2 / inverse if inverse > 0 else math.inf
