"""Checkpoint files: a training resumed from one ends like a training that never stopped."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from rlpretrain.pretraining.dataset import DataSet, Scaler, content_hash
from rlpretrain.pretraining.network import PolicyNetwork, write_tensors
from rlpretrain.pretraining.trainer_settings import TrainerSettings

__all__ = ["Progress", "read_checkpoint", "training_identity", "write_checkpoint"]


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
    DataError
        The disk is full or is not writable; an older checkpoint then stays unchanged.
    """
    content = {
        "identity": identity,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
    }
    write_tensors(path, content)


def read_checkpoint(path: Path, identity: str) -> dict[str, Any] | None:
    """Read the state of a training; None where there is none, or one with other settings or data."""
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return content if content["identity"] == identity else None
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, EOFError):
        # Another program's file, or another version's: starting again only costs time.
        return None
