"""Copies of runs through Airflow's own object storage, there and back."""

from pathlib import Path

import pytest
from airflow.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from rlpretrain.deployment.runs.storage import INVENTORY, main, restore_run, store_run
from rlpretrain.errors import DataError
from rlpretrain.runs.output_folder import MARK
from rlpretrain.runs.run_folder import RunFolder
from tests.runs.building import write_manifest

pytestmark = pytest.mark.airflow


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder.of(tmp_path / "runs", "night-1")
    for stage, output in (("pretrain", "model.pt"), ("validate/SPY", "validate/SPY_evidence.json")):
        write_manifest(folder.path, stage, outputs={output: stage.encode() * 1000})
    (folder / "patterns.db.lock").touch()
    return folder


@pytest.fixture(params=["file", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    # A store without folders, as S3 is; Airflow does not know it by itself.
    attach("memory", fs=MemoryFileSystem())
    return f"file://{tmp_path}/copies" if request.param == "file" else f"memory://{tmp_path.name}/copies"


def test_a_run_goes_on_elsewhere(run: RunFolder, storage: str, tmp_path: Path) -> None:
    address = store_run(run.path, storage)
    assert address.endswith("/copies/night-1")
    restored = RunFolder(restore_run("night-1", storage, tmp_path / "other"))
    for stage in ("pretrain", "validate/SPY"):
        assert restored.require(stage) == run.require(stage)
    assert not (restored / "patterns.db.lock").exists()
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["night-1"]


def test_copying_again_copies_what_changed(run: RunFolder, storage: str) -> None:
    copy = ObjectStoragePath(store_run(run.path, storage))
    before = (copy / "model.pt").stat()["mtime" if copy.protocol == "file" else "created"]
    (run / "report.html").write_text("<html>")
    store_run(run.path, storage)
    assert (copy / "model.pt").stat()["mtime" if copy.protocol == "file" else "created"] == before
    assert (copy / "report.html").exists()


def test_a_broken_off_or_changed_copy_is_refused(run: RunFolder, storage: str, tmp_path: Path) -> None:
    copy = ObjectStoragePath(store_run(run.path, storage))
    with (copy / "model.pt").open("wb") as file:
        file.write(b"somebody else's")
    with pytest.raises(DataError, match=r"model\.pt was changed"):
        restore_run("night-1", storage, tmp_path / "other")
    (copy / INVENTORY).unlink()
    with pytest.raises(DataError, match="no complete copy"):
        restore_run("night-1", storage, tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []


def test_a_run_that_is_there_is_not_overwritten(run: RunFolder, storage: str, tmp_path: Path) -> None:
    store_run(run.path, storage)
    with pytest.raises(DataError, match="exists"):
        restore_run("night-1", storage, tmp_path / "runs")


def test_nothing_is_written_outside_of_the_run(run: RunFolder, storage: str, tmp_path: Path) -> None:
    copy = ObjectStoragePath(store_run(run.path, storage))
    with (copy / INVENTORY).open("w") as file:
        file.write('{"files": {"../../evil": "0"}}')
    with pytest.raises(DataError, match="outside"):
        restore_run("night-1", storage, tmp_path / "other")


def test_a_run_comes_back_under_its_own_id_only(storage: str, tmp_path: Path) -> None:
    run_id = "scheduled__2026-01-05T00:00:00+00:00"
    run = RunFolder.of(tmp_path / "runs", run_id)
    copy = ObjectStoragePath(store_run(run.path, storage))
    with pytest.raises(DataError, match=r"name the run by its id.*run\.json"):
        restore_run(run.run_id, storage, tmp_path / "other")
    assert restore_run(run_id, storage, tmp_path / "other").name == run.run_id
    (run / MARK).write_text("{}")
    store_run(run.path, storage)
    with pytest.raises(DataError, match=f"{copy.name}/{MARK} does not name"):
        restore_run(run_id, storage, tmp_path / "third")
    assert list((tmp_path / "third").iterdir()) == []


def test_the_command_restores(
    run: RunFolder,
    storage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    monkeypatch.setenv("RLPRETRAIN_RUNS_STORAGE", storage)
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path / "other"))
    assert main(["night-1"]) == 1
    store_run(run.path, storage)
    assert main(["night-1"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "other" / "night-1")
