"""What an analysis finds: typed, frozen parts that are the JSON file as they stand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from rlpretrain.analysis.outcome_findings import Reliability, TradeStatistics
from rlpretrain.analysis.part import Figure, Part

__all__ = [
    "Anomalies",
    "AnomalousPattern",
    "BootstrapMethod",
    "Cluster",
    "ClusterCount",
    "Clusters",
    "Counts",
    "FeatureImportance",
    "FeatureReason",
    "Importance",
    "ModelSkill",
    "NormalityTest",
    "Partition",
    "PatternAnalysis",
    "Period",
    "Recommendation",
    "RedundantPair",
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
    """What was analysed and what was left out, and why."""

    patterns: int = Field(description="Patterns analysed.")
    first_date: dt.date
    last_date: dt.date
    last_settled: dt.date = Field(description="Latest close that any figure depends on.")
    dates: int = Field(description="Distinct decision dates.")
    non_overlapping: int = Field(description="Most decisions whose holding periods share no close.")
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
    """How the intervals were made."""

    name: str = "stationary bootstrap over decision dates, percentile intervals"
    level: Figure
    resamples: int
    mean_block_dates: int = Field(
        description="Mean block length: the mean number of dates that a holding period spans."
    )
    note: str | None = Field(default=None, description="Why there are no intervals.")


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
        description="Most decisions of the group whose holding periods share no close."
    )
    effective_size: Figure = Field(description="Independent rows that would give the same standard error.")
    mean: Figure
    low: Figure = Field(description="Lower end of the mean's interval.")
    high: Figure
    standard_error: Figure
    p_value: Figure = Field(description="Two-sided, mean reward equals zero.")
    p_holm: Figure = Field(description="The same after Holm's correction over the dimension's family.")
    standard_deviation: Figure
    skewness: Figure
    excess_kurtosis: Figure
    quantiles: dict[str, Figure]
    share_positive: Figure
    loss_tail_index: Figure = Field(
        description="Hill's estimate over the largest 5 % of losses; below 4, no kurtosis."
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
    family: str = Field(description="Which tests Holm's correction counts together.")
    groups: tuple[RewardGroup, ...]

    def of(self, dimension: str) -> dict[str, RewardGroup]:
        """Give one dimension's groups by name."""
        return {group.group: group for group in self.groups if group.dimension == dimension}


class FeatureReason(Part):
    """How far one feature lies from what is usual."""

    feature: str
    value: Figure = Field(description="In the state's own unit.")
    usual: Figure = Field(description="Median over all patterns, in the state's own unit.")
    z: Figure


class Cluster(Part):
    """One group of similar states."""

    cluster: int = Field(description="Number; -1 collects the patterns that belong to no cluster.")
    rows: int
    share: Figure
    words: str
    features: tuple[FeatureReason, ...] = Field(
        description="Most unusual features; z in standard deviations of all."
    )
    actions: dict[str, Figure]
    categories: dict[str, Figure]
    regimes: dict[str, Figure]
    assets: dict[str, Figure] = Field(description="The five most frequent.")
    mean_reward: Figure
    low: Figure
    high: Figure


class Partition(Part):
    """One algorithm's division of the patterns."""

    method: str
    parameters: dict[str, Figure]
    clusters: int
    fitted_rows: int = Field(
        description="Rows that the algorithm was fitted on; the others were assigned to its clusters."
    )
    noise_share: Figure = Field(description="Share of the patterns in no cluster.")
    silhouette: Figure = Field(description="Mean over `silhouette_rows` patterns, noise left out.")
    silhouette_error: Figure = Field(
        description="Its standard error from sampling; 0 where all rows are scored."
    )
    silhouette_rows: int
    stability: Figure = Field(
        description="Mean adjusted Rand index between this division and refits on half of the dates."
    )
    stability_sd: Figure = Field(description="Standard deviation over the refits.")
    refits: int


class ClusterCount(Part):
    """How well K-means does with one number of clusters, on at most 3,000 patterns."""

    clusters: int
    silhouette: Figure
    stability: Figure = Field(description="Mean adjusted Rand index of three refits on half of the dates.")


