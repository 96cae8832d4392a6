"""How small an effect a study can see, found before anything is trained.

The study is simulated without any skill: every arm trades with the library's habits, that is the positions of
its followers moved to other days, through the accounting of all arms. A test window of the real length is drawn from
past days in blocks, for all assets at once, and the gains get the verdict's own intervals. A true gain would move
those intervals up, so one simulation gives the probability of detection for every gain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rlpretrain.analysis.day_blocks import day_block_length
from rlpretrain.environments import EpisodeData, follow
from rlpretrain.errors import DataError
from rlpretrain.validation.hierarchical import hierarchical_interval, on_common_days, stationary_days
from rlpretrain.validation.metrics import timing_contributions
from rlpretrain.validation.statistics import seed_interval
from rlpretrain.validation.study_power import USUAL_POWER, StudyPower

__all__ = ["LEAST_DAYS", "PastDays", "gains_without_skill", "least_gains", "study_power"]

Floats = NDArray[np.float64]

LEAST_DAYS = 250
"""Past bars below which they say too little about a test window."""
_MOVES = 48
"""Ways to move the habits in time; each arm of a simulated study has one of them."""
_SAMPLES = 200
"""Resamples of each simulated interval."""


@dataclass(frozen=True)
class PastDays:
    """The days of an asset before the test window, and the stance of the library's followers at their closes.

    Parameters
    ----------
    data
        The asset.
    start, stop
        Rows of its past days; no later row is read.
    stance
        (stop - start,) whether a follower of the votes is long after each close.
    """

    data: EpisodeData
    start: int
    stop: int
    stance: NDArray[np.bool_]

    @property
    def dates(self) -> NDArray[np.datetime64]:
        """Dates of the past days, (n,)."""
        return self.data.dates[self.start : self.stop]

    def since(self, first: np.datetime64) -> PastDays:
        """Return the days from `first` on."""
        skipped = int(np.searchsorted(self.dates, first))
        return replace(self, start=self.start + skipped, stance=self.stance[skipped:])


def study_power(
    past: Sequence[PastDays],
    *,
    days: int,
    years: float,
    seeds: int,
    level: float,
    studies: int,
    rng: np.random.Generator,
) -> StudyPower:
    """Simulate studies without skill, and return the gain that four of five of them would show if it were added.

    Parameters
    ----------
    past
        The assets on which the verdict rests.
    days, years
        Days of the test window on which it rests, over the assets' common calendar, and the same in years.
    seeds, level
        Seeds of each arm, and the level of the intervals.
    studies
        Studies to simulate.

    Raises
    ------
    DataError
        The assets have less than a year of past days in common.
    """
    gains = gains_without_skill(past, rng)
    needed = -least_gains(gains, days=days, seeds=seeds, level=level, studies=studies, rng=rng)
    common = _common_days(past)
    switches = [
        float(np.mean(asset.stance[1:] != asset.stance[:-1])) * asset.data.bars_per_year for asset in common
    ]
    return StudyPower(
        assets=tuple(asset.data.symbol for asset in past),
        years=round(years, 2),
        seeds=seeds,
        level=level,
        smallest=round(float(np.quantile(needed, USUAL_POWER)), 3),
        at_quarter=float(np.mean(needed < 0.25)),
        exposure=round(float(np.mean([asset.stance.mean() for asset in common])), 4),
        switches=round(float(np.mean(switches)), 2),
        costs=round(float(np.mean([_follow(asset, asset.stance).costs for asset in common])), 4),
        past_days=gains.shape[2],
    )


def gains_without_skill(past: Sequence[PastDays], rng: np.random.Generator) -> Floats:
    """Compute the daily timing contributions of habits that know nothing, (moves, assets, days).

    Stances are moved by a number of days, the same for all assets, and go round at the end. How long they last, how
    often they change and how assets agree stay as they are, and their relation to prices goes. Each row's mean over
    days is taken off, so that the true gain of one move over another is zero.

    Raises
    ------
    DataError
        The assets have less than a year of past days in common.
    """
    common = _common_days(past)
    calendar = np.unique(np.concatenate([asset.dates for asset in common]))
    held = np.array([asset.stance[_last_row(asset, calendar)] for asset in common])
    gains = []
    for _ in range(_MOVES):
        moved = np.roll(held, rng.integers(len(calendar)), axis=1)
        followed = [
            _follow(asset, stance[np.searchsorted(calendar, asset.dates)])
            for asset, stance in zip(common, moved, strict=True)
        ]
        rows = [path.row - path.row.mean() for path in followed]
        gains.append(on_common_days([path.dates for path in followed], rows))
    return np.array(gains)


def least_gains(
    gains: Floats, *, days: int, seeds: int, level: float, studies: int, rng: np.random.Generator
) -> Floats:
    """Return the lower end of the intervals of studies without skill, (studies,): the least of those a verdict needs.

    In each study, one move of the habits stands for the pre-trained start, which all seeds share, another for the
    placebo, and one for each seed of the arm from random weights. The gains over both must be shown.

    Parameters
    ----------
    gains
        (moves, assets, past days) daily contributions whose true means are zero.
    """
    moves, _, past = gains.shape
    block = day_block_length(gains[:4].mean(axis=1).T)
    lows = np.empty(studies)
    for study in range(studies):
        drawn = stationary_days(past, days, block, 1, rng)[0]
        own, placebo = rng.choice(moves, size=2, replace=False)
        others = rng.integers(moves, size=seeds)
        treated = gains[own][:, drawn]
        controls = gains[others][:, :, drawn].mean(axis=2)
        over_random = treated.mean(axis=1)[:, None] - controls.T
        over_placebo = np.tile((treated - gains[placebo][:, drawn]).mean(axis=1)[:, None], (1, seeds))
        low_random = _low(over_random, treated - gains[others].mean(axis=0)[:, drawn], level, rng)
        low_placebo = _low(over_placebo, treated - gains[placebo][:, drawn], level, rng)
        lows[study] = min(low_random, low_placebo)
    return lows


def _low(by_seed: Floats, by_day: Floats, level: float, rng: np.random.Generator) -> float:
    seeds = seed_interval(by_seed.mean(axis=0), level=level, samples=_SAMPLES, rng=rng)
    return hierarchical_interval(seeds, by_seed, by_day, samples=_SAMPLES, rng=rng).interval.low


@dataclass(frozen=True)
class _Followed:
    """An asset's past days as they were traded."""

    dates: NDArray[np.datetime64]
    row: Floats
    """Contribution of each bar to the timing score."""
    costs: float
    """Costs a year, in timing score."""


