"""Baselines that a clone is compared with: class shares, logistic regression, gradient boosting."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rlpretrain.pretraining.dataset import DataSet
from rlpretrain.pretraining.evaluation import classification_scores

__all__ = ["baseline_scores"]

_ROWS = 20_000
_MIN_PROBABILITY = 0.01
"""Probability below which an action of a soft label is left out."""


def baseline_scores(train: DataSet, validation: DataSet, seed: int) -> dict[str, dict[str, Any]]:
    """Score three baselines on the same soft labels: class shares, logistic regression, gradient boosting.

    The two models learn from at most 20,000 training rows, drawn by the seed; ``training_rows`` is their number. A row
    appears once for each action that its label allows, weighted by that action's probability: the loss is the same
    cross-entropy on soft labels as the clone's.
    """
    generator = np.random.default_rng(seed)
    rows = np.arange(len(train))
    if len(rows) > _ROWS:
        rows = np.sort(generator.choice(rows, _ROWS, replace=False))
    labels = train.labels[rows]
    row, action = np.nonzero(labels > _MIN_PROBABILITY)
    x, y = train.states[rows][row], action
    w = labels[row, action] * train.weights[rows][row]
    shares = np.average(train.labels, axis=0, weights=train.weights)
    results = {"class_shares": classification_scores(np.tile(shares, (len(validation), 1)), validation)}
    models = {
        "logistic_regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        "gradient_boosting": HistGradientBoostingClassifier(max_iter=100, random_state=seed),
    }
    for name, model in models.items():
        step = "logisticregression__sample_weight" if name == "logistic_regression" else "sample_weight"
        model.fit(x, y, **{step: w})
        probabilities = np.zeros((len(validation), train.labels.shape[1]))
        probabilities[:, model.classes_] = model.predict_proba(validation.states)
        scores = classification_scores(probabilities, validation)
        results[name] = {**scores, "training_rows": len(rows)}
    return results
