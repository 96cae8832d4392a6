"""Where a training's patterns lie, and whether they can be trained on at all."""

from __future__ import annotations

import os

import numpy as np
import torch

from rlpretrain.errors import DataError
from rlpretrain.pretraining.batches import Batches, Preparation, ResidentBatches, StreamedBatches
from rlpretrain.pretraining.dataset import DataSet, Scaler
from rlpretrain.pretraining.distributed import Group
from rlpretrain.pretraining.trainer_settings import TrainerSettings

__all__ = ["check_data", "make_batches"]

_SHARE_OF_MEMORY = 0.5


def check_data(train: DataSet, validation: DataSet) -> None:
    """Refuse data that training could only fail on.

    Raises
    ------
    DataError
        A data set is empty or holds numbers that are not finite, or the training labels hold one action only.
    """
    for name, data in (("training", train), ("validation", validation)):
        if not len(data):
            raise DataError(f"the {name} data set is empty", hint="widen its window or lower min_confidence")
        for column in ("labels", "values", "weights"):
            if not np.isfinite(getattr(data, column)).all():
                raise DataError(
                    f"the {name} data set has {column} that are not finite", hint="mine the patterns again"
                )
    if len(np.unique(train.labels.argmax(axis=1))) < 2:
        raise DataError(
            "the training labels hold one action only", hint="widen the window or move the levels"
        )


def make_batches(
    train: DataSet, scaler: Scaler, settings: TrainerSettings, group: Group, resident_bytes: int | None
) -> Batches:
    """Choose where training patterns lie: on the device, or, where they are more than `resident_bytes`, in their file.

    Parameters
    ----------
    resident_bytes
        Half of the device's free memory when None.
    """
    preparation = Preparation(
        batch_size=settings.batch_size,
        weighting=settings.weighting,
        hard_labels=settings.labels == "hard",
        reward_scale=settings.reward_scale,
        seed=settings.seed,
        device=settings.device,
        augmentation=settings.augmentation,
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
    """Give the share of the device's free memory that patterns may fill."""
    if device == "cpu":
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    else:
        free, _ = torch.cuda.mem_get_info()
    return int(free * _SHARE_OF_MEMORY)
