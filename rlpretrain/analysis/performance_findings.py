"""Findings on persistence: performance by category, regime and asset, before and after a split in time."""

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
    """Patterns of one category, regime and asset: what they earned, and how much evidence supports it."""

    category: str
    regime: str
    asset: str
    all: Estimate
    in_sample: Estimate = Field(description="Patterns settled before the split.")
    out_of_sample: Estimate = Field(description="Patterns decided at the split or later.")
    dates: int = Field(description="Distinct decision dates.")
    non_overlapping: int = Field(
        description="Maximum number of decisions whose holding periods share no close."
    )
    effective_size: Figure = Field(
        description="Number of independent rows that would give the same standard error."
    )
    supporters: Figure = Field(description="Median number of strategies on the side of the decision.")
    strategies: int | None = Field(description="Strategies with a trade here; null without trades.")
    effective_strategies: Figure = Field(
        description="Inverse of the sum of squared shares of those trades, which is the number of strategies "
        "if all trade equally often."
    )


class AgeBand(Part):
    """Cells that had earned more than the average when they were ranked, compared with the others."""

    from_days: int = Field(description="Minimum time from the ranking to the decision, in days.")
    to_days: int | None = Field(description="The time is below this; null where it has no limit.")
    rows: int = Field(description="Decisions compared; one counts once for each quarterly ranking before it.")
    advantage: Figure = Field(description="Mean reward of the better cells minus that of the others.")
    low: Figure
    high: Figure


class Performance(Part):
    """Whether cells that earned well before the split continue to earn well."""

    split: dt.date = Field(
        description="Patterns settled before it are in sample; patterns decided on it or later, out of sample."
    )
    in_sample_rows: int
    out_of_sample_rows: int
    purged_rows: int = Field(
        description="Patterns decided before the split and settled later, which belong to neither side."
    )
    compared_cells: int = Field(description="Cells with at least 20 patterns on both sides.")
    rank_correlation: Figure = Field(
        description="Spearman's correlation of the compared cells' mean rewards in and out of sample."
    )
    rank_correlation_low: Figure = Field(
        description="Lower end of the interval over resampled dates of both sides."
    )
    rank_correlation_high: Figure
    best_in_sample: Estimate = Field(description="Best quarter of the compared cells, in sample.")
    best_out_of_sample: Estimate = Field(description="The same cells, out of sample.")
    ages: tuple[AgeBand, ...]
    cells: tuple[PerformanceCell, ...] = Field(
        description="The 30 cells with the most patterns; pattern_performance.csv contains all."
    )
    verdict: str
    note: str | None = None
