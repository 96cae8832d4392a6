"""Time and memory of the pattern analysis: ``python -m benchmarks.analysis [--rows N ...]``.

There are two processes for each number of patterns: one runs the whole analysis, including its output files; the other
runs only scikit-learn's calls, on the same arrays, with the same settings, the same samples and the same number of
refits. Their ratio shows what the statistics, bootstraps, texts and pages cost in addition. The patterns are generated:
eight clusters in 64 features, ten assets, 3,000 days.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN, HDBSCAN, KMeans
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.neighbors import NearestNeighbors

from rlpretrain.analysis import PatternAnalyzer, anomalies, clusters, importance
from rlpretrain.analysis.density import knee, neighbour_distance
from rlpretrain.analysis.sample import Sample, prepare
from rlpretrain.patterns import PatternSet
from tests.analysis.planted import plain_set

DAYS = 3_000
CLUSTERS = 8


def main() -> None:
    """Measure each size in separate processes, or act as one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--only", choices=["analysis", "scikit-learn"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only, options.rows[0])))
        return
    figures = {}
    for rows in options.rows:
        ours, plain = (alone(what, rows) for what in ("analysis", "scikit-learn"))
        ratio = ours["cpu_seconds"] / plain["cpu_seconds"]
        figures[rows] = {"analysis": ours, "scikit_learn": plain, "ratio_of_cpu": ratio}
    json.dump(figures, sys.stdout, indent=1)
    print()


def alone(what: str, rows: int) -> dict[str, float]:
    """Measure in a separate process, so that the peak memory is that of the measured part."""
    command = [sys.executable, "-m", "benchmarks.analysis", "--only", what, "--rows", str(rows)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def measure(what: str, rows: int) -> dict[str, float]:
    """Measure one of the two on `rows` patterns; return wall and CPU seconds, and peak memory in GB."""
    patterns, _ = plain_set(n=rows, days=DAYS)
    analyzer = PatternAnalyzer(CLUSTERS)
    start, cpu = time.perf_counter(), time.process_time()
    export = 0.0
    if what == "analysis":
        found = analyzer.analyze_patterns(patterns)
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            analyzer.export(found, folder)
        export = time.perf_counter() - begun
    else:
        plain_calls(patterns)
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "of_it_writing": export,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def plain_calls(patterns: PatternSet) -> None:
    """Run the calls of scikit-learn that the analysis runs, and nothing else."""
    rng = np.random.default_rng(0)
    sample = prepare(patterns, None)
    points, _ = clusters.reduce(sample, 0)
    divide(points, rng)
    rank(sample, rng)
    forest = IsolationForest(n_estimators=anomalies.TREES, random_state=0).fit(sample.standardised)
    forest.score_samples(sample.standardised)


def divide(points: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Fit, assign, score and refit as `clusters.cluster` does."""

    def some(most: int) -> NDArray[np.float32]:
        return points if len(points) <= most else points[rng.choice(len(points), most, replace=False)]

    def kmeans(k: int, rows: NDArray[np.float32]) -> Any:
        return KMeans(k, n_init=4, random_state=0).fit(rows)

    def nearest(known: NDArray[np.float32], rows: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[Any]:
        found: NDArray[Any] = labels[NearestNeighbors(n_neighbors=1).fit(known).kneighbors(rows)[1][:, 0]]
        return found

    scored, neighbours = some(clusters.SILHOUETTE_ROWS), 2 * points.shape[1]
    for k in clusters.COUNTS:
        silhouette_score(scored, kmeans(k, scored).predict(scored))
        for _ in range(clusters.COUNT_REFITS):
            kmeans(k, scored[::2]).predict(scored[1::2])
    eps = knee(neighbour_distance(some(clusters.DENSITY_ROWS), neighbours))
    half, judged = some(clusters.STABILITY_ROWS), some(clusters.STABILITY_ROWS)
    kmeans(CLUSTERS, some(clusters.FITTED_ROWS)).predict(points)
    for _ in range(clusters.STABILITY_REFITS["kmeans"]):
        kmeans(CLUSTERS, half).predict(judged)
    dense = some(clusters.DENSITY_ROWS)
    least = int(clusters.MIN_SHARE * len(dense))
    for method, algorithm in (
        ("dbscan", DBSCAN(eps=eps, min_samples=neighbours)),
        ("hdbscan", HDBSCAN(min_cluster_size=least, min_samples=clusters.CORE_NEIGHBOURS, copy=True)),
    ):
        labels = algorithm.fit(dense).labels_
        nearest(dense, points, labels)
        for _ in range(clusters.STABILITY_REFITS[method]):
            again = algorithm.fit(half).labels_
            adjusted_rand_score(nearest(half, judged, again), nearest(dense, judged, labels))


def rank(sample: Sample, rng: np.random.Generator) -> None:
    """Fit trees on the past of each fold and predict its future with each feature shuffled."""
    action = sample.patterns.action
    folds = importance.purged_folds(sample.patterns.date, sample.patterns.settled, importance.FOLDS)
    for fold in folds:
        train, score = (
            rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
            for rows, most in ((fold.train, importance.TRAIN_ROWS), (fold.score, importance.SCORE_ROWS))
        )
        trees = HistGradientBoostingClassifier(
            max_iter=importance.TREES, max_leaf_nodes=15, early_stopping=False, random_state=0
        ).fit(sample.states[train], action[train])
        states = sample.states[score]
        for column in range(states.shape[1] + len(set(sample.groups))):
            shuffled = states.copy()
            if column < states.shape[1]:
                shuffled[:, column] = rng.permutation(shuffled[:, column])
            trees.predict_proba(shuffled)


if __name__ == "__main__":
    main()
