"""Airflow's image holds no torch: what its tasks import works without, and what learns says what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

HIDE_TORCH = """
import importlib, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "stable_baselines3"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
"""
STAYS = [
    "context",
    "library",
    "extraction",
    "mining",
    "checking",
    "analysis",
    "reporting",
    "prices",
    "service",
    "promotion",
]


def without_torch(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", HIDE_TORCH + program], capture_output=True, text=True)


def test_the_stages_that_stay_in_airflow_import_without_torch() -> None:
    modules = [f"rlpretrain.stages.{name}" for name in STAYS] + ["rlpretrain.composer", "rlpretrain.cli"]
    done = without_torch(f"for name in {modules}: importlib.import_module(name)")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("stage", ["pretrain", "transfer", "validate"])
def test_a_stage_that_learns_names_the_extra(stage: str, tmp_path: Path) -> None:
    call = f"main(['stage', '{stage}', '--run', {str(tmp_path)!r}, '--symbol', 'SPY'])"
    done = without_torch(f"from rlpretrain.cli import main; sys.exit({call})")
    assert done.returncode == 1
    assert "rlpretrain[train]" in done.stderr
    assert "Traceback" not in done.stderr
