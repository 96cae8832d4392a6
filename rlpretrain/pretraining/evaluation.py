"""What the cloned policy is worth on validation patterns, beside simple baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rlpretrain.patterns.pattern_set import ACTIONS
from rlpretrain.pretraining.dataset import DataSet

__all__ = ["baseline_scores", "classification_scores", "expected_calibration_error"]

_BASELINE_ROWS = 50_000
_BINS = 10


def expected_calibration_error(probabilities: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """Mean gap between the stated and the labelled probability of the chosen action, over ten equal-width bins.

    Guo et al. (2017), with the soft label's probability in place of a hit. Both arrays are (n, 3).
    """
    chosen = probabilities.argmax(axis=1)
    stated = probabilities[np.arange(len(chosen)), chosen]
    actual = labels[np.arange(len(chosen)), chosen]
    bins = np.minimum((stated * _BINS).astype(int), _BINS - 1)
    count = np.bincount(bins, minlength=_BINS)
    gap = np.abs(np.bincount(bins, stated, _BINS) - np.bincount(bins, actual, _BINS))
    return float(gap.sum() / count.sum())


def classification_scores(probabilities: NDArray[np.float64], data: DataSet) -> dict[str, Any]:
    """Score predicted probabilities (n, 3) against soft labels.

    Returns
    -------
    dict
        Unweighted log loss on the soft labels, the labels' own entropy (the least log loss there is), accuracy,
        balanced accuracy and macro-F1 against the likeliest label, calibration error, and the confusion counts
        ``confusion[label][prediction]``.
    """
    labels = data.labels.astype(np.float64)
    truth, prediction = labels.argmax(axis=1), probabilities.argmax(axis=1)
    present = np.unique(truth)
    return {
        "log_loss": float(-(labels * np.log(np.clip(probabilities, 1e-9, 1))).sum(axis=1).mean()),
        "label_entropy": float(-(labels * np.log(np.clip(labels, 1e-9, 1))).sum(axis=1).mean()),
        "accuracy": float((truth == prediction).mean()),
        "balanced_accuracy": float(np.mean([(prediction[truth == k] == k).mean() for k in present])),
        "macro_f1": float(f1_score(truth, prediction, labels=present, average="macro", zero_division=0)),
        "calibration_error": expected_calibration_error(probabilities, labels),
        "confusion": {
            ACTIONS[k]: {
                ACTIONS[j]: int(((truth == k) & (prediction == j)).sum()) for j in range(labels.shape[1])
            }
            for k in range(labels.shape[1])
        },
    }


def baseline_scores(train: DataSet, validation: DataSet, seed: int) -> dict[str, dict[str, Any]]:
    """Score three baselines on the same data: class shares, logistic regression, gradient boosting.

    The two models learn the likeliest labels of at most 50,000 training rows, drawn by the seed.
    """
    generator = np.random.default_rng(seed)
    rows = np.arange(len(train))
    if len(rows) > _BASELINE_ROWS:
        rows = np.sort(generator.choice(rows, _BASELINE_ROWS, replace=False))
    x, y, w = train.states[rows], train.labels[rows].argmax(axis=1), train.weights[rows]
    shares = np.average(train.labels, axis=0, weights=train.weights)
    results = {"class_shares": classification_scores(np.tile(shares, (len(validation), 1)), validation)}
    models = {
        "logistic_regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "gradient_boosting": HistGradientBoostingClassifier(max_iter=100, random_state=seed),
    }
    for name, model in models.items():
        step = "logisticregression__sample_weight" if name == "logistic_regression" else "sample_weight"
        model.fit(x, y, **{step: w})
        probabilities = np.zeros((len(validation), train.labels.shape[1]))
        probabilities[:, model.classes_] = model.predict_proba(validation.states)
        results[name] = classification_scores(probabilities, validation)
    return results
