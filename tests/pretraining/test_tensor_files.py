"""Files of networks and agents whose content is no network are named, and nothing large is built for them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlpretrain.errors import DataError
from rlpretrain.features import STATE_DIM
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file, save_model_file
from rlpretrain.transfer import load_agent, save_agent
from rlpretrain.transfer.policy import blank_policy

SCALER = Scaler(mean=np.zeros(STATE_DIM, np.float32), std=np.ones(STATE_DIM, np.float32))


def write_network(path: Path) -> None:
    network = PolicyNetwork(SCALER, [4, 5])
    save_model_file(path, "policy_network", network.state_dict(), network.shape)


def write_agent(path: Path) -> None:
    save_agent(path, blank_policy(SCALER, [4, 5], 3), {})


KINDS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "network": (write_network, lambda path: load_model_file(path).network()),
    "agent": (write_agent, load_agent),
}


def stated(content: dict[str, Any], **changes: Any) -> None:
    content["metadata"] = json.dumps({**json.loads(content["metadata"]), **changes})


def fill(content: dict[str, Any], part: str, number: float) -> None:
    next(tensor for name, tensor in content["weights"].items() if part in name).fill_(number)


DAMAGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no actions": lambda content: stated(content, action_dim=-1),
    "a terabyte of actions": lambda content: stated(content, action_dim=10**12),
    "actions that are no number": lambda content: stated(content, action_dim="3"),
    "no layers": lambda content: stated(content, hidden_dims=[]),
    "layers that are no list": lambda content: stated(content, hidden_dims=4),
    "wide layers": lambda content: stated(content, hidden_dims=[4, 10**9]),
    "half a layer": lambda content: stated(content, hidden_dims=[4, 5.5]),
    "more layers": lambda content: stated(content, hidden_dims=[4, 5, 5]),
    "no such activation": lambda content: stated(content, activation=["relu"]),
    "metadata that is a list": lambda content: content.update(metadata="[1]"),
    "metadata that is deep": lambda content: content.update(metadata="[" * 10**5),
    "a weight that is no number": lambda content: fill(content, "0.weight", float("nan")),
    "a weight without end": lambda content: fill(content, "0.bias", float("inf")),
    "a deviation of zero": lambda content: fill(content, "scale.std", 0.0),
    "a tensor without a name": lambda content: content["weights"].update({5: torch.zeros(1)}),
    "a name without a tensor": lambda content: content["weights"].update(x="text"),
    "another tensor": lambda content: content["weights"].update(x=torch.zeros(1)),
    "one number as many": lambda content: content["weights"].update(x=torch.zeros(1).expand(10**9)),
    "a tensor of no device": lambda content: content["weights"].update(x=torch.zeros(1, device="meta")),
    "a sparse tensor": lambda content: content["weights"].update(x=torch.eye(3).to_sparse()),
    "a state of another width": lambda content: content["weights"].update({
        name: tensor[:-1] for name, tensor in content["weights"].items() if "scale." in name
    }),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(damage: str, kind: str, tmp_path: Path) -> None:
    write, read = KINDS[kind]
    path = tmp_path / "model.pt"
    write(path)
    read(path)
    content = torch.load(path, weights_only=True)
    DAMAGES[damage](content)
    torch.save(content, path)
    with pytest.raises(DataError):
        read(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_file_that_unpacks_to_a_large_one_is_named(kind: str, tmp_path: Path) -> None:
    write, read = KINDS[kind]
    path, buffer = tmp_path / "model.pt", io.BytesIO()
    write(path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in whole.namelist():
            packed.writestr(entry, whole.read(entry))
    path.write_bytes(buffer.getvalue())
    with pytest.raises(DataError, match="it is compressed"):
        read(path)
