"""The device on which networks train."""

from __future__ import annotations

import torch

from rlpretrain.errors import StageError
from rlpretrain.pretraining.settings import DeviceSettings

__all__ = ["choose_device"]


def choose_device(settings: DeviceSettings) -> str:
    """Choose the device of pre-training and transfer.

    Raises
    ------
    StageError
        ``cuda`` is requested, but there is no GPU.
    """
    available = torch.cuda.is_available()
    if settings.device == "cuda" and not available:
        raise StageError("device is 'cuda', but torch finds no GPU", hint="set device to 'auto' or 'cpu'")
    return "cuda" if available and settings.device != "cpu" else "cpu"
