"""Counts of the patterns that were analysed, by kind and by date."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.analysis.findings import Counts, Period
from rlpretrain.analysis.sample import Sample, calendar, non_overlapping
from rlpretrain.patterns.decisions.pattern_set import ACTIONS, BUY, HOLD, SELL, PatternSet

__all__ = ["count"]

MONTHLY_YEARS = 4
"""The timeline counts by month up to this many years, and by quarter beyond."""


def count(sample: Sample) -> Counts:
    """Count the patterns by kind and by date of decision."""
    patterns = sample.patterns
    return Counts(
        patterns=len(sample),
        first_date=calendar(sample.dates[0]),
        last_date=calendar(sample.dates[-1]),
        last_settled=calendar(patterns.settled.max()),
        dates=len(sample.dates),
        non_overlapping=non_overlapping(patterns.date, patterns.settled),
        actions={name: int((patterns.action == i).sum()) for i, name in enumerate(ACTIONS)},
        categories=_tally(patterns.category),
        regimes=_tally(patterns.regime),
        assets=_tally(patterns.asset),
        constant_features=sample.constant,
        left_out_after_until=sample.left_out_after_until,
        left_out_state_not_finite=sample.left_out_state,
        left_out_reward_not_finite=sample.left_out_reward,
        timeline=_timeline(patterns),
    )


def _tally(names: NDArray[np.str_]) -> dict[str, int]:
    found, counts = np.unique(names, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def _timeline(patterns: PatternSet) -> tuple[Period, ...]:
    years = (patterns.date[-1] - patterns.date[0]) / np.timedelta64(365, "D")
    months = patterns.date.astype("datetime64[M]").astype(np.int64)
    step = 1 if years <= MONTHLY_YEARS else 3
    period = months // step
    first = int(period[0])
    counts = np.zeros((int(period[-1]) - first + 1, len(ACTIONS)), np.int64)
    np.add.at(counts, (period - first, patterns.action), 1)
    return tuple(
        Period(
            start=calendar(np.datetime64((first + i) * step, "M")),
            buys=int(row[BUY]),
            sells=int(row[SELL]),
            holds=int(row[HOLD]),
        )
        for i, row in enumerate(counts)
    )
