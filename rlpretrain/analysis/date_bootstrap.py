"""Intervals that respect overlap in time: whole dates are resampled, in blocks.

Rewards of decisions close in time share market moves, and rewards on one date share a market. So dates are
resampled, in blocks longer than holding periods overlap, and all patterns of a date stay together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from arch.bootstrap import StationaryBootstrap
from numpy.typing import NDArray

from rlpretrain.analysis.sample import Sample

__all__ = [
    "LEVEL",
    "MIN_BLOCKS",
    "ResampledDates",
    "block_length",
    "bootstrap_means",
    "date_weights",
    "resample_dates",
]

LEVEL = 0.95
RESAMPLES = 999
MIN_BLOCKS = 10
"""With fewer blocks a block bootstrap is not informative, and no interval is computed."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ResampledDates:
    """How often each date was drawn in each resample, or why there are none."""

    block: int
    """Mean block length in dates."""
    weights: Floats | None
    """(resamples, dates)."""
    note: str | None


def resample_dates(sample: Sample, rng: np.random.Generator) -> ResampledDates:
    """Resample the sample's decision dates, where there are enough."""
    dates, block = len(sample.dates), block_length(sample)
    if dates < MIN_BLOCKS * block:
        note = f"no intervals: {dates} dates are fewer than {MIN_BLOCKS} blocks of {block}"
        return ResampledDates(block, None, note)
    return ResampledDates(block, date_weights(dates, block, RESAMPLES, rng), None)


def block_length(sample: Sample) -> int:
    """Return twice the number of decision dates that a holding period spans on average, weighted by its length.

    Weighted, because long periods overlap the most; twice, because a bootstrap cuts the overlap at the ends of
    blocks: blocks only as long as the period miss a quarter of the variance of a mean of overlapping sums.
    """
    end = np.searchsorted(sample.dates, sample.patterns.settled, side="left")
    spans = np.maximum(end - sample.date_index, 1).astype(np.float64)
    return int(np.ceil(2 * np.square(spans).sum() / spans.sum()))


def date_weights(dates: int, block: int, resamples: int, rng: np.random.Generator) -> Floats:
    """Resample dates by a stationary bootstrap; return how often each was drawn, (resamples, dates)."""
    weights = np.empty((resamples, dates))
    bootstrap = StationaryBootstrap(block, np.arange(dates), seed=rng)
    for row, ((drawn,), _) in enumerate(bootstrap.bootstrap(resamples)):
        weights[row] = np.bincount(drawn, minlength=dates)
    return weights


def bootstrap_means(weights: Floats, totals: Floats, counts: Floats) -> Floats:
    """Return each group's mean in each resample of the dates, (resamples, G); NaN where the group has no pattern.

    All groups share the resampled dates, so differences between groups keep their common market moves.

    Parameters
    ----------
    weights
        How often each date was drawn, (resamples, D).
    totals, counts
        Sum of a figure and number of patterns for each date and group, (D, G).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights @ totals) / (weights @ counts))
