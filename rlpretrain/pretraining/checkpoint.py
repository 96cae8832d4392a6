"""Where training is, in a file: enough to go on as if it had never stopped."""

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
    """How far a training is. Batches need no random state: they follow from the seed and the epoch."""

    best: dict[str, torch.Tensor]
    """Weights of the best epoch so far."""
    sums: torch.Tensor
    """(2,) losses and gradient norms of the current epoch's updates so far."""
    epoch: int = 1
    """The one in progress."""
    batch: int = 0
    """Updates that it has made."""
    best_loss: float = math.inf
    best_epoch: int = 0
    history: dict[str, list[Any]] = field(default_factory=dict)


def training_identity(settings: TrainerSettings, scaler: Scaler, train: DataSet, validation: DataSet) -> str:
    """Say which training a checkpoint belongs to, as a digest of its settings and data.

    Where a run's windows moved after it was killed, what it had learned may lie in days that now validate.
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
        The disk is full or may not be written to; an older checkpoint is then as it was.
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
        # Not ours, or of another version: starting again costs time only.
        return None
