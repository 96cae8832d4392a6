"""Groups of similar states: K-means, DBSCAN and HDBSCAN on scaled principal components, with their stability.

Everything is fitted on the sample given. Where a method would be too slow on all rows, it is fitted on a random
part of them, whose size is part of the result, and every other row is assigned to the clusters found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from rlpretrain.analysis.density import NOISE, fit_dbscan, fit_hdbscan, knee, neighbour_distance
from rlpretrain.analysis.sample import Sample
from rlpretrain.analysis.state_findings import ClusterCount, Partition

__all__ = ["CHOOSE", "METHODS", "Clustering", "cluster", "preferred", "reduce"]

METHODS = ("kmeans", "dbscan", "hdbscan")
CHOOSE = 0
"""Number of clusters that stands for the best of those tried."""
COUNTS = range(2, 13)
"""Numbers of clusters that are tried in addition to the one requested."""
STEADY = 0.8
"""A number of clusters is steady when refits find its clusters again with at least this adjusted Rand index."""
COUNT_REFITS = 3
MAX_COMPONENTS = 10
EXPLAINED_VARIANCE = 0.9
DENSITY_ROWS = 10_000
"""Maximum number of rows that DBSCAN and HDBSCAN are fitted on: their cost grows with its square."""
MIN_SHARE = 0.01
"""Minimum size of HDBSCAN's clusters, as a share of the rows fitted."""
CORE_NEIGHBOURS = 5
SILHOUETTE_ROWS = 3_000
STABILITY_ROWS = 10_000
STABILITY_REFITS = {"kmeans": 5, "dbscan": 3, "hdbscan": 3}
FITTED_ROWS = 200_000
"""Maximum number of rows that K-means is fitted on."""


@dataclass(frozen=True)
class Clustering:
    """All divisions of the sample."""

    points: NDArray[np.float32]
    """Principal components, (N, C)."""
    explained_variance: float
    labels: dict[str, NDArray[np.int32]]
    """Method -> cluster of each pattern, -1 for none, numbered by falling size."""
    partitions: dict[str, Partition]
    counts: tuple[ClusterCount, ...]


class _Model(Protocol):
    def predict(self, points: NDArray[np.float32]) -> NDArray[np.integer]: ...


_Fit = Callable[[NDArray[np.float32]], _Model]


def reduce(sample: Sample, seed: int) -> tuple[NDArray[np.float32], float]:
    """Project the standardised states onto the components that explain 90 % of their variance, at most 10.

    Returns
    -------
    tuple
        Components (N, C), signed so that each one's largest loading is positive, and the share of variance.
    """
    width = min(MAX_COMPONENTS, len(sample.names), len(sample))
    pca = PCA(n_components=width, random_state=seed, svd_solver="covariance_eigh")
    points = pca.fit_transform(sample.standardised)
    share = np.cumsum(pca.explained_variance_ratio_)
    kept = min(width, int(np.searchsorted(share, EXPLAINED_VARIANCE)) + 1)
    largest = np.abs(pca.components_).argmax(axis=1)
    signs = np.sign(pca.components_[np.arange(width), largest])
    return (points * signs)[:, :kept].astype(np.float32), float(share[kept - 1])


def cluster(sample: Sample, n_clusters: int, rng: np.random.Generator) -> Clustering:
    """Divide the sample by each method; `n_clusters` is the number for K-means, or `CHOOSE`.

    The caller ensures that there are at least two patterns per cluster and a feature that varies.
    """
    seed = int(rng.integers(2**31))
    points, explained = reduce(sample, seed)

    def kmeans(k: int) -> _Fit:
        return lambda rows: KMeans(k, n_init=4, random_state=seed).fit(rows)

    counts = _try_counts(kmeans, n_clusters, points, sample, rng)
    k = n_clusters if n_clusters != CHOOSE else preferred(counts)
    min_samples = max(2 * points.shape[1], 4)
    density_rows = points[_pick(len(points), DENSITY_ROWS, rng)]
    eps = knee(neighbour_distance(density_rows, min_samples))
    smallest = max(CORE_NEIGHBOURS, int(MIN_SHARE * len(density_rows)))
    fits: dict[str, tuple[_Fit, int, dict[str, float | None]]] = {
        "kmeans": (kmeans(k), FITTED_ROWS, {"n_clusters": k}),
        "dbscan": (
            lambda rows: fit_dbscan(rows, eps, min_samples),
            DENSITY_ROWS,
            {"eps": eps, "min_samples": min_samples},
        ),
        "hdbscan": (
            lambda rows: fit_hdbscan(rows, smallest, CORE_NEIGHBOURS),
            DENSITY_ROWS,
            {"min_cluster_size": smallest, "min_samples": CORE_NEIGHBOURS},
        ),
    }
    labels: dict[str, NDArray[np.int32]] = {}
    partitions: dict[str, Partition] = {}
    scored = _pick(len(points), SILHOUETTE_ROWS, rng)
    for method, (fit, max_rows, parameters) in fits.items():
        rows = _pick(len(points), max_rows, rng)
        found = _by_size(fit(points[rows]).predict(points))
        labels[method] = found
        agreement = _agreement(
            fit,
            found,
            points,
            sample.date_index,
            min(max_rows, STABILITY_ROWS),
            STABILITY_REFITS[method],
            rng,
        )
        silhouette, error = _silhouette(points[scored], found[scored])
        partitions[method] = Partition(
            method=method,
            parameters=parameters,
            clusters=len(np.unique(found[found != NOISE])),
            fitted_rows=len(rows),
            noise_share=float((found == NOISE).mean()),
            silhouette=silhouette,
            silhouette_error=error if len(scored) < len(points) else 0.0,
            silhouette_rows=int((found[scored] != NOISE).sum()),
            stability=_mean(agreement),
            stability_sd=float(np.std(agreement, ddof=1)) if len(agreement) > 1 else None,
            refits=len(agreement),
        )
    return Clustering(points, explained, labels, partitions, counts)


