"""Findings on the states: clusters, features that predict the action, and anomalies."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from rlpretrain.analysis.part import Figure, Part

__all__ = [
    "Anomalies",
    "AnomalousPattern",
    "Cluster",
    "ClusterCount",
    "Clusters",
    "FeatureImportance",
    "FeatureReason",
    "Importance",
    "ModelSkill",
    "Partition",
    "RedundantPair",
]


class FeatureReason(Part):
    """Distance of one feature from its usual value."""

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
        description="Most unusual features; z in standard deviations over all patterns."
    )
    actions: dict[str, Figure]
    categories: dict[str, Figure]
    regimes: dict[str, Figure]
    assets: dict[str, Figure] = Field(description="Shares of the five most frequent assets.")
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
    silhouette: Figure = Field(description="Mean over `silhouette_rows` patterns, without noise.")
    silhouette_error: Figure = Field(
        description="Standard error of the silhouette from sampling; 0 where all rows are scored."
    )
    silhouette_rows: int
    stability: Figure = Field(
        description="Mean adjusted Rand index between this division and refits on half of the dates."
    )
    stability_sd: Figure = Field(description="Standard deviation over the refits.")
    refits: int


class ClusterCount(Part):
    """Quality of K-means with one number of clusters, on at most 3,000 patterns."""

    clusters: int
    silhouette: Figure
    stability: Figure = Field(description="Mean adjusted Rand index of three refits on half of the dates.")


class Clusters(Part):
    """Clusters of the scaled, reduced states."""

    requested: int = Field(description="Number of clusters requested; 0 stands for the best of `counts`.")
    components: int = Field(description="Principal components kept.")
    explained_variance: Figure = Field(
        description="Share of the scaled features' variance that they explain."
    )
    main: Partition | None
    others: tuple[Partition, ...] = Field(description="The other algorithms' divisions.")
    agreement: dict[str, Figure] = Field(
        description="Adjusted Rand index of each other division with the main one."
    )
    counts: tuple[ClusterCount, ...] = Field(description="K-means with other numbers of clusters.")
    clusters: tuple[Cluster, ...]
    note: str | None = None


class FeatureImportance(Part):
    """How well one feature predicts the action."""

    rank: int
    feature: str
    group: str
    permutation: Figure = Field(
        description="Increase in the out-of-time log loss (nats) when the feature is shuffled."
    )
    permutation_sd: Figure = Field(description="Standard deviation over folds and shuffles.")
    mutual_information: Figure = Field(
        description="Mutual information with the action in nats, bias-corrected, from 16 quantile bins."
    )
    mutual_information_in_position: Figure = Field(
        description="The same, conditional on whether the asset is held, which alone decides between buy and sell."
    )


class RedundantPair(Part):
    """Two features that carry the same information."""

    first: str
    second: str
    correlation: Figure


class ModelSkill(Part):
    """Out-of-time skill of the gradient-boosted trees behind the permutation importance."""

    folds: int
    train_rows: tuple[int, ...] = Field(
        description="Rows fitted in each fold; a random sample where there were more."
    )
    score_rows: tuple[int, ...]
    score_from: tuple[dt.date, ...] = Field(
        description="First date scored in each fold; every row fitted was settled before it."
    )
    log_loss: Figure
    base_log_loss: Figure = Field(
        description="Log loss of the action's frequencies, given whether the asset is held."
    )
    skill: Figure = Field(
        description="1 - log_loss / base_log_loss; at zero or below, the state does not predict the action."
    )
    balanced_accuracy: Figure


class Importance(Part):
    """Features ranked by how well they predict the action."""

    model: ModelSkill | None
    groups: dict[str, Figure] = Field(
        description="Increase in the log loss when a whole group of features is shuffled."
    )
    features: tuple[FeatureImportance, ...]
    redundant: tuple[RedundantPair, ...] = Field(
        description="Pairs with an absolute correlation of 0.95 or more."
    )
    note: str | None = None


class AnomalousPattern(Part):
    """An unusual state, with the reasons."""

    key: str
    asset: str
    date: dt.date
    action: str
    reward: Figure
    score: Figure = Field(description="Isolation forest's score in (0, 1); 0.5 is usual.")
    reasons: tuple[FeatureReason, ...] = Field(
        description="Features with the largest robust z, the distance from the median over a robust scale."
    )


class Anomalies(Part):
    """States that an isolation forest separates quickly, and the effect of leaving them out."""

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
