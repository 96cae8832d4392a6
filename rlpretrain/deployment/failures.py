"""Why a task failed: where its reason is stored, and what is known without one."""

from __future__ import annotations

from typing import Any

from rlpretrain.deployment.killed import killed, log_of, signal_in

__all__ = ["FAILURE_KEY", "died"]

FAILURE_KEY = "failure"
"""XCom of a failed task that contains the reason."""


def died(ti: Any) -> str:
    """Return what is known of a task that has left no reason: its process had no time to tell one."""
    host = getattr(ti, "hostname", None) or "its host"
    ended = f"try {getattr(ti, 'try_number', None) or 1} on {host} ended without an error of its own"
    if status := signal_in(log_of(ti)):
        return f"{ended}: {killed('its process', status)}"
    return (
        f"{ended}: its process was killed, often for lack of memory; or its worker died; or the task was stopped "
        "manually"
    )