def preferred(counts: tuple[ClusterCount, ...]) -> int:
    """Return the number with the best silhouette among the steady ones, or among all if none is steady; else 2."""
    steady = [each for each in counts if (each.stability or 0.0) >= STEADY] or list(counts)
    best = max(steady, key=lambda each: (each.silhouette or -1.0, -each.clusters), default=None)
    return COUNTS.start if best is None else best.clusters


def _try_counts(
    kmeans: Callable[[int], _Fit],
    n_clusters: int,
    points: NDArray[np.float32],
    sample: Sample,
    rng: np.random.Generator,
) -> tuple[ClusterCount, ...]:
    """Score K-means with other numbers of clusters on a random part of the sample."""
    rows = _pick(len(points), SILHOUETTE_ROWS, rng)
    part, dates = points[rows], sample.date_index[rows]
    distinct = len(np.unique(part, axis=0))
    counts = []
    for k in sorted({*COUNTS, n_clusters} - {CHOOSE}):
        if 2 * k > distinct:
            continue
        labels = np.asarray(kmeans(k)(part).predict(part), np.int32)
        silhouette, _ = _silhouette(part, labels)
        agreement = _agreement(kmeans(k), labels, part, dates, SILHOUETTE_ROWS, COUNT_REFITS, rng)
        counts.append(ClusterCount(clusters=k, silhouette=silhouette, stability=_mean(agreement)))
    return tuple(counts)


def _pick(rows: int, limit: int, rng: np.random.Generator) -> NDArray[np.intp]:
    return np.arange(rows) if rows <= limit else np.sort(rng.choice(rows, limit, replace=False))


def _by_size(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Renumber the clusters by falling size, so that the numbers do not depend on a random start."""
    names, first, counts = np.unique(labels[labels != NOISE], return_index=True, return_counts=True)
    renumbered = np.full(len(labels), NOISE, np.int32)
    for number, name in enumerate(names[np.lexsort((first, -counts))]):
        renumbered[labels == name] = number
    return renumbered


def _silhouette(points: NDArray[np.float32], labels: NDArray[np.integer]) -> tuple[float, float]:
    """Return the mean silhouette of the rows in a cluster and its standard error as a random sample's mean."""
    inside = labels != NOISE
    if not 2 <= len(np.unique(labels[inside])) < inside.sum():
        return float("nan"), float("nan")
    each = silhouette_samples(points[inside], labels[inside])
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _agreement(
    fit: _Fit,
    labels: NDArray[np.int32],
    points: NDArray[np.float32],
    date_index: NDArray[np.intp],
    max_rows: int,
    refits: int,
    rng: np.random.Generator,
) -> list[float]:
    """Refit on a random half of the dates; return each refit's adjusted Rand index on the other half."""
    scores = []
    for _ in range(refits):
        half = (rng.permutation(date_index[-1] + 1) % 2 == 0)[date_index]
        fitted, judged = np.flatnonzero(half), np.flatnonzero(~half)
        if len(np.unique(points[fitted], axis=0)) < 2 * len(np.unique(labels)) or len(judged) < 2:
            continue
        fitted = fitted[_pick(len(fitted), max_rows, rng)]
        judged = judged[_pick(len(judged), STABILITY_ROWS, rng)]
        scores.append(adjusted_rand_score(labels[judged], fit(points[fitted]).predict(points[judged])))
    return scores
