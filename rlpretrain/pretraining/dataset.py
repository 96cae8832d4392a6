"""Training and validation data sets: split by date, purged, written as Parquet with a card."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rlpretrain.artifacts import atomic_path
from rlpretrain.errors import DataError
from rlpretrain.features import STATE_NAMES, STATE_VERSION
from rlpretrain.market.windows import Windows
from rlpretrain.patterns import PatternSet
from rlpretrain.pretraining.weights import effective_sample_size, pattern_weights, reward_scale

__all__ = ["DataSet", "Scaler", "build_datasets", "read_dataset", "write_dataset"]

_VERSION_KEY = b"rlpretrain.state_version"


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each state number over the training patterns, (64,) each."""

    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    @classmethod
    def fit(cls, states: NDArray[np.float32]) -> Scaler:
        """Measure training states; a constant number keeps the unit it has."""
        std = states.std(axis=0, dtype=np.float64)
        return cls(
            mean=states.mean(axis=0, dtype=np.float64).astype(np.float32),
            std=np.where(std > 1e-6, std, 1.0).astype(np.float32),
        )


@dataclass(frozen=True)
class DataSet:
    """What the trainer reads; N rows."""

    states: NDArray[np.float32]
    labels: NDArray[np.float32]
    values: NDArray[np.float32]
    weights: NDArray[np.float32]
    regimes: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.states)

    def take(self, rows: NDArray[np.bool_]) -> DataSet:
        """Give the rows that a mask selects."""
        return DataSet(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def build_datasets(
    patterns: PatternSet, windows: Windows, *, min_confidence: float
) -> tuple[DataSet, DataSet, dict[str, Any]]:
    """Split patterns by date and purge those that are not settled when the next window begins.

    Parameters
    ----------
    patterns
        Patterns of any date; those of the test window are dropped unread.
    min_confidence
        Patterns below it are not learned from, nor validated on.

    Returns
    -------
    train, validation, card
        The card holds counts, dates and the scale of rewards.

    Raises
    ------
    DataError
        A part is empty, or the training labels hold one action only.
    """
    confident = patterns.confidence >= min_confidence
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
            "the training patterns hold one action only", hint="widen the window or move the levels"
        )
    scale = reward_scale(train)
    weights = pattern_weights(train, scale)
    card: dict[str, Any] = {
        "state_version": STATE_VERSION,
        "windows": windows.as_json(),
        "counts": counts,
        "reward_scale": scale,
        "effective_sample_size": round(effective_sample_size(weights), 1),
        "distinct_dates": {
            "train": len(np.unique(train.date)),
            "validation": len(np.unique(validation.date)),
        },
        "mean_label": {
            "train": [round(float(x), 6) for x in train.label.mean(axis=0, dtype=np.float64)],
            "validation": [round(float(x), 6) for x in validation.label.mean(axis=0, dtype=np.float64)],
        },
    }
    return _dataset(train, weights), _dataset(validation, pattern_weights(validation, scale)), card


def _dataset(patterns: PatternSet, weights: NDArray[np.float64]) -> DataSet:
    return DataSet(
        states=patterns.state,
        labels=patterns.label,
        values=patterns.value,
        weights=weights.astype(np.float32),
        regimes=patterns.regime,
    )


def write_dataset(path: Path, data: DataSet) -> None:
    """Write one part as Parquet: a column for each state number and label, then value, weight and regime."""
    columns: dict[str, Any] = {name: data.states[:, i] for i, name in enumerate(STATE_NAMES)}
    columns |= {f"label_{name}": data.labels[:, i] for i, name in enumerate(("hold", "buy", "sell"))}
    columns |= {"value": data.values, "weight": data.weights, "regime": pd.array(data.regimes.astype(str))}  # noqa: PD011
    table = pa.table(columns).replace_schema_metadata({_VERSION_KEY: STATE_VERSION.encode()})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_dataset(path: Path) -> DataSet:
    """Read what `write_dataset` wrote.

    Raises
    ------
    DataError
        The file holds another version of the state vector, or lacks columns.
    """
    table = pq.read_table(path)
    version = (table.schema.metadata or {}).get(_VERSION_KEY, b"?").decode()
    if version != STATE_VERSION:
        raise DataError(
            f"{path} holds state vectors of version {version}, this program reads {STATE_VERSION}",
            hint="mine the patterns again",
        )
    frame = table.to_pandas()
    labels = ["label_hold", "label_buy", "label_sell"]
    # Copies, because pandas gives views that may not be written to, which tensors can't be.
    return DataSet(
        states=np.array(frame[list(STATE_NAMES)], dtype=np.float32),
        labels=np.array(frame[labels], dtype=np.float32),
        values=np.array(frame["value"], dtype=np.float32),
        weights=np.array(frame["weight"], dtype=np.float32),
        regimes=np.array(frame["regime"], dtype=np.str_),
    )
