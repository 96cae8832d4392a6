"""From patterns to conclusions: what they are, what they earn, what predicts them, and what to change."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlpretrain.analysis.anomalies import Isolation, find_anomalies, isolate
from rlpretrain.analysis.clusters import CHOOSE, METHODS, Clustering, cluster
from rlpretrain.analysis.counts import count
from rlpretrain.analysis.decay import library_decay
from rlpretrain.analysis.density import NOISE
from rlpretrain.analysis.export import export_analysis
from rlpretrain.analysis.findings import PatternAnalysis
from rlpretrain.analysis.importance import correlation, feature_importance
from rlpretrain.analysis.interactive import write_interactive_page
from rlpretrain.analysis.performance import pattern_performance
from rlpretrain.analysis.portraits import portray, undivided
from rlpretrain.analysis.recommendations import recommend
from rlpretrain.analysis.reliability import reliability
from rlpretrain.analysis.reward_statistics import groupings, reward_statistics
from rlpretrain.analysis.sample import Sample, prepare
from rlpretrain.analysis.trade_statistics import trade_statistics, trade_table
from rlpretrain.errors import SettingsError
from rlpretrain.features import STATE_VERSION
from rlpretrain.patterns.decisions.pattern_set import PatternSet
from rlpretrain.patterns.strategies.trade_labels import LabelledTrades
from rlpretrain.patterns.strategies.version_records import VersionRecords

__all__ = ["PatternAnalyzer"]


class PatternAnalyzer:
    """Analyse a set of patterns.

    Every scale, component, cluster, tree and interval is fitted on all the patterns given: pass only those of the
    pre-training window. Nothing settled after `until` is read. Only the importance of features splits time once more:
    it is scored on patterns decided after all those that it was fitted on had settled.

    Parameters
    ----------
    n_clusters
        Number of clusters of K-means, at least 2, or 0 to choose it by silhouette and stability. Where there are too
        few patterns, the number is reduced and the result says so.
    clustering_method
        Method whose clusters are described: ``"kmeans"``, ``"dbscan"`` or ``"hdbscan"``. The others are reported
        next to it.
    seed
        Seed of all random draws: one seed gives one result.
    until
        Patterns settled after this day are left out.

    Raises
    ------
    SettingsError
        A parameter is not valid.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        clustering_method: Literal["kmeans", "dbscan", "hdbscan"] = "kmeans",
        seed: int = 7,
        until: dt.date | None = None,
    ) -> None:
        if n_clusters < 2 and n_clusters != CHOOSE:
            raise SettingsError(
                f"n_clusters is {n_clusters}, but must be at least 2, or {CHOOSE} to choose it"
            )
        if clustering_method not in METHODS:
            raise SettingsError(
                f"clustering_method is {clustering_method!r}, but must be one of {', '.join(METHODS)}"
            )
        self.n_clusters, self.clustering_method, self.seed, self.until = (
            n_clusters,
            clustering_method,
            seed,
            until,
        )

    def analyze_patterns(
        self,
        patterns: PatternSet,
        trades: LabelledTrades | None = None,
        versions: VersionRecords | None = None,
    ) -> PatternAnalysis:
        """Analyse the patterns, and the strategies' trades and versions where they are given.

        Trades that were closed after `until` are left out, as patterns are, and so are the versions' later days.

        Raises
        ------
        DataError
            No pattern is left to analyse.
        """
        sample = prepare(patterns, self.until)
        # One generator for each part: a change in one part does not change the figures of the others.
        to_cluster, to_test, to_rank, to_isolate, to_rely, to_last, to_decay = (
            np.random.default_rng(child) for child in np.random.SeedSequence(self.seed).spawn(7)
        )
        if trades is not None and self.until is not None:
            trades = trades.take(trades.trades.exited <= np.datetime64(self.until))
        if versions is not None and self.until is not None:
            versions = versions.before(np.datetime64(self.until) + 1)
        table = trade_table(trades) if trades is not None and len(trades) else None
        division, note = self._divide(sample, to_cluster)
        labels = None if division is None else division.labels[self.clustering_method]
        statistics = reward_statistics(sample, groupings(sample, labels), to_test)
        clusters = (
            undivided(self.n_clusters, note or "")
            if division is None
            else portray(
                sample, division, self.clustering_method, self.n_clusters, statistics.of("cluster"), note
            )
        )
        correlations = correlation(sample)
        importance = feature_importance(sample, correlations, to_rank)
        isolation = isolate(sample, to_isolate)
        anomalies = find_anomalies(sample, isolation)
        counts = count(sample)
        performance, performance_table = pattern_performance(sample, trades, to_last)
        decay = None if versions is None else library_decay(versions, to_decay)
        return PatternAnalysis(
            seed=self.seed,
            until=self.until,
            state_version=STATE_VERSION,
            counts=counts,
            statistics=statistics,
            reliability=reliability(sample, to_rely),
            performance=performance,
            trades=None if trades is None or table is None else trade_statistics(trades, table),
            decay=None if decay is None else decay.findings,
            clusters=clusters,
            importance=importance,
            anomalies=anomalies,
            recommendations=recommend(counts, statistics, clusters, importance, anomalies),
            assignments=_assignments(sample, division, labels, isolation),
            performance_table=performance_table,
            trade_table=table,
            decay_tables={} if decay is None else decay.tables(),
            correlation=correlations,
        )

    def visualize_patterns(self, analysis: PatternAnalysis, save_path: Path | str = "analysis.png") -> Path:
        """Draw the findings on one page; return its path."""
        # Matplotlib is slow to import, and only drawing needs it.
        from rlpretrain.analysis.page import draw_page

        return draw_page(analysis, Path(save_path))

    def export(self, analysis: PatternAnalysis, folder: Path | str) -> tuple[Path, ...]:
        """Write the findings, the pages and the tables into a folder; return the paths.

        ``pattern_analysis.json``, ``.png`` and ``.html``, ``feature_importance.csv`` and ``.json``,
        ``feature_correlation.csv``, ``pattern_performance.csv``, ``cluster_assignments.parquet``,
        ``trade_statistics.csv`` where trades were given, and ``version_decay.csv`` and ``strategy_decay.csv`` where
        versions were given.
        """
        folder = Path(folder)
        page = self.visualize_patterns(analysis, folder / "pattern_analysis.png")
        interactive = write_interactive_page(analysis, folder / "pattern_analysis.html")
        return (*export_analysis(analysis, folder), page, interactive)

    def _divide(self, sample: Sample, rng: np.random.Generator) -> tuple[Clustering | None, str | None]:
        distinct = len(np.unique(sample.states, axis=0)) if sample.names else 1
        limit = distinct // 2
        if limit < 2:
            return None, f"no clusters: {distinct} distinct states are too few"
        used = min(self.n_clusters, limit)
        note = (
            None
            if used == self.n_clusters
            else f"{used} clusters: {distinct} distinct states are too few for more"
        )
        return cluster(sample, used, rng), note


def _assignments(
    sample: Sample,
    division: Clustering | None,
    labels: NDArray[np.int32] | None,
    isolation: Isolation | None,
) -> pd.DataFrame:
    rows = len(sample)
    nowhere, unknown = np.full(rows, NOISE, np.int32), np.full(rows, np.nan)
    points = None if division is None else division.points
    return pd.DataFrame(
        {
            "key": sample.patterns.key,
            "asset": sample.patterns.asset,
            "date": sample.patterns.date.astype("datetime64[s]"),
            "cluster": nowhere if labels is None else labels,
            **{name: nowhere if division is None else division.labels[name] for name in METHODS},
            "component_1": unknown if points is None else points[:, 0].astype(float),
            "component_2": unknown if points is None or points.shape[1] < 2 else points[:, 1].astype(float),
            "anomaly_score": unknown if isolation is None else isolation.score,
            "anomaly": np.zeros(rows, bool) if isolation is None else isolation.anomaly,
        }
    )
