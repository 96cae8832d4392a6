"""Descriptions of clusters: what is typical of each, and what reward followed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from rlpretrain.analysis.clusters import Clustering
from rlpretrain.analysis.density import NOISE
from rlpretrain.analysis.findings import RewardGroup
from rlpretrain.analysis.sample import Sample
from rlpretrain.analysis.state_findings import Cluster, Clusters, FeatureReason
from rlpretrain.patterns.decisions.pattern_set import ACTIONS, REGIMES
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["portray", "undivided"]

NOTABLE = 0.5
"""A feature is named when the cluster's mean lies at least this many deviations from the mean of all patterns."""
MAX_FEATURES = 4
MAX_ASSETS = 5


def undivided(requested: int, note: str) -> Clusters:
    """Return findings without clusters, with the reason."""
    return Clusters(
        requested=requested,
        components=0,
        explained_variance=None,
        main=None,
        others=(),
        agreement={},
        counts=(),
        clusters=(),
        note=note,
    )


def portray(
    sample: Sample,
    found: Clustering,
    method: str,
    requested: int,
    rewards: dict[str, RewardGroup],
    note: str | None,
) -> Clusters:
    """Describe the clusters of the main method; `rewards` are the statistics by cluster number."""
    others = [name for name in found.partitions if name != method]
    labels = found.labels[method]
    usual = sample.median
    return Clusters(
        requested=requested,
        components=found.points.shape[1],
        explained_variance=found.explained_variance,
        main=found.partitions[method],
        others=tuple(found.partitions[name] for name in others),
        agreement={name: float(adjusted_rand_score(labels, found.labels[name])) for name in others},
        counts=found.counts,
        clusters=tuple(
            _portrait(sample, int(number), np.flatnonzero(labels == number), usual, rewards[str(number)])
            for number in np.unique(labels)
        ),
        note=note,
    )


def _portrait(
    sample: Sample, number: int, rows: NDArray[np.intp], usual: NDArray[np.float32], reward: RewardGroup
) -> Cluster:
    patterns = sample.patterns
    shift = sample.standardised[rows].mean(axis=0, dtype=np.float64)
    order = np.argsort(-np.abs(shift), kind="stable")[:MAX_FEATURES]
    typical = np.median(sample.states[rows], axis=0)
    features = tuple(
        FeatureReason(feature=sample.names[i], value=typical[i], usual=usual[i], z=shift[i])
        for i in order
        if abs(shift[i]) >= NOTABLE
    )
    actions = {name: float((patterns.action[rows] == i).mean()) for i, name in enumerate(ACTIONS)}
    categories = _mix(patterns.category[rows], CATEGORIES)
    regimes = _mix(patterns.regime[rows], REGIMES)
    names, counts = np.unique(patterns.asset[rows], return_counts=True)
    largest = np.argsort(-counts, kind="stable")[:MAX_ASSETS]
    assets = {str(names[i]): float(counts[i] / len(rows)) for i in largest}
    share = len(rows) / len(sample)
    return Cluster(
        cluster=number,
        rows=len(rows),
        share=share,
        words=_words(number, share, features, actions, categories, regimes, assets, reward),
        features=features,
        actions=actions,
        categories=categories,
        regimes=regimes,
        assets=assets,
        mean_reward=reward.mean,
        low=reward.low,
        high=reward.high,
    )


def _mix(names: NDArray[np.str_], known: tuple[str, ...]) -> dict[str, float]:
    return {name: float((names == name).mean()) for name in known}


def _words(
    number: int,
    share: float,
    features: tuple[FeatureReason, ...],
    actions: dict[str, float],
    categories: dict[str, float],
    regimes: dict[str, float],
    assets: dict[str, float],
    reward: RewardGroup,
) -> str:
    name = "in no cluster" if number == NOISE else f"cluster {number}"
    if features:
        traits = ", ".join(
            f"{'high' if (f.z or 0) > 0 else 'low'} {f.feature} ({f.value:.2f}, usually {f.usual:.2f})"
            for f in features
        )
    else:
        traits = "no feature far from usual"
    mixes = ", ".join(f"{_largest(mix)}" for mix in (categories, regimes, actions, assets))
    earned = f"mean reward {reward.mean:+.2%}" if reward.mean is not None else "no reward"
    if reward.low is not None and reward.high is not None:
        earned += f" [{reward.low:+.2%}, {reward.high:+.2%}]"
    return f"{name}, {share:.0%} of patterns: {traits}; most often {mixes}; {earned}"


def _largest(mix: dict[str, float]) -> str:
    name = max(mix, key=lambda key: mix[key])
    return f"{name.replace('_', ' ')} ({mix[name]:.0%})"
