"""Where the training patterns are stored, and whether they can be trained on at all."""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.pretraining.batches import Batches, Preparation, ResidentBatches, StreamedBatches
from rlpretrain.pretraining.dataset import DataSet, Scaler
from rlpretrain.pretraining.distributed import Group
from rlpretrain.pretraining.trainer_settings import TrainerSettings

__all__ = ["check_data", "make_batches"]

_SHARE_OF_MEMORY = 0.5
_ROWS = 1 << 16


def check_data(train: DataSet, validation: DataSet) -> None:
    """Check that the data can be trained on.

    Raises
    ------
    DataError
        A data set is empty or contains numbers that are not finite, or the training labels contain only one action.
    """
    for name, data in (("training", train), ("validation", validation)):
        if not len(data):
            raise DataError(f"the {name} data set is empty", hint="widen its window or lower min_confidence")
        for column in ("states", "labels", "values", "weights"):
            if not _finite(getattr(data, column)):
                raise DataError(
                    f"the {name} data set has {column} that are not finite", hint="mine the patterns again"
                )
    if len(np.unique(train.labels.argmax(axis=1))) < 2:
        raise DataError(
            "the training labels contain only one action",
            hint="widen the window, or change buy_level and sell_level",
        )


def _finite(column: NDArray[np.float32]) -> bool:
    """Return whether a column is finite, read block by block because its file may be larger than memory."""
    return all(np.isfinite(column[start : start + _ROWS]).all() for start in range(0, len(column), _ROWS))


def make_batches(
    train: DataSet, scaler: Scaler, settings: TrainerSettings, group: Group, resident_bytes: int | None
) -> Batches:
    """Return batches from the device, or from the file where the patterns are larger than `resident_bytes`.

    Parameters
    ----------
    resident_bytes
        Maximum size of patterns on the device; half of its free memory when None.
    """
    preparation = Preparation(
        batch_size=settings.batch_size,
        weighting=settings.weighting,
        hard_labels=settings.labels == "hard",
        reward_scale=settings.reward_scale,
        seed=settings.seed,
        device=settings.device,
        augmentation=tuple(settings.augmentation),
        process=group.rank,
        processes=group.size,
    )
    if resident_bytes is None:
        resident_bytes = _free_bytes(settings.device)
    size = sum(column.nbytes for column in (train.states, train.labels, train.values, train.weights))
    if size > resident_bytes:
        return StreamedBatches(train, scaler, preparation)
    return ResidentBatches(train, scaler, preparation)


def _free_bytes(device: str) -> int:
    """Return how many bytes of the device's free memory patterns may fill."""
    if device == "cpu":
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    else:
        free, _ = torch.cuda.mem_get_info()
    return int(free * _SHARE_OF_MEMORY)
