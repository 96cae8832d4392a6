"""Findings of an analysis: typed, frozen parts that are written to the JSON file as they are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from rlpretrain.analysis.decay_findings import Decay
from rlpretrain.analysis.outcome_findings import Reliability, TradeStatistics
from rlpretrain.analysis.part import Figure, Part
from rlpretrain.analysis.performance_findings import Performance
from rlpretrain.analysis.state_findings import Anomalies, Clusters, Importance

__all__ = [
    "BootstrapMethod",
    "Counts",
    "NormalityTest",
    "PatternAnalysis",
    "Period",
    "Recommendation",
    "RewardGroup",
    "Statistics",
]


class Period(Part):
    """Decisions of one month or quarter."""

    start: dt.date
    buys: int
    sells: int
    holds: int


class Counts(Part):
    """What was analysed, what was left out, and why."""

    patterns: int = Field(description="Patterns analysed.")
    first_date: dt.date
    last_date: dt.date
    last_settled: dt.date = Field(description="Latest close that any figure depends on.")
    dates: int = Field(description="Distinct decision dates.")
    non_overlapping: int = Field(
        description="Maximum number of decisions whose holding periods share no close."
    )
    actions: dict[str, int]
    categories: dict[str, int]
    regimes: dict[str, int]
    assets: dict[str, int]
    constant_features: tuple[str, ...] = Field(
        description="State features with a single value; not analysed."
    )
    left_out_after_until: int = Field(description="Patterns settled after `until`.")
    left_out_state_not_finite: int
    left_out_reward_not_finite: int
    timeline: tuple[Period, ...]


class BootstrapMethod(Part):
    """How the intervals were computed."""

    name: str = "stationary bootstrap over decision dates, percentile intervals"
    level: Figure
    resamples: int
    mean_block_dates: int = Field(
        description="Mean block length: twice the dates that a holding period spans, weighted by its length."
    )
    note: str | None = Field(default=None, description="Reason why there are no intervals.")


class NormalityTest(Part):
    """A test of normality; rows are treated as independent, which overlapping rewards are not."""

    statistic: Figure
    p_value: Figure
    rows: int = Field(description="Rows tested, at most 5,000 for Shapiro-Wilk, evenly spaced in time.")


class RewardGroup(Part):
    """Distribution of the reward (fraction, after costs) within one group of patterns."""

    dimension: str
    group: str
    rows: int
    dates: int
    non_overlapping: int = Field(
        description="Maximum number of the group's decisions whose holding periods share no close."
    )
    effective_size: Figure = Field(
        description="Number of independent rows that would give the same standard error."
    )
    mean: Figure
    low: Figure = Field(description="Lower end of the mean's interval.")
    high: Figure
    standard_error: Figure
    p_value: Figure = Field(description="Two-sided p-value of a mean reward of zero.")
    p_holm: Figure = Field(description="The same after Holm's correction over the dimension's family.")
    standard_deviation: Figure
    skewness: Figure
    excess_kurtosis: Figure
    quantiles: dict[str, Figure]
    share_positive: Figure
    loss_tail_index: Figure = Field(
        description="Hill's estimate over the largest 5 % of losses; below 4, the kurtosis is infinite."
    )
    shapiro_wilk: NormalityTest | None
    jarque_bera: NormalityTest | None
    cohens_d: Figure = Field(description="Against all other patterns.")
    cliffs_delta: Figure = Field(description="Against all other patterns.")

    @property
    def significant(self) -> bool:
        """Whether the mean differs from zero at 5 % after Holm's correction."""
        return self.p_holm is not None and self.p_holm < 0.05


class Statistics(Part):
    """Rewards by group."""

    bootstrap: BootstrapMethod
    family: str = Field(description="Tests that Holm's correction counts together.")
    groups: tuple[RewardGroup, ...]

    def of(self, dimension: str) -> dict[str, RewardGroup]:
        """Return one dimension's groups by name."""
        return {group.group: group for group in self.groups if group.dimension == dimension}


class Recommendation(Part):
    """One recommended change, with the figure that supports it."""

    code: str
    message: str
    figure: Figure
    threshold: Figure
    setting: str | None = Field(description="Setting to change; null where the data must change.")
    change: str


class PatternAnalysis(Part):
    """All findings about one set of patterns; `assignments` and `correlation` are written to separate files."""

    seed: int
    until: dt.date | None
    state_version: str
    counts: Counts
    statistics: Statistics
    reliability: Reliability
    performance: Performance
    trades: TradeStatistics | None = Field(description="Null where no trades were given.")
    decay: Decay | None = Field(description="Null where no versions of strategies were given.")
    clusters: Clusters
    importance: Importance
    anomalies: Anomalies
    recommendations: tuple[Recommendation, ...]
    assignments: SkipJsonSchema[pd.DataFrame] = Field(exclude=True, repr=False)
    """One row for each pattern: key, asset, date, cluster, kmeans, dbscan, hdbscan, component_1,
    component_2, anomaly_score, anomaly."""
    performance_table: SkipJsonSchema[pd.DataFrame] = Field(exclude=True, repr=False)
    """Every cell of category, regime and asset, see `PerformanceCell`."""
    trade_table: SkipJsonSchema[pd.DataFrame | None] = Field(default=None, exclude=True, repr=False)
    """Every group of trades, see `TradeGroup`."""
    decay_tables: SkipJsonSchema[dict[str, pd.DataFrame]] = Field(exclude=True, repr=False)
    """Names of files -> their tables: one row for each judged version, and for each of their strategies."""
    correlation: SkipJsonSchema[pd.DataFrame] = Field(exclude=True, repr=False)
    """Pearson correlation of the varying features."""

    def to_json(self) -> dict[str, Any]:
        """Return the findings as plain JSON values: no NaN, no clock, dates as ISO text."""
        return self.model_dump(mode="json")
