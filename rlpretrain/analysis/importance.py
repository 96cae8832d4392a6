"""How well the state predicts the action: mutual information, purged permutation importance, redundancy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from rlpretrain.analysis.sample import Sample, calendar
from rlpretrain.analysis.state_findings import FeatureImportance, Importance, ModelSkill, RedundantPair
from rlpretrain.patterns.decisions.pattern_set import ACTIONS

__all__ = ["REDUNDANT", "Fold", "correlation", "feature_importance", "mutual_information", "purged_folds"]

FOLDS = 3
TRAIN_ROWS = 20_000
SCORE_ROWS = 2_000
SHUFFLES = 1
PREDICTED_ROWS = 2_000
"""Rows of one prediction: few enough to stay in the CPU's cache."""
TREES = 50
BINS = 16
REDUNDANT = 0.95
MIN_TRAIN_ROWS = 100
MIN_SCORE_ROWS = 30


@dataclass(frozen=True)
class Fold:
    """Rows to fit on, all settled before the first row to score was decided."""

    train: NDArray[np.intp]
    score: NDArray[np.intp]


def purged_folds(date: NDArray[np.datetime64], settled: NDArray[np.datetime64], folds: int) -> Iterator[Fold]:
    """Split the second half of the dates into `folds` parts, each scored by a fit on what settled before it.

    A pattern whose holding period reaches into the scored part is in neither (purging: Lopez de Prado 2018).
    """
    days = np.unique(date)
    edges = np.linspace(len(days) // 2, len(days), folds + 1).astype(int)
    for first, last in pairwise(edges.tolist()):
        if first == last:
            continue
        start, stop = days[first], days[last - 1]
        yield Fold(np.flatnonzero(settled < start), np.flatnonzero((date >= start) & (date <= stop)))


def mutual_information(
    feature: NDArray[np.floating], target: NDArray[np.integer], given: NDArray[np.integer] | None = None
) -> float:
    """Estimate I(feature; target | given) in nats from counts in quantile bins.

    The plug-in estimate is too high by about (rows-1)(columns-1) / 2N in each stratum (Miller 1955); this bias is
    subtracted, and the result is at least zero.
    """
    return _information(_binned(feature), target, given)


def _binned(feature: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the number of each value's quantile bin; equal values share a bin."""
    edges = np.unique(np.quantile(feature, np.linspace(0, 1, BINS + 1)[1:-1]))
    return np.searchsorted(edges, feature, side="right")


def _information(
    binned: NDArray[np.intp], target: NDArray[np.integer], given: NDArray[np.integer] | None = None
) -> float:
    strata = np.zeros(len(binned), np.int64) if given is None else given.astype(np.int64)
    width = int(target.max()) + 1
    total = 0.0
    for stratum in np.unique(strata):
        rows = strata == stratum
        size = int(rows.sum())
        table = np.bincount(binned[rows] * width + target[rows], minlength=BINS * width)
        joint = table.reshape(-1, width) / size
        first, second = joint.sum(axis=1), joint.sum(axis=0)
        filled = joint > 0
        plug_in = (joint[filled] * np.log(joint[filled] / np.outer(first, second)[filled])).sum()
        bias = ((first > 0).sum() - 1) * ((second > 0).sum() - 1) / (2 * size)
        total += size / len(binned) * max(plug_in - bias, 0.0)
    return float(total)


def correlation(sample: Sample) -> pd.DataFrame:
    """Return Pearson's correlation of the varying features, (F, F)."""
    z = sample.standardised.astype(np.float64)
    matrix = np.clip(np.round(z.T @ z / max(len(z), 1), 6), -1, 1)
    return pd.DataFrame(matrix, index=list(sample.names), columns=list(sample.names))


def feature_importance(sample: Sample, correlations: pd.DataFrame, rng: np.random.Generator) -> Importance:
    """Rank the features by permutation importance out of time, then by mutual information in position."""
    action = sample.patterns.action.astype(np.int64)
    held = sample.patterns.in_position.astype(np.int64)
    information = [
        (_information(binned, action), _information(binned, action, held))
        for binned in map(_binned, sample.columns())
    ]
    plain, given = np.array(information).reshape(-1, 2).T
    matrix = correlations.to_numpy()
    redundant = [
        RedundantPair(first=sample.names[i], second=sample.names[j], correlation=matrix[i, j])
        for i, j in zip(*np.triu_indices(len(matrix), 1), strict=True)
        if abs(matrix[i, j]) >= REDUNDANT
    ]
    model, drops, group_drops, note = _permutation(sample, action, held, rng)
    mean = drops.mean(axis=0) if model else np.full(len(sample.names), np.nan)
    order = np.lexsort((-given, -np.nan_to_num(mean)))
    return Importance(
        model=model,
        groups=group_drops,
        features=tuple(
            FeatureImportance(
                rank=rank,
                feature=sample.names[i],
                group=sample.groups[i],
                permutation=mean[i],
                permutation_sd=drops[:, i].std(ddof=1) if len(drops) > 1 else None,
                mutual_information=plain[i],
                mutual_information_in_position=given[i],
            )
            for rank, i in enumerate(order, 1)
        ),
        redundant=tuple(
            sorted(redundant, key=lambda pair: (-abs(pair.correlation or 0), pair.first, pair.second))
        ),
        note=note,
    )


def _permutation(
    sample: Sample, action: NDArray[np.int64], held: NDArray[np.int64], rng: np.random.Generator
) -> tuple[ModelSkill | None, NDArray[np.float64], dict[str, float | None], str | None]:
    """Fit on each fold's past; measure how much worse its future is predicted when a feature or group is shuffled."""
    names = list(dict.fromkeys(sample.groups))
    blocks = [np.array([i]) for i in range(len(sample.names))]
    blocks += [np.flatnonzero(np.array(sample.groups) == name) for name in names]
    if not sample.names:
        return None, np.empty((0, 0)), {}, "no permutation importance: no feature varies"
    usable = [
        fold
        for fold in purged_folds(sample.patterns.date, sample.patterns.settled, FOLDS)
        if len(fold.train) >= MIN_TRAIN_ROWS
        and len(fold.score) >= MIN_SCORE_ROWS
        and len(np.unique(action[fold.train])) > 1
    ]
    if not usable:
        reason = (
            "all patterns have the same action"
            if len(np.unique(action)) < 2
            else "too few patterns before and after a split in time"
        )
        return None, np.empty((0, len(sample.names))), {}, f"no permutation importance: {reason}"
    drops: list[NDArray[np.float64]] = []
    losses, base_losses, balanced, sizes = [], [], [], []
    for fold in usable:
        train, score = (
            rows if len(rows) <= limit else np.sort(rng.choice(rows, limit, replace=False))
            for rows, limit in ((fold.train, TRAIN_ROWS), (fold.score, SCORE_ROWS))
        )
        trees = HistGradientBoostingClassifier(
            max_iter=TREES, max_leaf_nodes=15, early_stopping=False, random_state=int(rng.integers(2**31))
        ).fit(sample.states[train], action[train])
        states, truth = sample.states[score], action[score]
        probabilities = _probabilities(trees, states)
        loss = _log_loss(truth, probabilities)
        losses.append(loss)
        base_losses.append(_log_loss(truth, _base_rates(action[train], held[train])[held[score]]))
        predicted = probabilities.argmax(axis=1)
        balanced.append(np.mean([(predicted[truth == each] == each).mean() for each in np.unique(truth)]))
        sizes.append((len(train), len(score), calendar(sample.patterns.date[fold.score].min())))
        for _ in range(SHUFFLES):
            drops.append(_shuffled_losses(trees, states, truth, blocks, rng.permutation(len(score))) - loss)
    table = np.stack(drops)
    loss, base = float(np.mean(losses)), float(np.mean(base_losses))
    skill = ModelSkill(
        folds=len(usable),
        train_rows=tuple(size[0] for size in sizes),
        score_rows=tuple(size[1] for size in sizes),
        score_from=tuple(size[2] for size in sizes),
        log_loss=loss,
        base_log_loss=base,
        skill=1 - loss / base if base > 0 else None,
        balanced_accuracy=float(np.mean(balanced)),
    )
    width = len(sample.names)
    groups = dict(zip(names, table[:, width:].mean(axis=0).tolist(), strict=True))
    return skill, table[:, :width], groups, None


def _shuffled_losses(
    trees: HistGradientBoostingClassifier,
    states: NDArray[np.float32],
    truth: NDArray[np.int64],
    blocks: list[NDArray[np.intp]],
    order: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return the log loss after shuffling each block of columns; many blocks share one prediction."""
    together = max(1, PREDICTED_ROWS // len(states))
    losses = []
    for start in range(0, len(blocks), together):
        part = blocks[start : start + together]
        mixed = np.repeat(states[None], len(part), axis=0)
        for copy, columns in zip(mixed, part, strict=True):
            copy[:, columns] = states[order][:, columns]
        predicted = _probabilities(trees, mixed.reshape(-1, states.shape[1]))
        losses += [_log_loss(truth, each) for each in predicted.reshape(len(part), len(states), -1)]
    return np.array(losses)


def _probabilities(trees: HistGradientBoostingClassifier, states: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probability of every action, including those that the fit never saw."""
    probabilities = np.zeros((len(states), len(ACTIONS)))
    probabilities[:, trees.classes_] = trees.predict_proba(states)
    return probabilities


def _base_rates(action: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the frequency of each action given the position, (2, 3), with one pseudo-count each."""
    counts = np.ones((2, len(ACTIONS)))
    np.add.at(counts, (held, action), 1)
    rates: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
    return rates


def _log_loss(truth: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Return the mean of -log p of the true action, in nats, with p at least 1e-6."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-6)).mean())
