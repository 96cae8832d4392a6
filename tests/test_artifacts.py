"""Files appear whole or not at all, equal values give equal bytes, and names of folders are safe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlpretrain.artifacts import RunFolder, atomic_path, write_json
from rlpretrain.errors import StageError


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


@pytest.mark.parametrize(
    ("run_id", "name"),
    [
        ("manual__2024-01-01T00:00:00+00:00", "manual__2024-01-01T00_00_00_00_00"),
        ("../../etc", "etc"),
        ("a b", "a_b"),
    ],
)
def test_names_of_folders_are_safe(run_id: str, name: str) -> None:
    assert RunFolder.safe_name(run_id) == name


def test_a_name_without_a_usable_character_is_refused() -> None:
    with pytest.raises(StageError, match="usable"):
        RunFolder.safe_name("../..")