class Clusters(Part):
    """Clusters of the scaled, reduced states."""

    requested: int = Field(description="Number of clusters asked for; 0: the best of `counts`.")
    components: int = Field(description="Principal components kept.")
    explained_variance: Figure = Field(description="Share of the scaled features' variance that they carry.")
    main: Partition | None
    others: tuple[Partition, ...] = Field(description="The other algorithms' divisions.")
    agreement: dict[str, Figure] = Field(
        description="Adjusted Rand index of each other division with the main."
    )
    counts: tuple[ClusterCount, ...] = Field(description="K-means with other numbers of clusters.")
    clusters: tuple[Cluster, ...]
    note: str | None = None


class FeatureImportance(Part):
    """What one feature tells about the action."""

    rank: int
    feature: str
    group: str
    permutation: Figure = Field(
        description="Rise of the out-of-time log loss (nats) when the feature is shuffled."
    )
    permutation_sd: Figure = Field(description="Standard deviation over folds and shuffles.")
    mutual_information: Figure = Field(description="With the action, nats, bias-corrected, 16 quantile bins.")
    mutual_information_in_position: Figure = Field(
        description="The same given whether the asset is held, which alone decides between buy and sell."
    )


class RedundantPair(Part):
    """Two features that say the same."""

    first: str
    second: str
    correlation: Figure


class ModelSkill(Part):
    """Out-of-time skill of the gradient-boosted trees behind the permutation importance."""

    folds: int
    train_rows: tuple[int, ...] = Field(
        description="Rows fitted for each fold, a random sample where they were more."
    )
    score_rows: tuple[int, ...]
    score_from: tuple[dt.date, ...] = Field(
        description="First date scored; every row fitted was settled before it."
    )
    log_loss: Figure
    base_log_loss: Figure = Field(description="Of the action's frequencies given whether the asset is held.")
    skill: Figure = Field(
        description="1 - log_loss / base_log_loss; zero or less: the state doesn't tell the action."
    )
    balanced_accuracy: Figure


class Importance(Part):
    """Features by what they tell about the action."""

    model: ModelSkill | None
    groups: dict[str, Figure] = Field(
        description="Rise of the log loss when a whole group of features is shuffled."
    )
    features: tuple[FeatureImportance, ...]
    redundant: tuple[RedundantPair, ...] = Field(
        description="Pairs with an absolute correlation of 0.95 or more."
    )
    note: str | None = None


class AnomalousPattern(Part):
    """An unusual state, and why."""

    key: str
    asset: str
    date: dt.date
    action: str
    reward: Figure
    score: Figure = Field(description="Isolation forest's score in (0, 1); 0.5 is usual.")
    reasons: tuple[FeatureReason, ...] = Field(
        description="Largest robust z: distance from the median over a robust scale."
    )


class Anomalies(Part):
    """States that an isolation forest separates quickly, and what leaving them out would change."""

    count: int
    share: Figure
    threshold: Figure = Field(description="Score above which a pattern counts as an anomaly.")
    top: tuple[AnomalousPattern, ...]
    mean_reward: Figure
    mean_reward_without: Figure
    standard_deviation: Figure
    standard_deviation_without: Figure
    actions: dict[str, Figure] = Field(description="Share of each action among the anomalies.")
    regimes: dict[str, Figure]
    note: str | None = None


class Recommendation(Part):
    """One thing to change, with the figure that says so."""

    code: str
    message: str
    figure: Figure
    threshold: Figure
    setting: str | None = Field(description="Setting to change; null where it is the data that must change.")
    change: str


class PatternAnalysis(Part):
    """All findings about one set of patterns; `assignments` and `correlation` go to files of their own."""

    seed: int
    until: dt.date | None
    state_version: str
    counts: Counts
    statistics: Statistics
    reliability: Reliability
    trades: TradeStatistics | None = Field(description="Null where no trades were given.")
    clusters: Clusters
    importance: Importance
    anomalies: Anomalies
    recommendations: tuple[Recommendation, ...]
    assignments: SkipJsonSchema[pd.DataFrame] = Field(exclude=True, repr=False)
    """One row for each pattern: key, asset, date, cluster, kmeans, dbscan, hdbscan, component_1,
    component_2, anomaly_score, anomaly."""
    trade_table: SkipJsonSchema[pd.DataFrame | None] = Field(default=None, exclude=True, repr=False)
    """Every group of trades, see `TradeGroup`."""
    correlation: SkipJsonSchema[pd.DataFrame] = Field(exclude=True, repr=False)
    """Pearson correlation of the varying features."""

    def to_json(self) -> dict[str, Any]:
        """Give the findings as plain JSON values: no NaN, no clock, dates as ISO text."""
        return self.model_dump(mode="json")
