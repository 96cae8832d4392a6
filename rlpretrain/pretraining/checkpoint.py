"""Checkpoint files: a training resumed from one ends like a training that never stopped."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from rlpretrain.errors import DataError
from rlpretrain.pretraining.dataset import DataSet, Scaler, content_hash
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.pretraining.tensor_files import read_tensors, write_tensors
from rlpretrain.pretraining.trainer_settings import TrainerSettings

__all__ = [
    "Progress",
    "load_optimizer",
    "read_checkpoint",
    "restore",
    "training_identity",
    "write_checkpoint",
]

logger = logging.getLogger("rlpretrain")


@dataclass
class Progress:
    """Progress of a training. Batches need no random state: they follow from the seed and the epoch."""

    best: dict[str, torch.Tensor]
    """Weights of the best epoch completed."""
    sums: torch.Tensor
    """(2,) sums of the losses and of the gradient norms of the current epoch's updates."""
    epoch: int = 1
    """Epoch in progress."""
    batch: int = 0
    """Updates completed in this epoch."""
    best_loss: float = math.inf
    best_epoch: int = 0
    history: dict[str, list[Any]] = field(default_factory=dict)


def training_identity(settings: TrainerSettings, scaler: Scaler, train: DataSet, validation: DataSet) -> str:
    """Return the identity of a training, a digest of its settings and data, which its checkpoint must match.

    If a run's windows moved after it was killed, its checkpoint may have learned from days that are now for validation.
    """
    digest = hashlib.sha256(json.dumps(settings.as_json(), sort_keys=True).encode())
    digest.update(scaler.mean.tobytes() + scaler.std.tobytes())
    digest.update((content_hash(train) + content_hash(validation)).encode())
    return digest.hexdigest()


def write_checkpoint(
    path: Path,
    identity: str,
    network: PolicyNetwork,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write the state of a training.

    Raises
    ------
    DiskFullError
        The disk is full; an older checkpoint stays unchanged.
    DataError
        The disk is not writable.
    """
    content = {
        "identity": identity,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
    }
    write_tensors(path, content)


def read_checkpoint(
    path: Path, identity: str, warn: Callable[[str], None] = logger.warning
) -> dict[str, Any] | None:
    """Read the state of a training; None where there is none.

    Parameters
    ----------
    warn
        Called with the reason why a file is not read: it is damaged, or the training had other settings or data.
    """
    if not path.is_file():
        return None
    try:
        content = read_tensors(path)
    except DataError as error:
        warn(f"training starts again: {error}")
        return None
    if content.get("identity") != identity:
        warn(f"training starts again: {path} is a checkpoint of other settings or data")
        return None
    return content


def restore(
    saved: dict[str, Any], network: PolicyNetwork, optimizer: torch.optim.Optimizer, last_epoch: int
) -> Progress:
    """Restore the state of a checkpoint in a new network and optimiser; return the progress.

    Parameters
    ----------
    last_epoch
        Number of epochs of the whole training.

    Raises
    ------
    DataError
        Something is missing, has another shape or is not finite. Network and optimiser may have changed.
    """
    try:
        network.load_state_dict(saved["network"])
        load_optimizer(optimizer, saved["optimizer"])
        progress = Progress(**saved["progress"])
        _check_progress(progress, network, last_epoch)
        states = [*saved["network"].values(), *progress.best.values(), progress.sums]
        if not all(bool(torch.isfinite(tensor).all()) for tensor in states):
            raise ValueError("it contains numbers that are not finite")
    except Exception as error:  # as with a damaged file, errors of a dozen types
        raise DataError(f"the checkpoint is damaged: {error}") from None
    return progress


def load_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Load the state of an Adam or AdamW of the same settings, whose step size alone may differ.

    Raises
    ------
    ValueError
        The settings differ, or the moments have other shapes or are not finite. Moments may have changed.
    """
    if _without_rates(saved["param_groups"]) != _without_rates(optimizer.param_groups):
        raise ValueError("the optimiser has other settings")
    optimizer.load_state_dict(saved)
    for parameter, state in optimizer.state.items():
        if not all(state[name].shape == parameter.shape for name in ("exp_avg", "exp_avg_sq")):
            raise ValueError("the optimiser's state has other shapes")
        if not all(bool(torch.isfinite(number).all()) for number in state.values()):
            raise ValueError("the optimiser's state is not finite")


def _without_rates(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in group.items() if name not in ("lr", "params")} for group in groups
    ]


def _check_progress(progress: Progress, network: PolicyNetwork, last_epoch: int) -> None:
    expected = {name: tensor.shape for name, tensor in network.state_dict().items()}
    if {name: tensor.shape for name, tensor in progress.best.items()} != expected:
        raise ValueError("the best weights have other shapes")
    done = progress.epoch - 1
    if not (0 <= done <= last_epoch and progress.batch >= 0 and 0 <= progress.best_epoch <= done):
        raise ValueError("its progress is that of no training")
    if any(len(series) != done for series in progress.history.values()):
        raise ValueError("its history does not have an entry for each epoch")
    numbers = [number for series in progress.history.values() for number in series]
    if progress.sums.shape != (2,) or not all(math.isfinite(number) for number in numbers):
        raise ValueError("its figures are not finite")
