"""Clusters of any shape, by density: DBSCAN and HDBSCAN, with a rule for rows that they were not fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.neighbors import NearestNeighbors

__all__ = ["NOISE", "DensityModel", "fit_dbscan", "fit_hdbscan", "knee", "neighbour_distance"]

NOISE = -1


@dataclass(frozen=True)
class DensityModel:
    """Rows whose cluster is known; a new row joins the cluster of the nearest one within `reach`."""

    known: NDArray[np.float32]
    labels: NDArray[np.integer]
    reach: float

    def predict(self, points: NDArray[np.float32]) -> NDArray[np.integer]:
        """Return each row's cluster, -1 for none."""
        if len(self.known) == 0:
            return np.full(len(points), NOISE)
        distance, nearest = NearestNeighbors(n_neighbors=1).fit(self.known).kneighbors(points)
        return np.where(distance[:, 0] <= self.reach, self.labels[nearest[:, 0]], NOISE)


def fit_dbscan(points: NDArray[np.float32], eps: float, min_samples: int) -> DensityModel:
    """Fit DBSCAN; a new row joins the nearest core point within `eps`, as a border point would."""
    found = DBSCAN(eps=eps, min_samples=min_samples).fit(points)
    core = found.core_sample_indices_
    return DensityModel(points[core], found.labels_[core], eps)


def fit_hdbscan(points: NDArray[np.float32], min_cluster_size: int, min_samples: int) -> DensityModel:
    """Fit HDBSCAN (Campello et al. 2013); a new row gets the label of the nearest fitted row, noise included.

    Densities differ from cluster to cluster, so no single reach fits all.
    """
    size, neighbours = (min(value, len(points)) for value in (min_cluster_size, min_samples))
    found = HDBSCAN(min_cluster_size=size, min_samples=neighbours, copy=True).fit(points)
    return DensityModel(points, found.labels_, np.inf)


def knee(curve: NDArray[np.floating]) -> float:
    """Return the value at which an ascending curve bends most: farthest below the chord between its ends.

    The bend of the sorted k-distances is where distances within clusters end and those of outliers begin
    (Satopaa et al. 2011, "Finding a kneedle in a haystack").
    """
    ascending = np.sort(curve)
    rise = ascending[-1] - ascending[0]
    if rise <= 0:
        return float(max(ascending[-1], np.finfo(np.float32).eps))
    below = np.linspace(0.0, 1.0, len(ascending)) - (ascending - ascending[0]) / rise
    return float(ascending[int(below.argmax())])


def neighbour_distance(points: NDArray[np.float32], neighbours: int) -> NDArray[np.floating]:
    """Return each row's distance to its k-th neighbour, or to the farthest where there are fewer rows."""
    k = min(neighbours, len(points) - 1)
    distance, _ = NearestNeighbors(n_neighbors=k).fit(points).kneighbors()
    return distance[:, -1]  # type: ignore[no-any-return]
