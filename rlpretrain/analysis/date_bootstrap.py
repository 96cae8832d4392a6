"""Intervals that respect overlap in time: whole dates are resampled, in blocks.

Rewards of decisions close in time share market moves, and rewards on one date share a market. So dates are
resampled, in blocks longer than holding periods overlap, and all patterns of a date go together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from arch.bootstrap import StationaryBootstrap
from numpy.typing import NDArray

from rlpretrain.analysis.sample import Sample

__all__ = [
    "LEAST_BLOCKS",
    "LEVEL",
    "ResampledDates",
    "block_length",
    "bootstrap_means",
    "date_weights",
    "resample_dates",
]

LEVEL = 0.95
RESAMPLES = 999
LEAST_BLOCKS = 10
"""With fewer blocks than this a block bootstrap says nothing, and no interval is given."""

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
    """Resample the sample's decision dates, where they are enough."""
    dates, block = len(sample.dates), block_length(sample)
    if dates < LEAST_BLOCKS * block:
        note = f"no intervals: {dates} dates are fewer than {LEAST_BLOCKS} blocks of {block}"
        return ResampledDates(block, None, note)
    return ResampledDates(block, date_weights(dates, block, RESAMPLES, rng), None)


def block_length(sample: Sample) -> int:
    """Return twice the decision dates that a holding period spans on average, periods weighed by their length.

    Weighed, because long periods share the most; twice, because a bootstrap cuts what is shared at the ends of
    blocks: as long as the period itself, blocks miss a quarter of the variance of a mean of overlapping sums.
    """
    end = np.searchsorted(sample.dates, sample.patterns.settled, side="left")
    spans = np.maximum(end - sample.date_index, 1).astype(np.float64)
    return int(np.ceil(2 * np.square(spans).sum() / spans.sum()))


def date_weights(dates: int, block: int, resamples: int, rng: np.random.Generator) -> Floats:
    """Resample dates by a stationary bootstrap; tell how often each was drawn, (resamples, dates)."""
    weights = np.empty((resamples, dates))
    bootstrap = StationaryBootstrap(block, np.arange(dates), seed=rng)
    for row, ((drawn,), _) in enumerate(bootstrap.bootstrap(resamples)):
        weights[row] = np.bincount(drawn, minlength=dates)
    return weights


def bootstrap_means(weights: Floats, totals: Floats, counts: Floats) -> Floats:
    """Return each group's mean in each resample of the dates, (resamples, G); NaN where it holds none of the group.

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
