"""Weight of each pattern in training: confidence x reward weight x strategy weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rlpretrain.patterns import PatternSet
from rlpretrain.pretraining.dataset_files import DataSet

__all__ = ["balanced_weights", "effective_sample_size", "pattern_weights", "reward_scale", "value_scale"]

_LIMITS = (0.1, 10.0)


def reward_scale(patterns: PatternSet) -> float:
    """Return the root mean square of the rewards, the unit of reward weights: a fraction, at least a basis point."""
    return max(float(np.sqrt(np.mean(np.square(patterns.reward, dtype=np.float64)))), 1e-4)


def value_scale(patterns: PatternSet) -> float:
    """Return the root mean square of the values that a teacher expects, the unit of the value head's targets."""
    return max(float(np.sqrt(np.mean(np.square(patterns.value, dtype=np.float64)))), 1e-4)


def pattern_weights(patterns: PatternSet, scale: float) -> NDArray[np.float64]:
    """Compute weights from the confidence, the reward and the supporting strategies.

    weight = confidence x (1 + tanh(reward / scale)) x strategy weight, clipped to [0.1, 10] and divided by its mean.
    The reward weight lies in (0, 2): a pattern that paid counts up to twice; one that lost counts less, but never
    negatively, because the label remains the library's decision, not the best action in hindsight.

    Parameters
    ----------
    patterns
        Patterns whose rewards are settled.
    scale
        `reward_scale` of the *training* patterns.

    Returns
    -------
    weights
        (N,), mean 1.
    """
    reward_weight = 1.0 + np.tanh(patterns.reward.astype(np.float64) / scale)
    raw = patterns.confidence.astype(np.float64) * reward_weight * patterns.strategy_weight.astype(np.float64)
    clipped = np.clip(raw, *_LIMITS)
    return np.asarray(clipped / clipped.mean(), dtype=np.float64)


def effective_sample_size(weights: NDArray[np.float64]) -> float:
    """Return Kish's effective sample size: (sum w)^2 / sum w^2."""
    return float(weights.sum() ** 2 / np.square(weights).sum())


def balanced_weights(data: DataSet) -> DataSet:
    """Weight patterns so that the labels of each action have the same total weight; the mean weight is 1.

    A pattern's weight is divided by its actions' shares of all weight, averaged by its label.
    """
    weights = data.weights.astype(np.float64)
    mass = weights @ data.labels
    inverse = np.divide(mass.sum() / len(mass), mass, out=np.zeros_like(mass), where=mass > 0)
    balanced = weights * (data.labels @ inverse)
    return replace(data, weights=(balanced / balanced.mean()).astype(np.float32))
