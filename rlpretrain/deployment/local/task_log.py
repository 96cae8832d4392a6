"""Airflow's task logs, which are JSON lines, as readable text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlpretrain.deployment.local.airflow_api import TaskState

__all__ = ["readable_tail", "task_log"]


def task_log(logs: Path, dag_id: str, run_id: str, task: TaskState) -> Path:
    """Return the file of the task's last try."""
    folder = logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task.task_id}"
    if task.map_index >= 0:
        folder /= f"map_index={task.map_index}"
    return folder / f"attempt={max(task.try_number, 1)}.log"


def readable_tail(file: Path, lines: int = 25) -> str:
    """Return the last lines of a task's log: its messages, and its errors without Airflow's own frames."""
    if not file.is_file():
        return f"there is no log at {file}"
    text: list[str] = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        text += _readable(line)
    return "\n".join(text[-lines:])


def _readable(line: str) -> list[str]:
    try:
        entry = json.loads(line)
    except ValueError:
        return [line]
    if not isinstance(entry, dict):
        return [line]
    event = str(entry.get("event", ""))
    if event.startswith(("::group::", "::endgroup::")):
        return []
    return [
        *event.splitlines(),
        *(text for error in entry.get("error_detail") or () for text in _raised(error)),
    ]


def _raised(error: Mapping[str, Any]) -> list[str]:
    own = [frame for frame in error.get("frames") or () if f"{Path('/airflow/')}" not in frame["filename"]]
    return [
        *(f"  {frame['filename']}:{frame['lineno']} in {frame['name']}" for frame in own),
        f"{error['exc_type']}: {error['exc_value']}",
    ]
