"""The policy network, and the file that stores it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlpretrain.errors import DataError
from rlpretrain.features import STATE_DIM, STATE_VERSION
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.settings import Activation
from rlpretrain.pretraining.tensor_files import check_layers, check_tensors, read_tensors, write_tensors

__all__ = [
    "ModelFile",
    "PolicyNetwork",
    "StateScaler",
    "Trunk",
    "load_model_file",
    "save_model_file",
]

_SCALED_LIMIT = 5.0
_ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    "relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh,
}  # fmt: skip


class StateScaler(nn.Module):
    """Standardises states by the training patterns' mean and deviation, clipped at five deviations."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, scaler: Scaler) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(scaler.mean))
        self.register_buffer("std", torch.as_tensor(scaler.std))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Scale states (n, 64)."""
        return ((states - self.mean) / self.std).clamp(-_SCALED_LIMIT, _SCALED_LIMIT)


class _NormalisedLinear(nn.Sequential):
    """A linear layer and the normalisation of its output, so that both freeze and learn as one layer."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(nn.Linear(before, after), nn.LayerNorm(after))


class Trunk(nn.Sequential):
    """Hidden layers; layer k, its normalisation included, is named ``trunk.{2k}`` in `freeze_layers`.

    Parameters
    ----------
    state_dim, hidden_dims
        Widths of the state and of the hidden layers.
    activation
        Activation between layers.
    layer_norm
        Whether each layer's sums are normalised before the activation (Ba, Kiros and Hinton 2016).
    """

    def __init__(
        self,
        state_dim: int,
        hidden_dims: Sequence[int],
        activation: Activation = "relu",
        layer_norm: bool = False,
    ) -> None:
        layers: list[nn.Module] = []
        linear = _NormalisedLinear if layer_norm else nn.Linear
        for before, after in zip([state_dim, *hidden_dims], hidden_dims, strict=False):
            layers += [linear(before, after), _ACTIVATIONS[activation]()]
        super().__init__(*layers)
        self.width = hidden_dims[-1]


class PolicyNetwork(nn.Module):
    """State (n, 64) to action logits (n, 3) and value (n,).

    The value is the net return of following the policy until settlement, in units of the training rewards' scale.
    """

    def __init__(
        self,
        scaler: Scaler,
        hidden_dims: Sequence[int],
        action_dim: int = 3,
        *,
        activation: Activation = "relu",
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        self.hidden_dims, self.action_dim = list(hidden_dims), action_dim
        self.activation, self.layer_norm = activation, layer_norm
        self.scale = StateScaler(scaler)
        self.trunk = Trunk(len(scaler.mean), hidden_dims, activation, layer_norm)
        self.policy_head = nn.Linear(self.trunk.width, action_dim)
        self.value_head = nn.Linear(self.trunk.width, 1)

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (n, 3) and values (n,)."""
        hidden = self.trunk(self.scale(states))
        return self.policy_head(hidden), self.value_head(hidden).squeeze(-1)

    def act(self, states: NDArray[np.float32]) -> NDArray[np.integer]:
        """Return the most likely action of each state: numpy in, numpy out."""
        device = self.policy_head.weight.device
        with torch.no_grad():
            logits, _ = self(torch.as_tensor(states, device=device))
        return np.asarray(logits.argmax(dim=1).cpu().numpy())

    @property
    def shape(self) -> dict[str, Any]:
        """Metadata from which a model file's network can be rebuilt, as JSON values."""
        return {
            "hidden_dims": self.hidden_dims,
            "action_dim": self.action_dim,
            "activation": self.activation,
            "layer_norm": self.layer_norm,
        }

    @property
    def scaler(self) -> Scaler:
        """The scaler as arrays."""
        return Scaler(mean=self.scale.mean.cpu().numpy(), std=self.scale.std.cpu().numpy())


@dataclass(frozen=True)
class ModelFile:
    """Tensors with their kind and metadata."""

    kind: str
    weights: dict[str, torch.Tensor]
    metadata: dict[str, Any]

    def network(self) -> PolicyNetwork:
        """Rebuild the policy network.

        Raises
        ------
        DataError
            The file contains something else, or its tensors do not fit the shape that it states.
        """
        if self.kind != "policy_network":
            raise DataError(f"the file contains a {self.kind}, not a policy network")
        scaler = self.scaler("scale")
        shape = {"activation": "relu", "layer_norm": False, **self.metadata}
        check_layers(self.weights, shape, STATE_DIM, trunk="trunk", head="policy_head")
        try:
            network = PolicyNetwork(
                scaler,
                shape["hidden_dims"],
                shape["action_dim"],
                activation=shape["activation"],
                layer_norm=shape["layer_norm"],
            )
        except (KeyError, TypeError) as error:
            raise DataError(f"the file does not describe its network: {error}") from None
        try:
            network.load_state_dict(self.weights)
        except RuntimeError as error:
            raise DataError(f"the tensors do not fit the shape {network.shape}: {error}") from None
        return network

    def scaler(self, prefix: str) -> Scaler:
        """Return the scaler of states, whose tensors have names that begin with a prefix.

        Raises
        ------
        DataError
            There is none, it scales other states, or a deviation is not positive.
        """
        try:
            mean, std = (self.weights[f"{prefix}.{name}"] for name in ("mean", "std"))
        except KeyError as error:
            raise DataError(f"the file does not describe its network: {error}") from None
        for tensor in (mean, std):
            if tensor.shape != (STATE_DIM,):
                raise DataError(
                    f"the network reads {tensor.numel()} numbers, but state vectors have {STATE_DIM}"
                )
        if not bool((std > 0).all()):
            raise DataError(f"{prefix}.std contains deviations that are not positive")
        return Scaler(mean=mean.float().numpy(), std=std.float().numpy())


def save_model_file(
    path: Path, kind: str, weights: dict[str, torch.Tensor], metadata: dict[str, Any]
) -> None:
    """Write tensors and JSON metadata; equal content gives equal bytes.

    Raises
    ------
    DiskFullError
        The disk is full; no partial file is left.
    DataError
        The disk is not writable.
    """
    content = {
        "kind": kind,
        "state_version": STATE_VERSION,
        "metadata": json.dumps(metadata, sort_keys=True),
        "weights": {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()},
    }
    write_tensors(path, content)


def load_model_file(path: Path | str) -> ModelFile:
    """Read a model file; only tensors and text are read, never code.

    Raises
    ------
    DataError
        The file is missing, is not a model file, contains a number that is not finite, or has another version of the
        state vector.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such model file")
    content = read_tensors(path)
    try:
        kind, version = str(content["kind"]), content["state_version"]
        weights, metadata = dict(content["weights"]), dict(json.loads(content["metadata"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a model file of this program: {error}") from None
    if version != STATE_VERSION:
        raise DataError(
            f"{path} was trained on state vectors of version {version}; this program uses version {STATE_VERSION}",
            hint="train again",
        )
    try:
        check_tensors(weights, path.stat().st_size)
    except DataError as error:
        raise DataError(f"{path} is damaged: {error}") from None
    return ModelFile(kind=kind, weights=weights, metadata=metadata)
