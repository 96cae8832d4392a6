"""Why a task failed: where its reason is stored, and what is known without one."""

from __future__ import annotations

from typing import Any

__all__ = ["FAILURE_KEY", "died"]

FAILURE_KEY = "failure"
"""XCom of a failed task that contains the reason."""


def died(ti: Any) -> str:
    """Return what is known of a task that has left no reason: its process had no time to tell one."""
    host = getattr(ti, "hostname", None) or "its host"
    return (
        f"try {getattr(ti, 'try_number', None) or 1} on {host} ended without an error of its own: its process was "
        "killed, often for lack of memory; or its worker died; or the task was stopped manually"
    )
