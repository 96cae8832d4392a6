"""Files from elsewhere are data: a pickle in one of them is never run."""

from __future__ import annotations

import ast
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from rlpretrain.errors import DataError
from rlpretrain.patterns.array_files import load_arrays
from rlpretrain.pretraining.network import load_model_file, save_model_file
from rlpretrain.transfer import load_agent
from tests.conftest import PROJECT


class Trap:
    """Makes a folder when somebody unpickles it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    sprung = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Trap(sprung)))  # noqa: S301 - it is a trap
    assert sprung.is_dir()
    sprung.rmdir()
    return Trap(sprung)


@pytest.mark.parametrize("load", [load_model_file, load_agent])
def test_a_pickle_in_a_model_file_is_never_run(load, trap: Trap, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"kind": "rl_agent", "weights": trap}, path)
    with pytest.raises(DataError, match="not a model file"):
        load(path)
    path.write_bytes(pickle.dumps(trap))
    with pytest.raises(DataError, match="not a model file"):
        load(path)
    assert not trap.folder.exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_half_a_model_file_is_named(share: float, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    save_model_file(path, "rl_agent", {"weight": torch.zeros(50, 50)}, {})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match="is not a model file of this program"):
        load_model_file(path)


@pytest.mark.parametrize("content", [b"tuesday", b"\x80\x02", b"\x80\x02}q", bytes(range(256))])
def test_something_else_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not a model file of this program"):
        load_model_file(path)


def test_a_pickle_in_a_file_of_arrays_is_never_run(trap: Trap, tmp_path: Path) -> None:
    path = tmp_path / "votes.npz"
    np.savez(path, votes=np.array([trap], dtype=object))
    with pytest.raises(DataError):
        load_arrays(path)
    assert not trap.folder.exists()


def test_every_reader_refuses_pickles() -> None:
    wanted = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
    forbidden = {"pickle.load", "pickle.loads", "joblib.load", "pd.read_pickle", "eval", "exec"}
    # stable-baselines3's zips contain pickles; they are written for others, and never read.
    forbidden |= {"load_from_zip_file", "agent.load", "policy.load", "PPO.load", "A2C.load"}
    forbidden |= {"PpoAgent.load", "A2cAgent.load", "TradingAgent.load", "TradingPolicy.load"}
    # What a process of a replay unpickles comes from the process that started it.
    exempt = {("rlpretrain/symphony/processes.py", "pickle.loads")}
    seen: set[str] = set()
    for path in (PROJECT / "rlpretrain").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            if (path.relative_to(PROJECT).as_posix(), name) not in exempt:
                assert name not in forbidden, f"{path}:{node.lineno}: {name}"
            if name in wanted:
                keyword, value = wanted[name]
                given = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
                assert given.get(keyword) is value, f"{path}:{node.lineno}: {name} without {keyword}={value}"
                seen.add(name)
    assert seen == set(wanted)
