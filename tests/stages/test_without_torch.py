"""Airflow's image holds no torch: what its tasks import works without, and what learns says what is missing."""

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from rlpretrain.runs.files import write_json
from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import STAGES, Run
from tests.stages.conftest import tiny

HIDE_TORCH = """
import importlib, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "stable_baselines3"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""
STAYS = [stage.name for stage in STAGES if not stage.learns]


def without_torch(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", HIDE_TORCH + program], capture_output=True, text=True)


def test_the_stages_that_stay_in_airflow_import_without_torch() -> None:
    assert len(STAYS) == 10
    work = [f"rlpretrain.stages.implementation.{name}" for name in (*STAYS, "preflight")]
    modules = [
        "rlpretrain.stages",
        "rlpretrain.library.sources",
        "rlpretrain.composer",
        "rlpretrain.cli",
        *work,
    ]
    done = without_torch(f"for name in {modules}: importlib.import_module(name)")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage.learns], ids=lambda stage: stage.name)
def test_a_stage_that_learns_names_the_extra(stage, tmp_path: Path) -> None:
    run = Run(tiny(tmp_path), RunFolder(tmp_path / "run"))
    run.write_settings()
    for need in stage.needs:
        manifest = Manifest(stage=need.name, settings="", inputs={}, outputs={}, result={})
        write_json(run.folder / f"{need.name}.json", asdict(manifest))
    part = [] if stage.parts is None else [f"--{stage.parts.flag}", "SPY"]
    call = f"main({['stage', stage.name, '--run', str(run.folder.path), *part]!r})"
    done = without_torch(f"from rlpretrain.cli import main; sys.exit({call})")
    assert done.returncode == 1
    assert "rlpretrain[train]" in done.stderr
    assert "Traceback" not in done.stderr


def test_python_names_the_extra_too() -> None:
    done = without_torch("from rlpretrain import TransferLearningManager")
    assert done.stderr.splitlines()[-1].startswith("rlpretrain.errors.MissingExtraError: torch")
    assert "rlpretrain[train]" in done.stderr
