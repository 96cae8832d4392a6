"""Which stages have metrics, and when there are none."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from rlpretrain.deployment.observability.metrics import METRICS, stage_metrics
from rlpretrain.runs.manifest import Manifest
from rlpretrain.stages import NIGHT, PROMOTE, STAGES


def test_every_stage_of_a_night_tells_its_seconds() -> None:
    assert set(METRICS) <= {stage.name for stage in STAGES}
    told = {
        name.removesuffix(".seconds") for names in METRICS.values() for name in names if ".seconds" in name
    }
    # A promotion takes no time, and is skipped where the champion stays.
    assert told == {stage.name for stage in NIGHT if stage is not PROMOTE}


def test_a_task_without_figures_and_a_run_without_a_folder_say_nothing(tmp_path: Path) -> None:
    assert stage_metrics(tmp_path, "resolve_settings") == {}
    assert stage_metrics(tmp_path / "none", "mine") == {}
    assert not (tmp_path / "none").exists()


def test_what_the_agent_keeps_of_the_clone_and_how_far_it_falls(tmp_path: Path) -> None:
    result = {"assets": [], "left_out": {}, "chosen_steps": 300}
    manifest = Manifest("transfer", "", {}, {}, result, clock={"seconds": 2.0})
    (tmp_path / "transfer.json").write_text(json.dumps(asdict(manifest)))
    figures = ((0, 1.0, 0.5), (70, 0.9, 0.2), (150, 0.8, 0.1), (300, 0.7, 0.6))
    history = [dict(zip(("steps", "stances_kept", "score"), row, strict=True)) for row in figures]
    (tmp_path / "transfer_history.json").write_text(json.dumps({"history": history}))
    assert stage_metrics(tmp_path, "transfer") == pytest.approx(
        {
            "transfer.chosen_steps": 300,
            "transfer.stances_kept_early": 0.9,
            "transfer.stances_kept": 0.7,
            "transfer.dip": 0.4,
            "transfer.seconds": 2.0,
        }
    )
