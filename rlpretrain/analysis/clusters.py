"""Groups of similar states: K-means and DBSCAN on scaled principal components, with their stability.

Everything is fitted on the sample given. Where a method would be too slow on all rows, it is fitted on a
random part of them whose size the result states, and every other row is assigned to what was found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.neighbors import NearestNeighbors

from rlpretrain.analysis.findings import Partition
from rlpretrain.analysis.sample import Sample

__all__ = ["NOISE", "Clustering", "cluster", "knee", "reduce"]

NOISE = -1
MAX_COMPONENTS = 10
EXPLAINED_VARIANCE = 0.9
DENSITY_ROWS = 10_000
"""DBSCAN is fitted on at most so many rows: its cost grows with the square."""
SILHOUETTE_ROWS = 3_000
STABILITY_ROWS = 20_000
STABILITY_REFITS = 5
FITTED_ROWS = 200_000
"""K-means is fitted on at most so many rows."""


@dataclass(frozen=True)
class Clustering:
    """Both divisions of the sample."""

    points: NDArray[np.float32]
    """Principal components, (N, C)."""
    explained_variance: float
    labels: dict[str, NDArray[np.int32]]
    """Method -> cluster of each pattern, -1 for none, numbered by falling size."""
    partitions: dict[str, Partition]
    agreement: float
    silhouette_by_k: dict[str, float]


class _Model(Protocol):
    def predict(self, points: NDArray[np.float32]) -> NDArray[np.integer]: ...


_Fit = Callable[[NDArray[np.float32]], _Model]


@dataclass(frozen=True)
class _DensityModel:
    """DBSCAN's core points; a new point joins the nearest one within eps, as a border point would."""

    eps: float
    core: NDArray[np.float32]
    labels: NDArray[np.integer]

    def predict(self, points: NDArray[np.float32]) -> NDArray[np.integer]:
        if len(self.core) == 0:
            return np.full(len(points), NOISE)
        distance, nearest = NearestNeighbors(n_neighbors=1).fit(self.core).kneighbors(points)
        return np.where(distance[:, 0] <= self.eps, self.labels[nearest[:, 0]], NOISE)


def reduce(sample: Sample, seed: int) -> tuple[NDArray[np.float32], float]:
    """Project the standardised states on the components that carry 90 % of their variance, at most 10.

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
    """Divide the sample by K-means and by DBSCAN.

    The caller makes sure that there are at least two patterns a cluster and a feature that varies.
    """
    seed = int(rng.integers(2**31))
    points, explained = reduce(sample, seed)

    def kmeans(k: int) -> _Fit:
        return lambda rows: KMeans(k, n_init=4, random_state=seed).fit(rows)

    width = points.shape[1]
    min_samples = max(2 * width, 4)
    density_rows = points[_pick(len(points), DENSITY_ROWS, rng)]
    eps = knee(_neighbour_distance(density_rows, min_samples))
    fits: dict[str, tuple[_Fit, int, dict[str, float | None]]] = {
        "kmeans": (kmeans(n_clusters), FITTED_ROWS, {"n_clusters": n_clusters}),
        "dbscan": (
            lambda rows: _density(rows, eps, min_samples),
            DENSITY_ROWS,
            {"eps": eps, "min_samples": min_samples},
        ),
    }
    labels: dict[str, NDArray[np.int32]] = {}
    partitions: dict[str, Partition] = {}
    scored = _pick(len(points), SILHOUETTE_ROWS, rng)
    for method, (fit, most, parameters) in fits.items():
        rows = _pick(len(points), most, rng)
        found = _by_size(fit(points[rows]).predict(points))
        labels[method] = found
        stability, refits = _stability(fit, found, points, sample, most, rng)
        partitions[method] = Partition(
            method=method,
            parameters=parameters,
            clusters=len(np.unique(found[found != NOISE])),
            fitted_rows=len(rows),
            noise_share=float((found == NOISE).mean()),
            silhouette=_silhouette(points[scored], found[scored]),
            silhouette_rows=int((found[scored] != NOISE).sum()),
            stability=stability,
            refits=refits,
        )
    by_k = {
        str(k): _silhouette(points[scored], kmeans(k)(points[scored]).predict(points[scored]))
        for k in sorted({*range(2, 13), n_clusters})
        if 2 * k <= len(scored)
    }
    agreement = float(adjusted_rand_score(labels["kmeans"], labels["dbscan"]))
    return Clustering(points, explained, labels, partitions, agreement, by_k)


def knee(curve: NDArray[np.floating]) -> float:
    """Give the value at which an ascending curve bends most: farthest below the chord between its ends.

    The bend of the sorted k-distances is where distances within clusters end and those of outliers begin
    (Satopaa et al. 2011, "Finding a kneedle in a haystack").
    """
    ascending = np.sort(curve)
    rise = ascending[-1] - ascending[0]
    if rise <= 0:
        return float(max(ascending[-1], np.finfo(np.float32).eps))
    below = np.linspace(0.0, 1.0, len(ascending)) - (ascending - ascending[0]) / rise
    return float(ascending[int(below.argmax())])


def _neighbour_distance(points: NDArray[np.float32], neighbours: int) -> NDArray[np.floating]:
    k = min(neighbours, len(points) - 1)
    distance, _ = NearestNeighbors(n_neighbors=k).fit(points).kneighbors()
    return distance[:, -1]  # type: ignore[no-any-return]


def _density(points: NDArray[np.float32], eps: float, min_samples: int) -> _DensityModel:
    found = DBSCAN(eps=eps, min_samples=min_samples).fit(points)
    core = found.core_sample_indices_
    return _DensityModel(eps, points[core], found.labels_[core])


def _pick(rows: int, most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    return np.arange(rows) if rows <= most else np.sort(rng.choice(rows, most, replace=False))


def _by_size(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Renumber the clusters by falling size, so that a number doesn't depend on a random start."""
    names, first, counts = np.unique(labels[labels != NOISE], return_index=True, return_counts=True)
    renumbered = np.full(len(labels), NOISE, np.int32)
    for number, name in enumerate(names[np.lexsort((first, -counts))]):
        renumbered[labels == name] = number
    return renumbered


def _silhouette(points: NDArray[np.float32], labels: NDArray[np.integer]) -> float:
    inside = labels != NOISE
    if not 2 <= len(np.unique(labels[inside])) < inside.sum():
        return float("nan")
    return float(silhouette_score(points[inside], labels[inside]))


def _stability(
    fit: _Fit,
    labels: NDArray[np.int32],
    points: NDArray[np.float32],
    sample: Sample,
    most: int,
    rng: np.random.Generator,
) -> tuple[float, int]:
    """Refit on the patterns of half the dates, drawn at random, and compare on all the others' patterns."""
    scores = []
    for _ in range(STABILITY_REFITS):
        half = (rng.permutation(len(sample.dates)) % 2 == 0)[sample.date_index]
        fitted, judged = np.flatnonzero(half), np.flatnonzero(~half)
        if len(np.unique(points[fitted], axis=0)) < 2 * len(np.unique(labels)) or len(judged) < 2:
            continue
        fitted = fitted[_pick(len(fitted), min(most, STABILITY_ROWS), rng)]
        judged = judged[_pick(len(judged), STABILITY_ROWS, rng)]
        scores.append(adjusted_rand_score(labels[judged], fit(points[fitted]).predict(points[judged])))
    return (float(np.mean(scores)) if scores else float("nan")), len(scores)
