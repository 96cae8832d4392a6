"""Manifests tell what was made of what; only what has changed is made again."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from rlpretrain.errors import DiskFullError, StageError
from rlpretrain.runs.files import atomic_path, file_sha256, write_json
from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.sections import Section, run_setting
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import Run, Stage, run_stage
from rlpretrain.stages.stage import Result
from rlpretrain.stages.work import Work


class Letters(Section):
    letter: str = run_setting("s", "Test", "A letter.", title="Letter")


class Made(Result):
    files: int
    name: str
    done: bool = True


class Writer:
    """A stage that counts how often it works, and whose outside inputs can be changed."""

    def __init__(self, folder: Path) -> None:
        self.run = Run(PretrainingConfig(output_dir=folder), RunFolder(folder / "run"), lambda _: None)
        self.inputs: dict[str, str] = {}
        self.worked = 0
        self.work: Callable[[Work[Letters]], Made] = self._write
        self.stage = Stage(
            name="stage", does="write a file", needs=(), settings=Letters, result=Made,
            run=lambda work: self.work(work), inputs=lambda _: self.inputs,
        )  # fmt: skip

    def __call__(self, letter: str = "s", **inputs: str) -> Manifest:
        self.inputs = inputs
        return run_stage(self.run, self.stage, settings=Letters(letter=letter))

    def _write(self, work: Work[Letters]) -> Made:
        self.worked += 1
        work.write("made/file.txt").write_text(work.settings.letter)
        return Made(files=1, name="n")


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer(tmp_path)


def test_a_manifest_tells_what_was_made(writer: Writer) -> None:
    manifest = writer(listing="hash")
    assert manifest.stage == "stage"
    assert manifest.settings == Letters().digest()
    assert manifest.inputs == {"listing": "hash"}
    assert manifest.outputs == {"made/file.txt": file_sha256(writer.run.folder / "made/file.txt")}
    assert manifest.result == {"files": 1, "name": "n", "done": True}
    assert manifest.versions.keys() >= {"python", "numpy"}
    assert writer.run.folder.require("stage") == manifest
    assert writer.stage.read(manifest) == Made(files=1, name="n")


def test_counts_are_the_numbers_of_the_result() -> None:
    result: dict[str, Any] = {
        "rows": 3,
        "loss": 0.5,
        "promoted": True,
        "name": "n",
        "by": {"a": 1},
        "none": None,
    }
    assert Manifest("s", "", {}, {}, result).counts == {"rows": 3, "loss": 0.5}


def test_results_are_equal_by_their_values() -> None:
    one, same, other = (
        Manifest("s", "", {}, {}, r) for r in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 3})
    )
    assert one.result_digest() == same.result_digest() != other.result_digest()


@pytest.mark.parametrize("result", [{}, {"files": "many", "name": "n"}, {"files": 1, "name": "n", "more": 2}])
def test_a_result_of_another_version_is_named(result: dict[str, Any]) -> None:
    with pytest.raises(StageError, match=r"(?s)'mine/part' is not of this version.*`rlpretrain mine` again"):
        Manifest("mine/part", "", {}, {}, result).read(Made)


def test_only_a_change_runs_it_again(writer: Writer) -> None:
    for letter, inputs, worked in (
        ("s", {}, 1),
        ("s", {}, 1),
        ("t", {}, 2),
        ("t", {"a": "1"}, 3),
        ("t", {"a": "1"}, 3),
        ("t", {"a": "2"}, 4),
    ):
        writer(letter, **inputs)
        assert writer.worked == worked
        assert (writer.run.folder / "made/file.txt").read_text() == letter


@pytest.mark.parametrize("damage", [lambda path: path.write_text("other"), Path.unlink])
def test_a_changed_output_is_found_and_made_again(writer: Writer, damage: Callable[[Path], Any]) -> None:
    writer()
    damage(writer.run.folder / "made/file.txt")
    with pytest.raises(StageError, match=r"file\.txt"):
        writer.run.folder.require("stage")
    writer()
    assert writer.worked == 2
    writer.run.folder.require("stage")


WHOLE = asdict(Manifest("stage", "", {}, {}, {}))


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "[" * 10**5, '{"stage": "stage", "of": "another version"}',
        *(json.dumps({**WHOLE, **change}) for change in (
            {"outputs": []}, {"outputs": {"file": 1}}, {"outputs": {"../file": "sha"}}, {"outputs": {"/file": "sha"}},
            {"inputs": None}, {"result": 3}, {"clock": "now"}, {"stage": 5}, {"stage": None}, {"more": 1},
        )),
    ],
)  # fmt: skip
def test_a_damaged_manifest_is_named_and_the_stage_runs_again(writer: Writer, text: str) -> None:
    writer()
    (writer.run.folder / "stage.json").write_text(text)
    with pytest.raises(StageError, match=r"stage\.json is not a manifest.*again"):
        writer.run.folder.require("stage")
    (warning,) = writer().clock["warnings"]
    assert "stage.json is not a manifest" in warning and "runs again" in warning
    assert writer.worked == 2
    writer.run.folder.require("stage")
    assert writer().clock["warnings"] == [warning], "it is not run again"


def test_the_manifest_of_another_stage_is_named_and_the_stage_runs_again(writer: Writer) -> None:
    write_json(writer.run.folder / "stage.json", {**asdict(writer()), "stage": "other"})
    with pytest.raises(StageError, match=r"stage\.json is the manifest of stage 'other'.*again"):
        writer.run.folder.require("stage")
    assert len(writer().clock["warnings"]) == 1
    assert writer.worked == 2


def test_a_folder_in_place_of_a_manifest_is_named(writer: Writer) -> None:
    (writer.run.folder / "stage.json").mkdir()
    with pytest.raises(StageError, match=r"stage\.json is a folder.*move it away"):
        writer()


@pytest.mark.parametrize("name", ["../kept", "{folder}/../kept", "made", "", "a/../../kept"])
def test_what_a_damaged_manifest_names_outside_the_run_is_not_removed(writer: Writer, name: str) -> None:
    kept = writer.run.folder.path.parent / "kept"
    kept.write_text("kept")
    manifest = asdict(writer())
    named = name.format(folder=writer.run.folder.path)
    write_json(
        writer.run.folder / "stage.json", {**manifest, "outputs": {**manifest["outputs"], named: "sha"}}
    )
    writer("new")
    assert kept.read_text() == "kept"
    writer.run.folder.require("stage")


def test_what_killed_writers_left_is_removed_and_what_others_write_stays(writer: Writer) -> None:
    kept = ".stage.json.withdrawn", ".notes.txt", ".a.part", "b.abcdefgh.part"
    for name in (".made.abcdefgh.part.txt", ".model.12345678.part", *kept):
        (writer.run.folder / name).write_text("half")
    with atomic_path(writer.run.folder / "other.txt") as temporary:
        temporary.write_text("whole")
        writer()
    left = {path.name for path in writer.run.folder.path.iterdir()}
    assert left == {"made", "other.txt", "stage.json", *kept[1:]}


def test_a_full_disk_ends_the_stage_with_one_message(writer: Writer) -> None:
    def fill(work: Work[Letters]) -> Made:
        raise OSError(errno.ENOSPC, "No space left on device", str(work.folder / "curves"))

    writer.work = fill
    with pytest.raises(DiskFullError, match=r"disk is full: .*curves can't be written.*free some space"):
        writer()


def test_a_stage_whose_result_is_of_another_version_runs_again(writer: Writer) -> None:
    manifest = writer()
    write_json(writer.run.folder / "stage.json", {**asdict(manifest), "result": {"files": 1}})
    assert writer().result == manifest.result
    assert writer.worked == 2


def test_a_stage_that_fails_leaves_no_manifest(writer: Writer) -> None:
    writer()

    def fail(work: Work[Letters]) -> Made:
        raise RuntimeError

    writer.work = fail
    with pytest.raises(RuntimeError):
        writer("new")
    assert writer.run.folder.manifest("stage") is None
    with pytest.raises(StageError, match="'stage' has not finished"):
        writer.run.folder.require("stage")
