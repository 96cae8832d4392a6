"""What is wrong is named; one bad symphony never ends the run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlpretrain.cli import main
from rlpretrain.composer import GeneratedCatalogue
from tests.stages.conftest import TINY

SECRET = "correct-horse-battery"


class Answer:
    """Exit status, the JSON object and everything else that the command printed."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.err, self.printed = status, err, out + err
        self.json: dict[str, Any] = json.loads(out)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path / "runs"))

    def call(name: str, *options: str, **changes: Any) -> Answer:
        config = tmp_path / "settings.yaml"
        config.write_text(yaml.safe_dump({**TINY, **changes}))
        status = main([name, "--config", str(config), "--json", "--run", "bad", *options])
        printed = capsys.readouterr()
        return Answer(status, printed.out, printed.err)

    return call


def assert_names(answer: Answer, status: int, *words: str) -> None:
    assert answer.status == status
    assert answer.json["status"] == "failed"
    for word in words:
        assert word in answer.json["error"]
    assert "Traceback" not in answer.printed


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_epoch": 3}, ["unknown setting 'num_epoch'"]),
        ({"num_epochs": 0}, ["num_epochs"]),
        ({"test_start": "2099-01-01"}, ["test_start", "0 sessions"]),
        ({"test_split": 0.01}, ["test_split", "fewer than 60"]),
        ({"validation_start": "2024-01-01", "test_start": "2023-01-01"}, ["validation_start 2024-01-01"]),
        ({"market": "generated:kind=moon"}, ["moon"]),
        ({"catalogue": "generated:size=0"}, ["size=0"]),
        ({"state_dim": 12}, ["state_dim 12"]),
    ],
)
def test_settings_that_cannot_be(command: Any, changes: dict[str, Any], words: Sequence[str]) -> None:
    answer = command("run", **changes)
    assert_names(answer, 2, *words)
    assert "listed" not in answer.err, "said before the work begins"


def test_an_empty_catalogue(command: Any, tmp_path: Path) -> None:
    folder = tmp_path / "library"
    assert_names(command("extract", catalogue=str(folder)), 1, str(folder), "no such folder")
    folder.mkdir()
    assert_names(command("extract", catalogue=str(folder)), 1, str(folder), "no symphony file")


def test_missing_prices(command: Any, tmp_path: Path) -> None:
    folder = tmp_path / "prices"
    assert_names(command("extract", market=f"files:{folder}"), 1, str(folder), "does not exist")
    folder.mkdir()
    assert_names(command("extract", market=f"files:{folder}"), 1, str(folder), "no price file")


def test_an_unreachable_store_keeps_its_password(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLPRETRAIN_STORE_URL", f"postgresql+psycopg2://user:{SECRET}@127.0.0.1:1/patterns")
    answer = command("extract")
    assert_names(answer, 1, "127.0.0.1")
    assert SECRET not in answer.printed


@pytest.mark.parametrize("url", ["nonsense", f"mysql://user:{SECRET}@localhost/patterns"])
def test_a_store_of_another_kind(command: Any, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("RLPRETRAIN_STORE_URL", url)
    answer = command("extract")
    assert_names(answer, 2, "store")
    assert SECRET not in answer.printed


def test_settings_are_listed_without_addresses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RLPRETRAIN_STORE_URL", f"postgresql+psycopg2://user:{SECRET}@db/patterns")
    monkeypatch.setenv("RLPRETRAIN_COMPOSER_URL", f"https://user:{SECRET}@composer.example/mcp")
    for options in (["settings"], ["settings", "--json"]):
        assert main(options) == 0
        printed = capsys.readouterr()
        assert SECRET not in printed.out + printed.err


def test_a_stage_before_its_inputs(command: Any) -> None:
    assert_names(command("pretrain"), 1, "contains no run 'bad'", "rlpretrain extract")


def test_an_asset_without_prices(command: Any) -> None:
    answer = command("run", validation_envs=["SPY", "NOPE"])
    assert_names(answer, 1, "validation_envs", "NOPE")
    assert "replayed" not in answer.err, "said before the work begins"


@pytest.mark.slow
def test_bad_symphonies_are_rejected_by_name_and_counted(command: Any, tmp_path: Path) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    for entry in GeneratedCatalogue(size=24).entries():
        (folder / f"{entry.symphony_id}.json").write_text(json.dumps(entry.document))
    (folder / "torn.json").write_text('{"step": "root", "children": [')
    (folder / "strange.json").write_text(
        json.dumps({"step": "root", "name": "Strange", "rebalance": "daily", "children": [{"step": "dance"}]})
    )
    unknown = {"step": "asset", "ticker": "NOPE"}
    equal = {"step": "wt-cash-equal", "children": [unknown]}
    (folder / "unknown.json").write_text(
        json.dumps({"step": "root", "name": "Unknown", "rebalance": "daily", "children": [equal]})
    )
    answer = command("run", catalogue=str(folder), max_strategies=30)
    assert answer.status == 0, answer.err
    run = Path(answer.json["folder"])
    reasons = {row["symphony_id"]: row for row in json.loads((run / "rejects.json").read_text())}
    assert "torn.json" in reasons["torn"]["reason"]
    assert reasons["strange"]["stage"] == "parse"
    assert "dance" in reasons["strange"]["reason"]
    assert "NOPE" in reasons["unknown"]["reason"]
    manifests = [json.loads(path.read_text()) for path in sorted((run / "extract").glob("chunk_????.json"))]
    assert sum(manifest["result"]["rejected"] for manifest in manifests) == 3
    assert sum(manifest["result"]["replayed"] for manifest in manifests) == 24
    report = (run / "validation_report.txt").read_text()
    assert re.search(r"^Listed +27$", report, re.MULTILINE)
    assert re.search(r"NOPE.*dance|dance.*NOPE", report, re.DOTALL)
