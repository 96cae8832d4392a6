"""Run a stage as a task, in the task's own process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlpretrain.stages import Stage, open_run, parts_of, run_stage

__all__ = ["parts_in", "run_task"]


def run_task(stage: Stage[Any, Any], folder: str, part: str = "") -> str:
    """Run a stage, or one of its parts, and return the path of its manifest."""
    manifest = run_stage(open_run(folder), stage, part)
    return str(Path(folder) / f"{manifest.stage}.json")


def parts_in(stage: Stage[Any, Any], folder: str) -> list[str]:
    """Return the parts of a stage that the run's tasks are mapped over."""
    return list(parts_of(open_run(folder), stage))
