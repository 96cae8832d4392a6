"""Training and validation data sets: split by date, purged, weighted and counted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.features import STATE_VERSION
from rlpretrain.market.windows import Windows
from rlpretrain.patterns import ACTIONS, PatternSet
from rlpretrain.pretraining.dataset_files import DataSet, read_dataset, write_dataset
from rlpretrain.pretraining.weights import effective_sample_size, pattern_weights, reward_scale, value_scale

__all__ = ["DataSet", "Scaler", "build_datasets", "content_hash", "read_dataset", "write_dataset"]

_SCALER_ROWS = 1 << 16


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each state number over the training patterns, (64,) each."""

    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    @classmethod
    def fit(cls, states: NDArray[np.float32]) -> Scaler:
        """Compute the mean and deviation of training states; a constant number keeps its unit.

        The rows are read one block at a time, so that they may come from a file larger than memory. Blocks are combined
        by the update of Chan, Golub and LeVeque (1979).
        """
        count, mean, square = 0, np.zeros(states.shape[1]), np.zeros(states.shape[1])
        for start in range(0, len(states), _SCALER_ROWS):
            block = np.asarray(states[start : start + _SCALER_ROWS], dtype=np.float64)
            total = count + len(block)
            shift = block.mean(axis=0) - mean
            square += np.square(block - block.mean(axis=0)).sum(axis=0)
            square += shift**2 * (count * len(block) / total)
            mean += shift * (len(block) / total)
            count = total
        std = np.sqrt(square / max(count, 1))
        return cls(mean=mean.astype(np.float32), std=np.where(std > 1e-6, std, 1.0).astype(np.float32))

    def blind_to(self, numbers: slice) -> Scaler:
        """Return a scaler that sets some numbers to zero by dividing them by infinity: they carry no information."""
        std = self.std.copy()
        std[numbers] = np.inf
        return Scaler(mean=self.mean, std=std)


def build_datasets(
    patterns: PatternSet, windows: Windows, *, min_confidence: float, expected_values: bool = False
) -> tuple[DataSet, DataSet, dict[str, Any]]:
    """Split patterns by date and purge those that are not settled when the next window begins.

    Parameters
    ----------
    patterns
        Patterns of any date; those of the test window are dropped unread.
    min_confidence
        Patterns below it are used neither for training nor for validation.
    expected_values
        Whether values are what a teacher expects, and not what followed. Confidence, rewards and standing are then in
        the labels already: all patterns count, and all alike.

    Returns
    -------
    train, validation, card
        The card contains counts, dates, class shares, content hashes and the scales of rewards and values.

    Raises
    ------
    DataError
        A part is empty, or the training patterns contain only one action.
    """
    confident = (patterns.confidence >= min_confidence) | expected_values
    early = patterns.date < windows.validation_start
    middle = (patterns.date >= windows.validation_start) & (patterns.date < windows.test_start)
    in_train = confident & early & (patterns.settled < windows.validation_start)
    in_validation = confident & middle & (patterns.settled < windows.test_start)
    counts = {
        "train": int(in_train.sum()),
        "validation": int(in_validation.sum()),
        "purged": int((confident & (early | middle) & ~in_train & ~in_validation).sum()),
        "below_min_confidence": int(((early | middle) & ~confident).sum()),
        "test_untouched": int((patterns.date >= windows.test_start).sum()),
    }
    for name, mask in (("training", in_train), ("validation", in_validation)):
        if not mask.any():
            raise DataError(
                f"no pattern is left for the {name} window: {counts}",
                hint="lower min_confidence, widen the window or take more strategies",
            )
    train, validation = patterns.take(in_train), patterns.take(in_validation)
    if len(np.unique(train.action)) < 2:
        raise DataError(
            "the training patterns contain only one action",
            hint="widen the window, or change buy_level and sell_level",
        )
    scale = reward_scale(train)
    parts = {
        name: _dataset(part, np.ones(len(part)) if expected_values else pattern_weights(part, scale))
        for name, part in (("train", train), ("validation", validation))
    }
    card: dict[str, Any] = {
        "state_version": STATE_VERSION,
        "windows": windows.as_json(),
        "counts": counts,
        "reward_scale": scale,
        # What followed a decision is a reward's size; what a teacher expects is far smaller, in another unit.
        "value_scale": value_scale(train) if expected_values else scale,
        "value_unit": "daily deviations" if expected_values else "fraction",
        "effective_sample_size": round(effective_sample_size(parts["train"].weights.astype(np.float64)), 1),
        "distinct_dates": {name: len(np.unique(part.dates)) for name, part in parts.items()},
        "dates": {name: [str(part.dates.min()), str(part.dates.max())] for name, part in parts.items()},
        "actions": {
            name: dict(zip(ACTIONS, np.bincount(part.action, minlength=3).tolist(), strict=True))
            for name, part in (("train", train), ("validation", validation))
        },
        "mean_label": {
            name: [round(float(x), 6) for x in part.labels.mean(axis=0, dtype=np.float64)]
            for name, part in parts.items()
        },
        "content_sha256": {name: content_hash(part) for name, part in parts.items()},
    }
    return parts["train"], parts["validation"], card


def _dataset(patterns: PatternSet, weights: NDArray[np.float64]) -> DataSet:
    return DataSet(
        states=patterns.state,
        labels=patterns.label,
        values=patterns.value,
        weights=weights.astype(np.float32),
        regimes=patterns.regime,
        assets=patterns.asset,
        dates=patterns.date.astype("datetime64[D]"),
        settled=patterns.settled.astype("datetime64[D]"),
    )


def content_hash(data: DataSet) -> str:
    """Return a hash of the rows, whatever format they are stored in."""
    digest = hashlib.sha256()
    for field in fields(data):
        column = getattr(data, field.name)
        if column.dtype.kind == "U":
            digest.update("\n".join(column.tolist()).encode())
        else:
            # A view, not a copy: the states take most of the memory.
            digest.update(np.ascontiguousarray(column).view(np.uint8).data)
    return digest.hexdigest()
