"""Nothing in the folder of all runs is taken for a run, and no run for another or for what runs share."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import StageError
from rlpretrain.runs.output_folder import (
    MARK,
    SHARED,
    MarkedRun,
    find_run,
    find_runs,
    mark_of,
    read_mark,
    run_folder_name,
)
from rlpretrain.runs.run_folder import RunFolder
from tests.conftest import PROJECT

run_ids = st.text(min_size=1, max_size=60) | st.sampled_from([*SHARED, *map(str.upper, SHARED), "n:1", "n+1"])


@given(ids=st.sets(run_ids, max_size=8))
def test_every_run_has_a_folder_and_is_found_by_its_id(
    ids: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("runs")
    for name in SHARED:
        (root / name).mkdir()
    for run_id in ids:
        assert RunFolder.of(root, run_id).run_id not in SHARED
    assert {run.run_id for run in find_runs(root)} == ids
    for run_id in ids:
        assert find_run(root, run_id) == MarkedRun(run_id, root / run_folder_name(run_id))
    assert all(list((root / name).iterdir()) == [] for name in SHARED)


@pytest.mark.parametrize("name", sorted(SHARED))
@pytest.mark.parametrize("written", [str.lower, str.upper, str.capitalize])
def test_a_run_with_the_name_of_what_runs_share_has_its_own_folder(
    tmp_path: Path, name: str, written
) -> None:
    folder = RunFolder.of(tmp_path, written(name)).path
    assert folder.name.lower().startswith(f"{name}-")
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_runs_whose_ids_differ_by_a_sign_stand_beside_each_other(tmp_path: Path) -> None:
    first, second = RunFolder.of(tmp_path, "n:1"), RunFolder.of(tmp_path, "n+1")
    (first / "report.html").write_text("first")
    (second / "report.html").write_text("second")
    assert (first / "report.html").read_text() == "first"
    lookalike = RunFolder.of(tmp_path, first.run_id)
    assert lookalike.path not in (first.path, second.path)
    assert find_run(tmp_path, first.run_id).path == lookalike.path, "an id goes before the name of a folder"
    shutil.rmtree(lookalike.path)
    assert find_run(tmp_path, first.run_id) == MarkedRun("n:1", first.path)


def test_the_mark_names_run_and_folder_and_comes_first(tmp_path: Path) -> None:
    folder = RunFolder.of(tmp_path, "n:1").path
    assert [path.name for path in folder.iterdir()] == [MARK]
    assert json.loads((folder / MARK).read_text()) == {"format": 1, "run_id": "n:1", "folder": folder.name}
    written = (folder / MARK).stat()
    assert RunFolder.of(tmp_path, "n:1").path == folder
    assert (folder / MARK).stat() == written, "a run that goes on keeps its mark"


def test_making_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    (folder / f".{MARK}.x1.json").touch()
    assert read_mark(folder) is None
    assert read_mark(RunFolder.of(tmp_path, "night").path) == "night"


def test_a_strangers_folder_is_not_made_a_runs(tmp_path: Path) -> None:
    notes = tmp_path / "night" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    with pytest.raises(StageError, match="is not the folder of run 'night'"):
        RunFolder.of(tmp_path, "night")
    assert list(notes.parent.iterdir()) == [notes]


def test_a_folder_of_another_run_is_not_taken(tmp_path: Path) -> None:
    """Were two ids to share a name after all, or a disk not to tell cases apart."""
    folder = RunFolder.of(tmp_path, "night").path
    (folder / MARK).write_text(json.dumps({**mark_of("night"), "run_id": "NIGHT"}))
    with pytest.raises(StageError, match="is not the folder of run 'night'"):
        RunFolder.of(tmp_path, "night")


@pytest.mark.parametrize(
    "mark",
    ["", "{", "[]", "null", "{}", '{"run_id": 3}']
    + [json.dumps({**mark_of("night"), **wrong}) for wrong in ({"format": 2}, {"folder": "registry"})]
    + [json.dumps({**mark_of("night"), "run_id": run_id}) for run_id in ("other", ["night"], None)],
)
def test_a_mark_that_does_not_fit_marks_nothing(tmp_path: Path, mark: str) -> None:
    folder = RunFolder.of(tmp_path, "night").path
    assert read_mark(folder) == "night"
    (folder / MARK).write_text(mark)
    assert read_mark(folder) is None and find_runs(tmp_path) == []


@pytest.mark.parametrize("name", sorted(SHARED))
def test_no_mark_makes_a_run_of_what_runs_share(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    for run_id in (name, name.upper(), f"{name}/", f"{name}:"):
        for mark in (mark_of(run_id), {**mark_of(run_id), "folder": name}):
            (tmp_path / name / MARK).write_text(json.dumps(mark))
            assert find_runs(tmp_path) == []


def test_copies_and_links_of_a_run_are_no_runs(tmp_path: Path) -> None:
    folder = RunFolder.of(tmp_path / "elsewhere", "night").path
    (tmp_path / "runs").mkdir()
    shutil.copytree(folder, tmp_path / "runs" / "copy")
    (tmp_path / "runs" / "night").symlink_to(folder)
    (tmp_path / "runs" / "file").touch()
    assert find_runs(tmp_path / "runs") == []
    assert find_runs(tmp_path / "nowhere") == []
    with pytest.raises(StageError, match="contains no run 'copy'"):
        find_run(tmp_path / "runs", "copy")


def joined() -> Iterator[tuple[str, ast.expr, ast.expr]]:
    """Yield where the project's code joins paths, and what it joins."""
    for part in ("rlpretrain", "dags", "plugins"):
        for file in sorted((PROJECT / part).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                    yield f"{file}:{node.lineno}", node.left, node.right


def test_the_names_of_what_runs_share_stand_in_one_place() -> None:
    """Whoever puts something new beside the runs must name it in `rlpretrain.runs.output_folder`."""
    found, shared = set(), {name.upper() for name in SHARED}
    for place, left, right in joined():
        if isinstance(right, ast.Constant):
            assert right.value not in SHARED, f"{place} writes out what output_folder names"
        if getattr(left, "attr", getattr(left, "id", "")) != "output_dir":
            continue
        called = isinstance(right, ast.Call) and getattr(right.func, "id", "") == "run_folder_name"
        name = getattr(right, "id", "")
        assert called or name in shared or (name == "name" and "runs/storage" in place), (
            f"{place} puts something into output_dir that output_folder does not name"
        )
        found |= {name} & shared
    assert found == shared
