"""Settings of the analysis."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from rlpretrain.sections import Section, run_setting

__all__ = ["AnalysisSettings"]


class AnalysisSettings(Section):
    """How patterns are clustered."""

    n_clusters: int = run_setting(
        8,
        "Analysis",
        "Number of clusters of K-means; 0 chooses it by silhouette and stability.",
        title="Number of clusters",
        ge=0,
        le=100,
    )
    clustering_method: Literal["kmeans", "dbscan", "hdbscan"] = run_setting(
        "kmeans",
        "Analysis",
        "Clustering algorithm of the main result.",
        title="Clustering algorithm",
        choices={
            "kmeans": "K-means: round groups, as many as requested",
            "dbscan": "DBSCAN: dense groups and noise",
            "hdbscan": "HDBSCAN: dense groups of any density",
        },
    )

    @field_validator("n_clusters")
    @classmethod
    def _more_than_one_cluster(cls, value: int) -> int:
        if value == 1:
            raise ValueError("must be at least 2, or 0 to choose it")
        return value
