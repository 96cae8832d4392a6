"""The command: exit statuses, one JSON object on standard output, and the stages one after the other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlpretrain.cli import BEGINNING, main
from rlpretrain.commands.chosen_run import existing_run
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import CHECK, NIGHT, STAGES, make_run, open_run, parts_of, stages_before
from tests.stages.conftest import TINY


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path / "runs"))
    file = tmp_path / "settings.yaml"
    file.write_text(yaml.safe_dump(TINY))
    return file


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def manifest(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return found


def test_the_stages_one_after_the_other(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin = ["--config", str(settings), "--run", "steps"]
    for stage in NIGHT:
        found = answer(capsys, stage.name, *(begin if stage in BEGINNING else []))
        assert (found["status"], found["stage"]) == ("done", stage.name)
        assert found["run_id"] == "steps", "the newest run is taken"
        folder = Path(found["folder"])
        assert set(found["counts"]) == {
            stage.manifest_name(part) for part in parts_of(open_run(folder), stage)
        }
        assert all(manifest(folder, name)["stage"] == name for name in found["counts"])
    assert manifest(folder, "mine")["result"]["strategies"] == 24
    assert (folder / "report.html").is_file()

    before = {path: path.read_bytes() for path in folder.rglob("*.json")}
    whole = answer(capsys, "run", "--config", str(settings), "--run", "steps")
    assert {path: path.read_bytes() for path in folder.rglob("*.json")} == before, "nothing ran again"
    assert whole["report"] == str(folder / "report.html")
    assert whole["finding"] in ("better", "worse", "no effect shown")
    assert {"jump_start", "area", "final"} <= whole["figures"].keys()

    assert main(["run", "--config", str(settings), "--run", "steps"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {folder / 'report.html'}"
    agents_act_as_they_decided(folder, capsys)


def agents_act_as_they_decided(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An agent that is asked now gives the probabilities that the run wrote down, and what speaks for them."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    acted = answer(capsys, "act", "--run", "steps")
    assert acted["version"] == 1 and acted["left_out"] == {}
    decided = {
        (one["version"], one["symbol"]): one
        for one in manifest(folder, "decisions")["facts"]
        if one["kind"] == "decision"
    }
    for one in acted["decisions"]:
        then = decided[1, one["symbol"]]
        assert {name: one[name] for name in ("hold", "buy", "sell", "action")} == {
            name: then[name] for name in ("hold", "buy", "sell", "action")
        }
        assert one["date"] == then["day"]
    assert main(["act", "--model", "1", "--asset", "SPY", "--asset", "NOPE"]) == 0
    spy, nope = capsys.readouterr().out.splitlines()
    assert spy.startswith("SPY ") and "votes" in spy
    assert nope.startswith("NOPE ") and "no prices" in nope
    assert main(["act"]) == 1
    assert "has no champion" in capsys.readouterr().err

    page = folder.parent / "tonight.html"
    found = answer(capsys, "tonight", "--html", str(page))
    assert found["run_id"] == "steps" and found["champion"] is None
    assert [one["asset"] for one in found["decisions"]] == [one["symbol"] for one in acted["decisions"]]
    assert found["votes"] and found["fragile"]
    assert any(rule["turn"] for rule in found["fragile"]), found["fragile"]
    assert found["as_of"] in page.read_text(encoding="utf-8")
    assert main(["tonight"]) == 0
    assert "nearest to turning" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_what_a_stage_needs_is_run_first(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(answer(capsys, "update", "--config", str(settings), "--run", "make")["folder"])
    assert [path.name for path in sorted(folder.glob("*.json"))] == [
        "defaults.json", "run.json", "settings.json", "update.json",
    ]  # fmt: skip
    found = answer(capsys, "check", "--set", "hold_every=30")
    assert found["counts"] == {"check": {"patterns": manifest(folder, "mine")["result"]["patterns"]}}
    needed = {stage.name for stage in stages_before(CHECK) if stage.parts is None}
    assert needed == {"update", "list", "mine"}
    assert all(manifest(folder, name)["stage"] == name for name in needed)
    assert {path.name for path in (folder / "extract").glob("chunk_????.json")} == {
        "chunk_0000.json", "chunk_0001.json",
    }  # fmt: skip
    # The command's setting became the run's, and only what depends on it is run again.
    listed = manifest(folder, "list")
    answer(capsys, "check", "--set", "hold_every=40")
    assert manifest(folder, "list") == listed
    assert manifest(folder, "settings")["hold_every"] == 40
    assert manifest(folder, "check")["result"]["patterns"] < found["counts"]["check"]["patterns"]


def test_every_stage_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    for stage in STAGES:
        with pytest.raises(SystemExit) as stopped:
            main([stage.name, "--help"])
        assert stopped.value.code == 0
        assert stage.does[1:] in " ".join(capsys.readouterr().out.split())


def test_a_task_of_a_prepared_run(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run("scheduled__2024-01-01T00:00:00", TINY)
    task = ["--run", str(run.folder.path)]
    assert main(["stage", "list", *task]) == 1
    assert "'update' has not finished" in capsys.readouterr().err
    assert answer(capsys, "stage", "update", *task)["result"]["source"] == "none"
    assert answer(capsys, "stage", "list", *task)["result"]["chunks"] == 2
    found = answer(capsys, "stage", "extract", *task, "--chunk", "1")
    assert found["result"]["replayed"] + found["result"]["rejected"] == 12
    assert json.loads(Path(found["manifest"]).read_text())["result"] == found["result"]
    assert main(["stage", "extract", *task]) == 2
    assert "needs --chunk" in capsys.readouterr().err
    for chunk in ("9", "x"):
        assert main(["stage", "extract", *task, "--chunk", chunk]) == 1
        assert f"there is no chunk {chunk}" in capsys.readouterr().err
    assert main(["stage", "mine", *task]) == 1
    assert "'extract/chunk_0000' has not finished" in capsys.readouterr().err


def test_a_run_is_named_by_its_id_or_its_folder(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = "scheduled__2024-01-01T00:00:00+00:00"
    folder = make_run(run_id, TINY).folder.path
    config = PretrainingConfig(output_dir=folder.parent)
    for name in (run_id, folder.name, None):
        assert existing_run(config, name).folder.path == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert main(["pretrain", "--run", "scheduled"]) == 1
    assert "contains no run 'scheduled'" in capsys.readouterr().err


def test_a_run_of_any_name_leaves_what_runs_share_alone(
    settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answer(capsys, "extract", "--config", str(settings), "--run", "registry")
    folder = Path(found["folder"])
    assert folder.parent == tmp_path / "runs" and folder.name.startswith("registry-")
    agent = tmp_path / "runs" / "registry" / "models" / "abc.pt"
    agent.parent.mkdir(parents=True)
    agent.write_text("agent")
    (tmp_path / "runs" / "registry" / "log.jsonl").touch()
    removed = answer(capsys, "runs", "remove", "--keep", "0", "--older-than", "0")
    assert removed["runs"] == [folder.name] and agent.read_text() == "agent"


def test_flags_win_over_the_file(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(
        capsys, "settings", "--config", str(settings), "--set", "seed=5", "--set", "hidden_dims=[4]"
    )
    assert found["settings"]["seed"] == 5
    assert found["settings"]["hidden_dims"] == [4]
    assert found["settings"]["num_epochs"] == TINY["num_epochs"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["settings", "--set", "seed"],
        ["settings", "--set", "=5"],
        ["settings", "--set", "sed=5"],
        ["settings", "--config", "nowhere.yaml"],
        ["run", "--set", "num_epochs=0"],
    ],
)
def test_bad_settings_answer_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--json"]) == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out)["status"] == "failed"
    assert printed.err.startswith("error: ")


@pytest.mark.parametrize("arguments", [[], ["dance"], ["run", "--nothing"], ["stage", "dance", "--run", "x"]])
def test_bad_usage_answers_two(arguments: list[str]) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "rlpretrain.cli", *arguments], capture_output=True, text=True
    )
    assert process.returncode == 2
    assert process.stdout == ""
    assert "usage:" in process.stderr


def test_no_run_yet(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"]) == 1
    assert "contains no run" in capsys.readouterr().err
