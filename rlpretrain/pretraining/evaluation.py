"""Scores of a policy on patterns that it did not learn from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from rlpretrain.patterns.decisions.pattern_set import ACTIONS
from rlpretrain.pretraining.dataset import DataSet
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.runs.files import atomic_path

__all__ = [
    "classification_scores",
    "draw_reliability",
    "expected_calibration_error",
    "findings",
    "predict",
    "regime_scores",
    "reliability",
    "value_r2",
]

_BINS = 10
_ROWS = 1 << 16
Probabilities = NDArray[np.float64]


def predict(network: PolicyNetwork, data: DataSet) -> tuple[Probabilities, Probabilities]:
    """Return a network's probabilities (n, 3) and values (n,)."""
    chances, values = [], []
    with torch.no_grad():
        for start in range(0, len(data), _ROWS):
            logits, value = network(
                torch.from_numpy(np.ascontiguousarray(data.states[start : start + _ROWS]))
            )
            chances.append(torch.softmax(logits.double(), dim=1).numpy())
            values.append(value.double().numpy())
    return np.concatenate(chances), np.concatenate(values)


def reliability(probabilities: Probabilities, labels: Probabilities) -> list[dict[str, float]]:
    """Compare stated with labelled probabilities of the chosen action, over ten equal-width bins, empty ones left out.

    Guo et al. (2017), with the soft label's probability in place of a hit. Both arrays are (n, 3).
    """
    chosen = probabilities.argmax(axis=1)
    stated = probabilities[np.arange(len(chosen)), chosen]
    actual = labels[np.arange(len(chosen)), chosen]
    bins = np.minimum((stated * _BINS).astype(int), _BINS - 1)
    count = np.bincount(bins, minlength=_BINS)
    sums = np.bincount(bins, stated, _BINS), np.bincount(bins, actual, _BINS)
    return [
        {
            "patterns": int(count[b]),
            "stated": float(sums[0][b] / count[b]),
            "labelled": float(sums[1][b] / count[b]),
        }
        for b in np.flatnonzero(count)
    ]


def expected_calibration_error(probabilities: Probabilities, labels: Probabilities) -> float:
    """Return the mean gap between stated and labelled probabilities of the chosen action, over `reliability`'s bins."""
    gaps = [
        row["patterns"] * abs(row["stated"] - row["labelled"]) for row in reliability(probabilities, labels)
    ]
    return float(sum(gaps) / len(labels))


def classification_scores(probabilities: Probabilities, data: DataSet) -> dict[str, Any]:
    """Score predicted probabilities (n, 3) against soft labels.

    Returns
    -------
    dict
        Unweighted log loss on the soft labels, the labels' entropy (the minimum log loss), accuracy, balanced accuracy
        and macro-F1 against the likeliest label, calibration error, and the confusion counts
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


def regime_scores(probabilities: Probabilities, data: DataSet) -> dict[str, dict[str, Any]]:
    """Score the patterns of each regime separately."""
    scores = {}
    for regime in np.unique(data.regimes):
        rows = data.regimes == regime
        scores[str(regime)] = {
            "patterns": int(rows.sum()),
            **classification_scores(probabilities[rows], data.take(rows)),
        }
    return scores


def value_r2(values: NDArray[np.floating[Any]], data: DataSet, reward_scale: float) -> float | None:
    """Return the share of the outcome's variance that the value head explains; below zero, the mean does better.

    Parameters
    ----------
    values
        (n,) in units of `reward_scale`, as the network predicts them.

    Returns
    -------
    float or None
        None where the outcome does not vary.
    """
    followed = data.values.astype(np.float64)
    total = float(np.square(followed - followed.mean()).sum())
    return 1.0 - float(np.square(followed - values * reward_scale).sum()) / total if total > 0 else None


def draw_reliability(path: Path, curves: Mapping[str, list[dict[str, float]]]) -> None:
    """Draw the `reliability` of some models: on the diagonal, stated and labelled probabilities agree."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, label="perfect calibration")
    for name, rows in curves.items():
        x, y = [row["stated"] for row in rows], [row["labelled"] for row in rows]
        axes.plot(x, y, marker="o", label=name.replace("_", " "))
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="stated probability of the chosen action",
        ylabel="labelled probability",
        title="Reliability on validation patterns",
    )
    axes.legend(frameon=False)
    with atomic_path(path) as temporary:
        # Without the library's version and date, equal figures give equal bytes.
        figure.savefig(temporary, dpi=120, metadata={"Software": None})


def findings(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return sentences that compare the clone with the other models by log loss, those that beat it first.

    Parameters
    ----------
    scores
        What `classification_scores` returned for ``clone``, and for any of ``class_shares``, ``logistic_regression``,
        ``gradient_boosting``, ``votes_off`` and ``placebo``.
    """
    clone, lines = scores["clone"]["log_loss"], []
    for name, text in (
        ("gradient_boosting", "Gradient boosting"),
        ("logistic_regression", "Logistic regression"),
        ("class_shares", "The constant forecast of the class shares"),
    ):
        if name in scores and scores[name]["log_loss"] < clone:
            lines.append(
                f"{text} predicts the labels better than the clone: log loss "
                f"{scores[name]['log_loss']:.4f} against {clone:.4f}."
            )
    if not lines:
        lines.append(f"The clone predicts the labels better than all baselines: log loss {clone:.4f}.")
    if "training_rows" in scores.get("gradient_boosting", {}):
        rows = scores["gradient_boosting"]["training_rows"]
        lines.append(
            f"Logistic regression and gradient boosting were fitted on {rows:,} of its training patterns."
        )
    if "votes_off" in scores:
        blind = scores["votes_off"]
        lines.append(
            f"Without the votes in its state, a clone has log loss {blind['log_loss']:.4f} and balanced accuracy "
            f"{blind['balanced_accuracy']:.1%}; with them, {clone:.4f} and "
            f"{scores['clone']['balanced_accuracy']:.1%}."
        )
    if "placebo" in scores:
        lines.append(
            f"The placebo, for which votes and prices are of different times, predicts the consensus of its votes with "
            f"log loss {scores['placebo']['log_loss']:.4f}; the clone has {clone:.4f}."
        )
    return lines
