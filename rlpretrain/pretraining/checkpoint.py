"""Where training is, in a file: enough to go on as if it had never stopped."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from rlpretrain.pretraining.network import PolicyNetwork, write_tensors

__all__ = ["Progress", "read_checkpoint", "write_checkpoint"]


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


def write_checkpoint(
    path: Path,
    settings: dict[str, Any],
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
        "settings": settings,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
    }
    write_tensors(path, content)


def read_checkpoint(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Read the state of a training; None where there is none, or one with other settings."""
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return content if content["settings"] == settings else None
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, EOFError):
        # Not ours, or of another version: starting again costs time only.
        return None