def _follow(asset: PastDays, stance: NDArray[np.bool_]) -> _Followed:
    path = follow(asset.data, asset.start, stance[:-1])
    row = timing_contributions(path.net_returns, path.asset_returns, path.exposure, path.bars_per_year)
    deviation = float(path.asset_returns.std())
    costs = float(path.costs.mean()) * math.sqrt(path.bars_per_year) / deviation if deviation > 0 else 0.0
    return _Followed(path.dates, row, costs)


def _common_days(past: Sequence[PastDays]) -> list[PastDays]:
    """Return the days from the first on which there are votes on all of the assets.

    Raises
    ------
    DataError
        They are less than a year.
    """
    first = max(asset.dates[0] for asset in past)
    common = [asset.since(first) for asset in past]
    fewest = min(len(asset.dates) for asset in common)
    if fewest < LEAST_DAYS:
        raise DataError(
            f"{fewest} bars with votes on {', '.join(asset.data.symbol for asset in past)} before the test window are "
            f"fewer than {LEAST_DAYS}"
        )
    return common


def _last_row(asset: PastDays, calendar: NDArray[np.datetime64]) -> NDArray[np.intp]:
    """Return the asset's row at or before each day of the calendar, (days,)."""
    return np.maximum(np.searchsorted(asset.dates, calendar, side="right") - 1, 0)
