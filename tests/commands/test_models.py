"""``rlpretrain models``: the registry from the command line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.cli import main
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.registry import Registry
from rlpretrain.runs.files import file_sha256
from rlpretrain.transfer import save_agent
from rlpretrain.transfer.policy import blank_policy
from tests.examples.documents import PROJECT, shell_lines
from tests.registry.building import card, decision, registered


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Three versions; the second is champion, the third waits."""
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path))
    registry = Registry(tmp_path)
    for run_id in ("monday", "tuesday", "wednesday"):
        version = registered(registry, run_id)
        champion = registry.champion()
        against = None if champion is None else champion.version
        registry.decide(version.version, against, lambda n, c=against: decision(champion=c, trials=n))
        if run_id != "wednesday":
            registry.promote(version.version, by="rule", reason="An effect.", instead_of=against)
    return registry


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, Any]:
    assert main(["models", *arguments, "--json"]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["models", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_list(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    rows = answer(capsys, "list")["versions"]
    assert [(row["version"], row["run_id"], row["standing"]) for row in rows] == [
        (1, "monday", "former champion"),
        (2, "tuesday", "champion"),
        (3, "wednesday", "waiting"),
    ]
    assert [row["against"] for row in rows] == [None, 1, 2]
    heading, *shown = lines(capsys, "list")
    assert heading.split()[:4] == ["version", "run", "standing", "rule"]
    assert "champion" in shown[1] and "promote (against 1)" in shown[1]
    assert not any("\x1b" in line for line in shown), "no colours in a pipe"


def test_an_empty_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path))
    assert answer(capsys, "list")["versions"] == []
    assert lines(capsys, "list") == ["no run has registered an agent yet"]
    assert "has no champion" in answer(capsys, "show", "champion", status=1)["error"]


@pytest.mark.parametrize("name", ["2", "tuesday", "champion"])
def test_show(registry: Registry, capsys: pytest.CaptureFixture[str], name: str) -> None:
    found = answer(capsys, "show", name)
    assert (found["version"], found["standing"]) == (2, "champion")
    assert found["agent_sha256"] == registry.version(2).agent_sha256
    assert found["decision"]["champion"] == 1
    assert [event["kind"] for event in found["history"]] == ["registered", "decided", "promoted"]
    text = "\n".join(lines(capsys, "show", name))
    assert "days before 2020-01-01" in text and "2021-01-01 to 2024-12-31" in text
    assert "promote by rule 2, challenger number 1" in text


def test_a_missing_agent_is_shown_as_missing(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    registry.model_file(registry.version(1)).unlink()
    assert "is missing" in answer(capsys, "show", "1")["file"]
    assert "is missing" in answer(capsys, "promote", "1", "--reason", "try", status=1)["error"]


def test_a_person_promotes_and_rolls_back(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    done = answer(capsys, "promote", "wednesday", "--reason", " seen  by eye ", "--by", "Ada")
    assert (done["version"], done["previous"], done["by"], done["reason"]) == (3, 2, "Ada", "seen by eye")
    assert registry.standing(3) == "champion"
    assert "is already champion" in answer(capsys, "promote", "3", "--reason", "-", status=1)["error"]
    shown = lines(capsys, "rollback", "--reason", "it loses", "--by", "Bo")
    assert shown == ["version 2 restored as champion by Bo; before, version 3 was champion"]
    answer(capsys, "rollback", "--reason", "it loses too")
    assert registry.standing(1) == "champion"
    refused = answer(capsys, "rollback", "--reason", "-", status=1)["error"]
    assert "no champion to go back to: version 1 is the first" in refused
    assert [(e.kind, e.by) for e in registry.history()[-3:-1]] == [("promoted", "Ada"), ("rolled back", "Bo")]


@pytest.mark.parametrize("command", [("promote", "3"), ("rollback",)])
def test_no_change_without_a_reason(
    registry: Registry, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["models", *command])
    assert "--reason" in capsys.readouterr().err
    assert "--reason is empty" in answer(capsys, *command, "--reason", " ", status=2)["error"]
    assert registry.standing(2) == "champion"


@pytest.mark.parametrize(
    ("name", "reason"), [("9", "there are 1 to 3"), ("friday", "no version belongs to a run")]
)
def test_an_unknown_model_is_named(
    registry: Registry, capsys: pytest.CaptureFixture[str], name: str, reason: str
) -> None:
    assert reason in answer(capsys, "show", name, status=1)["error"]
    assert reason in answer(capsys, "promote", name, "--reason", "-", status=1)["error"]


def test_the_commands_of_the_page(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    calls = [words for words in calls_of_the_page() if words[1] != "export"]
    assert [words[1] for words in calls] == ["list", "show", "promote", "rollback"]
    for words in calls:
        assert main(words) == 0, capsys.readouterr().err
    assert registry.standing(2) == "champion"


def calls_of_the_page() -> list[list[str]]:
    lines = shell_lines(PROJECT / "docs" / "models.md")
    return [shlex.split(line)[1:] for line in lines if "models" in line.split()]


def test_export(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    scaler = Scaler(np.zeros(64, np.float32), np.ones(64, np.float32))
    save_agent("small.pt", blank_policy(scaler, [8], 3), {"algorithm": "ppo"})
    registry.register(card("thursday", agent_sha256=file_sha256(Path("small.pt"))), Path("small.pt"))
    registry.promote(4, by="Ada", reason="It is a real one.", instead_of=2)
    calls = [words[1:] for words in calls_of_the_page() if words[1] == "export"]
    assert [words[-1] for words in calls] == ["agent.onnx", "agent.zip", "agent.pt"]
    for words in calls:
        found = answer(capsys, *words)
        assert (found["version"], found["file"]) == (4, words[-1])
        assert found["sha256"] == file_sha256(Path(words[-1]))


def test_export_of_what_is_no_agent(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        "is not a model file"
        in answer(capsys, "export", "champion", str(tmp_path / "a.onnx"), status=1)["error"]
    )
    named = answer(capsys, "export", "champion", str(tmp_path / "a.h5"), status=2)["error"]
    assert ".onnx, .zip, .pt" in named
    assert not list(tmp_path.glob("a.*"))
