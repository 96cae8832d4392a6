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
from rlpretrain.pretraining.network import load_model_file
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


def test_a_pickle_in_a_file_of_arrays_is_never_run(trap: Trap, tmp_path: Path) -> None:
    path = tmp_path / "votes.npz"
    np.savez(path, votes=np.array([trap], dtype=object))
    with pytest.raises(DataError):
        load_arrays(path)
    assert not trap.folder.exists()


def test_every_reader_refuses_pickles() -> None:
    wanted = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}
    forbidden = {"pickle.load", "pickle.loads", "joblib.load", "pd.read_pickle", "eval", "exec"}
    seen: set[str] = set()
    for path in (PROJECT / "rlpretrain").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            assert name not in forbidden, f"{path}:{node.lineno}: {name}"
            if name in wanted:
                keyword, value = wanted[name]
                given = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
                assert given.get(keyword) is value, f"{path}:{node.lineno}: {name} without {keyword}={value}"
                seen.add(name)
    assert seen == set(wanted)
