"""Files appear whole or not at all, and equal values give equal bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlpretrain.runs.files import atomic_path, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "file.txt"
    with atomic_path(file) as temporary:
        temporary.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old"
    assert list(file.parent.iterdir()) == [file]


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"b": 1, "a": [0.1, "é"]})
    write_json(tmp_path / "b", {"a": [0.1, "é"], "b": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a", float("nan"))
    assert json.loads((tmp_path / "a").read_text()) == {"a": [0.1, "é"], "b": 1}
