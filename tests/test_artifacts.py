"""Files appear whole or not at all, and manifests tell what was made of what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlpretrain.artifacts import (
    Manifest,
    RunFolder,
    StageRecorder,
    atomic_path,
    file_sha256,
    run_once,
    write_json,
)
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


class Stage:
    """A stage that counts how often it works."""

    def __init__(self, folder: Path) -> None:
        self.run, self.worked = RunFolder(folder), 0

    def __call__(self, settings: str = "s", **inputs: str) -> Manifest:
        def work(recorder: StageRecorder) -> None:
            self.worked += 1
            recorder.output("made/file.txt").write_text("text")
            recorder.counts["files"] = 1

        return run_once(self.run, "stage", settings, inputs, work)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "run")


def test_a_manifest_tells_what_was_made(stage: Stage) -> None:
    manifest = stage(listing="hash")
    assert manifest.inputs == {"listing": "hash"}
    assert manifest.outputs == {"made/file.txt": file_sha256(stage.run / "made/file.txt")}
    assert manifest.counts == {"files": 1}
    assert stage.run.require("stage") == manifest


def test_only_a_change_runs_it_again(stage: Stage) -> None:
    for settings, inputs, worked in (
        ("s", {}, 1),
        ("s", {}, 1),
        ("t", {}, 2),
        ("t", {"a": "1"}, 3),
        ("t", {"a": "1"}, 3),
    ):
        stage(settings, **inputs)
        assert stage.worked == worked


@pytest.mark.parametrize("damage", [lambda path: path.write_text("other"), Path.unlink])
def test_a_changed_output_is_found_and_made_again(stage: Stage, damage) -> None:
    stage()
    damage(stage.run / "made/file.txt")
    with pytest.raises(StageError, match=r"file\.txt"):
        stage.run.require("stage")
    stage()
    assert stage.worked == 2
    stage.run.require("stage")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stage": "stage", "of": "another version"}'])
def test_a_damaged_manifest_is_named_and_the_stage_runs_again(stage: Stage, text: str) -> None:
    stage()
    (stage.run / "stage.json").write_text(text)
    with pytest.raises(StageError, match=r"stage\.json is no manifest.*again"):
        stage.run.require("stage")
    stage()
    assert stage.worked == 2
    stage.run.require("stage")


def test_a_stage_that_fails_leaves_no_manifest(stage: Stage) -> None:
    stage()

    def fail(recorder: StageRecorder) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run_once(stage.run, "stage", "new", {}, fail)
    assert stage.run.manifest("stage") is None
    with pytest.raises(StageError, match="'stage' has not finished"):
        stage.run.require("stage")
