"""Model files and checkpoints with bytes or values changed: read, or named."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.features import STATE_DIM
from rlpretrain.pretraining.checkpoint import read_checkpoint
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file, save_model_file
from rlpretrain.transfer import load_agent, save_agent
from rlpretrain.transfer.policy import blank_policy

SCALER = Scaler(mean=np.zeros(STATE_DIM, np.float32), std=np.ones(STATE_DIM, np.float32))
READERS: dict[str, Callable[[Path], Any]] = {
    "network": lambda path: load_model_file(path).network(),
    "agent": lambda path: load_agent(path)[0],
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
STATED = ("hidden_dims", "action_dim", "activation", "layer_norm", "residual", "critic")


@cache
def whole(kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        if kind == "network":
            network = PolicyNetwork(SCALER, [4])
            save_model_file(path, "policy_network", network.state_dict(), network.shape)
        else:
            save_agent(path, blank_policy(SCALER, [4], 3), {})
        return path.read_bytes()


def read(kind: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        path.write_bytes(content)
        reasons: list[str] = []
        assert read_checkpoint(path, "identity", reasons.append) is None and len(reasons) == 1
        try:
            actions = READERS[kind](path).act(np.zeros((1, STATE_DIM), np.float32))
        except DataError:
            return
        assert actions.shape == (1,)


@given(
    st.sampled_from(sorted(READERS)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=8)), min_size=1, max_size=3),
)
def test_bytes(kind: str, changes: list[tuple[float, int, bytes]]) -> None:
    content = whole(kind)
    for share, gone, come in changes:
        start = int(share * len(content))
        content = content[:start] + come + content[start + gone :]
    read(kind, content)


@given(
    st.sampled_from(sorted(READERS)), st.dictionaries(st.sampled_from(STATED), VALUES, min_size=1, max_size=3)
)
def test_what_it_states(kind: str, changes: dict[str, Any]) -> None:
    content = torch.load(io.BytesIO(whole(kind)), weights_only=True)
    content["metadata"] = json.dumps({**json.loads(content["metadata"]), **changes})
    buffer = io.BytesIO()
    torch.save(content, buffer)
    read(kind, buffer.getvalue())
