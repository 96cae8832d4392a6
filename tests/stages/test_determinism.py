"""One seed gives one result; what is done is not done again; what was killed goes on."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from rlpretrain.patterns.store import open_store
from rlpretrain.pipeline import PretrainingPipeline
from tests.stages.conftest import TINY, tiny

pytestmark = pytest.mark.slow  # whole runs

RUN = "one"
MODELS = {"pretrained_model.pt", "best_model.pt", "placebo_model.pt", "transferred_rl_agent.pt"}


def run(output_dir: Path) -> Path:
    pipeline = PretrainingPipeline(tiny(output_dir), run_id=RUN)
    asyncio.run(pipeline.run_pipeline())
    return pipeline.folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("undisturbed"))


def files(folder: Path, pattern: str) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob(pattern))}


def document(path: Path) -> Any:
    content = json.loads(path.read_text())
    if isinstance(content, dict):
        content.pop("clock", None)
    return content


def assert_same_results(one: Path, other: Path) -> None:
    documents, others = files(one, "*.json"), files(other, "*.json")
    assert documents.keys() == others.keys()
    assert len(documents) > 15
    for name, path in documents.items():
        if "clock" in json.loads(path.read_text()):
            assert document(path) == document(others[name]), name
        else:
            assert path.read_bytes() == others[name].read_bytes(), name
    models, others = files(one, "*.pt"), files(other, "*.pt")
    assert set(models) == set(others) == MODELS
    for name, path in models.items():
        weights = [torch.load(file, weights_only=True)["weights"] for file in (path, others[name])]
        assert weights[0].keys() == weights[1].keys()
        for key, value in weights[0].items():
            assert torch.equal(value, weights[1][key]), f"{name} {key}"


def registered(folder: Path) -> list[dict[str, Any]]:
    log = (folder.parent / "registry/log.jsonl").read_text()
    return [json.loads(line) | {"clock": None} for line in log.splitlines()]


def test_every_policy_that_was_scored_is_counted_once(undisturbed: Path) -> None:
    evidence = [
        json.loads(path.read_text()) for path in sorted((undisturbed / "validate").glob("*_evidence.json"))
    ]
    report = " ".join((undisturbed / "validation_report.txt").read_text().split())
    with open_store(f"sqlite:///{undisturbed / 'composer_patterns.db'}") as store:
        for asset in evidence:
            window, tried = asset["window"], asset["tried"]
            days = (dt.date.fromisoformat(window[name]) for name in ("start", "end"))
            assert store.trials(window["symbol"], *days) == {one["sha256"] for one in tried}
            assert {one["arm"] for one in tried} == {"agent", "frozen", "placebo", "transferred", "vanilla"}
            if asset["sharpe"] is not None:
                assert f"The trials are the {len(tried)} policies" in report


def test_a_finished_run_is_not_run_again(undisturbed: Path) -> None:
    before = {name: path.stat().st_mtime_ns for name, path in files(undisturbed, "*").items()}
    run(undisturbed.parent)
    after = {name: path.stat().st_mtime_ns for name, path in files(undisturbed, "*").items()}
    rewritten = {name for name in before if before[name] != after.get(name)}
    assert before.keys() == after.keys()
    assert rewritten <= {"settings.json"}


def test_a_killed_stage_leaves_no_manifest_and_the_run_ends_like_any_other(
    undisturbed: Path, tmp_path: Path
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump(TINY))
    command = [sys.executable, "-m", "rlpretrain.cli", "run", "--config", str(config), "--run", RUN, "--json"]
    environment = {**os.environ, "RLPRETRAIN_OUTPUT_DIR": str(tmp_path / "runs")}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch 2/"):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    folder = tmp_path / "runs" / RUN
    assert (folder / "mine.json").is_file()
    assert not (folder / "pretrain.json").exists()
    assert not (folder / "pretrained_model.pt").exists()

    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(finished.stdout)["status"] == "done"
    assert "listed" not in finished.stderr, "stages that had finished are not run again"
    assert_same_results(undisturbed, folder)
    events = [registered(one) for one in (undisturbed, folder)]
    assert events[0] == events[1]
    assert [event["kind"] for event in events[0]] == ["registered", "decided"]
