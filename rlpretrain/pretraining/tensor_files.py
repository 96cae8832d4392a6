"""Files of tensors and plain values, which are checked when they are read; nothing in them is run as code."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from rlpretrain.errors import DataError
from rlpretrain.runs.files import atomic_path

__all__ = ["check_layers", "check_tensors", "read_tensors", "write_tensors"]


def write_tensors(path: Path, content: dict[str, Any]) -> None:
    """Write tensors and plain values with `torch.save`, either completely or not at all.

    Raises
    ------
    DiskFullError
        The disk is full.
    DataError
        The disk is not writable.
    """
    # Serialised in memory first: torch's own write errors name neither the file nor the cause.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())
    except OSError as error:
        raise DataError(f"{path} can't be written: {error.strerror}") from None


def read_tensors(path: Path) -> dict[str, Any]:
    """Read what `write_tensors` wrote.

    Raises
    ------
    DataError
        The file is damaged or something else.
    """
    try:
        # What torch.save writes is not compressed, so that nothing in it is larger than the file.
        with zipfile.ZipFile(path) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("it is compressed")
        content = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, dict):
            raise TypeError(f"it contains a {type(content).__name__}")
    except Exception as error:  # a damaged file makes torch raise errors of a dozen types
        raise DataError(f"{path} is not a model file of this program: {error}") from None
    return content


def check_tensors(tensors: Mapping[Any, Any], size: int) -> None:
    """Check that these are named tensors of finite numbers, and none larger than the file that contains it.

    Parameters
    ----------
    size
        Size of the file in bytes.

    Raises
    ------
    DataError
        One of them is something else; the message names it, but not the file.
    """
    for name, tensor in tensors.items():
        shown = f"{name!r:.80}"
        plain = (
            isinstance(tensor, torch.Tensor) and tensor.layout == torch.strided and not tensor.is_quantized
        )
        if not plain or not isinstance(name, str):
            raise DataError(f"{shown} is not the name of a tensor")
        # One number can be stated to fill any shape, and a tensor of no device has a shape alone.
        if tensor.device.type != "cpu" or tensor.numel() * tensor.element_size() > size:
            raise DataError(f"the tensor {shown} is larger than the file")
        if not bool(torch.isfinite(tensor).all()):
            raise DataError(f"the tensor {shown} contains numbers that are not finite")


def check_layers(
    weights: Mapping[str, torch.Tensor], shape: Mapping[str, Any], inputs: int, *, trunk: str, head: str
) -> None:
    """Check that a network's layers have the widths that its shape states, before one of these widths is built.

    Parameters
    ----------
    shape
        Contains `hidden_dims` and `action_dim`.
    inputs
        Width of the first layer's input.
    trunk, head
        What the names of the hidden layers' tensors begin with, and those of the layer of actions.

    Raises
    ------
    DataError
        They have other widths, or none are stated.
    """
    try:
        hidden, actions = shape["hidden_dims"], shape["action_dim"]
    except KeyError as error:
        raise DataError(f"the file does not describe its network: {error}") from None
    stated = [*hidden, actions] if isinstance(hidden, Sequence) and hidden else []
    layers = [
        tensor for name, tensor in weights.items() if name.startswith(f"{trunk}.") and tensor.dim() == 2
    ]
    layers += [tensor for name, tensor in weights.items() if name == f"{head}.weight"]
    found = [tuple(layer.shape) for layer in layers]
    if not stated or found != list(zip(stated, [inputs, *stated[:-1]], strict=True)):
        raise DataError(
            f"the tensors do not fit the shape that the file states: hidden layers {hidden!r:.80} and actions "
            f"{actions!r:.80}, but the layers are {found}"
        )
