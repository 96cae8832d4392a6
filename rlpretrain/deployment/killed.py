"""What ended a task that could not say so itself: its process or its container was killed from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["container_status", "killed", "log_of", "signal_in"]

_STATUS = re.compile(r"\b(?:StatusCode|exit_code)\W+(137|143)\b")
"""The exit status of a container that SIGKILL or SIGTERM ended, as Docker's and Kubernetes' operators report it."""
_STATUSES = {"SIGKILL": 137, "SIGTERM": 143}
_LAST_LINES = 50


def container_status(text: str) -> int | None:
    """Return the exit status of a container that was killed, from the text of its operator's exception."""
    found = _STATUS.search(text)
    return int(found[1]) if found else None


def killed(what: str, status: int) -> str:
    """Return a sentence for an exit status, 137 or 143."""
    if status == _STATUSES["SIGKILL"]:
        return f"{what} was killed by the system (SIGKILL, exit status 137), most often for lack of memory"
    return f"{what} was stopped from outside (SIGTERM, exit status 143)"


def signal_in(entries: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the exit status of a task's process that a signal ended, from the entries of the task's log.

    Airflow's supervisor writes the signal there, and tells nobody else.
    """
    found = None
    for entry in entries:
        found = _STATUSES.get(str(entry.get("signal_name")), found)
    return found


def log_of(ti: Any) -> list[Mapping[str, Any]]:
    """Read the last entries of a task's log, if it is a file in the usual place on this host; else there are none."""
    from airflow.sdk.configuration import conf

    folder = Path(conf.get("logging", "base_log_folder", fallback=""))
    folder = folder / f"dag_id={ti.dag_id}" / f"run_id={ti.run_id}" / f"task_id={ti.task_id}"
    if ti.map_index is not None and ti.map_index >= 0:
        folder /= f"map_index={ti.map_index}"
    try:
        text = (folder / f"attempt={ti.try_number}.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [entry for line in text.splitlines()[-_LAST_LINES:] if isinstance(entry := _entry(line), dict)]


def _entry(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
