"""Findings on what lasts: performance by category, regime and asset, before and after a split in time."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from rlpretrain.analysis.part import Figure, Part

__all__ = ["AgeBand", "Estimate", "Performance", "PerformanceCell"]


class Estimate(Part):
    """A mean reward with its block-bootstrap interval; null where there is nothing to average."""

    rows: int
    mean: Figure
    low: Figure
    high: Figure


class PerformanceCell(Part):
    """Patterns of one category, regime and asset: what they earned, and how much stands behind the figure."""

    category: str
    regime: str
    asset: str
    all: Estimate
    in_sample: Estimate = Field(description="Patterns settled before the split.")
    out_of_sample: Estimate = Field(description="Patterns decided at the split or later.")
    dates: int = Field(description="Distinct decision dates.")
    non_overlapping: int = Field(description="Most decisions whose holding periods share no close.")
    effective_size: Figure = Field(description="Independent rows that would give the same standard error.")
    supporters: Figure = Field(description="Median number of strategies on the side of the decision.")
    strategies: int | None = Field(description="Strategies with a trade here; null without trades.")
    effective_strategies: Figure = Field(
        description="Inverse of the sum of squared shares of those trades: strategies that trade equally "
        "often would count as many."
    )


class AgeBand(Part):
    """Cells that had earned more than the average when they were last looked at, against the others."""

    from_days: int = Field(description="Least time from the last look to the decision.")
    to_days: int | None = Field(description="Below this; null: without end.")
    rows: int = Field(description="Decisions compared; one counts once for each quarterly look before it.")
    advantage: Figure = Field(description="Mean reward of the better cells less that of the others.")
    low: Figure
    high: Figure


class Performance(Part):
    """Whether what earned well before goes on to earn well."""

    split: dt.date = Field(description="In sample settled before it, out of sample decided from it on.")
    in_sample_rows: int
    out_of_sample_rows: int
    purged_rows: int = Field(description="Decided before the split and settled later: in neither.")
    compared_cells: int = Field(description="Cells with at least 20 patterns on both sides.")
    rank_correlation: Figure = Field(
        description="Spearman's, of the compared cells' mean rewards in and out of sample."
    )
    rank_correlation_low: Figure = Field(description="Interval over resampled dates of both sides.")
    rank_correlation_high: Figure
    best_in_sample: Estimate = Field(description="The quarter of the compared cells that was best in sample.")
    best_out_of_sample: Estimate = Field(description="The same cells afterwards.")
    ages: tuple[AgeBand, ...]
    cells: tuple[PerformanceCell, ...] = Field(
        description="The 30 cells with most patterns; pattern_performance.csv has all."
    )
    verdict: str
    note: str | None = None
