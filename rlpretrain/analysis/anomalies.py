"""Unusual states: an isolation forest, the reasons, and the effect of leaving them out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from rlpretrain.analysis.sample import Sample, calendar
from rlpretrain.analysis.state_findings import Anomalies, AnomalousPattern, FeatureReason
from rlpretrain.patterns.decisions.pattern_set import ACTIONS, REGIMES

__all__ = ["Isolation", "find_anomalies", "isolate", "robust_z"]

TREES = 100
TOP = 10
REASONS = 3
MIN_ROWS = 20
FENCE = 3.0
"""A score is anomalous beyond the upper quartile plus three interquartile ranges. By this rule, Tukey's far-out
fence, an ordinary set has next to no anomalies, whereas a fixed share would always find some."""
USUAL_SCORE = 0.5


@dataclass(frozen=True)
class Isolation:
    """Scores in (0, 1) of every pattern and which of them are anomalies."""

    score: NDArray[np.float64]
    anomaly: NDArray[np.bool_]
    threshold: float


def isolate(sample: Sample, rng: np.random.Generator) -> Isolation | None:
    """Score every pattern by how soon random cuts isolate it (Liu et al. 2008); None below 20 patterns."""
    if len(sample) < MIN_ROWS or not sample.names:
        return None
    forest = IsolationForest(n_estimators=TREES, random_state=int(rng.integers(2**31))).fit(
        sample.standardised
    )
    score = -forest.score_samples(sample.standardised)
    lower, upper = np.quantile(score, [0.25, 0.75])
    threshold = float(max(upper + FENCE * (upper - lower), USUAL_SCORE))
    return Isolation(score, score > threshold, threshold)


def robust_z(states: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return (value - median) / scale of some rows, (R, F); a few extreme values do not change the scale.

    The scale is the larger of 1.4826 MAD and the deviation between the 1 % and 99 % quantiles: the first
    alone is close to zero for a feature that is zero half of the time, like the features of the position.
    """
    z = np.empty((len(rows), states.shape[1]))
    for feature in range(states.shape[1]):
        values = np.ascontiguousarray(states[:, feature])
        low, median, high = np.quantile(values, [0.01, 0.5, 0.99])
        spread = 1.4826 * np.median(np.abs(values - median))
        scale = max(spread, np.clip(values, low, high).std()) or values.std()
        z[:, feature] = (values[rows] - median) / scale
    return z


def find_anomalies(sample: Sample, isolation: Isolation | None) -> Anomalies:
    """Describe the anomalies: the most unusual with reasons, and the data set with and without them."""
    reward = sample.patterns.reward.astype(np.float64)
    if isolation is None:
        return Anomalies(
            count=0,
            share=None,
            threshold=None,
            top=(),
            mean_reward=reward.mean(),
            mean_reward_without=None,
            standard_deviation=None,
            standard_deviation_without=None,
            actions={},
            regimes={},
            note=f"not searched: fewer than {MIN_ROWS} patterns, or no feature varies",
        )
    odd = isolation.anomaly
    found = np.flatnonzero(odd)
    top = found[np.argsort(-isolation.score[found], kind="stable")[:TOP]]
    usual = sample.median
    return Anomalies(
        count=len(found),
        share=odd.mean(),
        threshold=isolation.threshold,
        top=tuple(
            _explain(sample, int(row), float(isolation.score[row]), z, usual)
            for row, z in zip(top, robust_z(sample.states, top), strict=True)
        ),
        mean_reward=reward.mean(),
        mean_reward_without=reward[~odd].mean(),
        standard_deviation=reward.std(ddof=1),
        standard_deviation_without=reward[~odd].std(ddof=1),
        actions={name: (sample.patterns.action[found] == i).mean() for i, name in enumerate(ACTIONS)}
        if len(found)
        else {},
        regimes={name: (sample.patterns.regime[found] == name).mean() for name in REGIMES}
        if len(found)
        else {},
    )


def _explain(
    sample: Sample, row: int, score: float, z: NDArray[np.float64], usual: NDArray[np.float32]
) -> AnomalousPattern:
    patterns = sample.patterns
    return AnomalousPattern(
        key=str(patterns.key[row]),
        asset=str(patterns.asset[row]),
        date=calendar(patterns.date[row]),
        action=ACTIONS[patterns.action[row]],
        reward=patterns.reward[row],
        score=score,
        reasons=tuple(
            FeatureReason(feature=sample.names[i], value=sample.states[row, i], usual=usual[i], z=z[i])
            for i in np.argsort(-np.abs(z), kind="stable")[:REASONS]
        ),
    )
