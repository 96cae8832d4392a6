"""The text of a notification about a run that succeeded, one that failed, and one that is late.

Each function takes the context that Airflow passes to its callbacks, which contains less than a task's context: parts
may be missing.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from rlpretrain.deployment.failures import FAILURE_KEY, died

__all__ = ["RESULT_TASK", "AlertMessage", "failed_run", "late_run", "successful_run"]

RESULT_TASK = "report"
"""Task whose XCom is the run's result."""

Event = Literal["success", "failure", "late"]


@dataclass(frozen=True)
class AlertMessage:
    """One notification, the same for every way of sending it."""

    event: Event
    dag_id: str
    run_id: str
    subject: str
    lines: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """The message's content for programs: the verdict and figures, or the task and reason."""

    @property
    def url(self) -> str:
        """Address of the run in Airflow's UI."""
        from airflow.sdk.configuration import conf

        base = conf.get("api", "base_url", fallback="") or "http://localhost:8080"
        return f"{base.rstrip('/')}/dags/{quote(self.dag_id)}/runs/{quote(self.run_id, safe='')}"

    @property
    def text(self) -> str:
        """The whole message as plain text."""
        return "\n".join([self.subject, *self.lines, self.url])

    @property
    def html(self) -> str:
        """The message as the HTML body of a mail, with all texts escaped."""
        paragraphs = "".join(f"<p>{html.escape(line)}</p>" for line in self.lines)
        return f'{paragraphs}<p><a href="{html.escape(self.url)}">{html.escape(self.run_id)}</a></p>'


def successful_run(context: Mapping[str, Any]) -> AlertMessage:
    """Report the verdict, the figures and where the report is."""
    dag_id, run_id = _names(context)
    result = _pulled(context, RESULT_TASK)
    if not isinstance(result, Mapping):
        return AlertMessage("success", dag_id, run_id, f"{dag_id}: succeeded", ("This run has no report.",))
    figures = {name: value for name, value in result["figures"].items() if value is not None}
    lines = (
        *result["summary"],
        "Figures: " + ", ".join(f"{name} {value:.4g}" for name, value in figures.items()),
        f"Report: {result['report']}",
    )
    return AlertMessage("success", dag_id, run_id, f"{dag_id}: {result['headline']}", lines, result)


def failed_run(context: Mapping[str, Any]) -> AlertMessage:
    """Report the task that failed last, why, and where to look."""
    dag_id, run_id = _names(context)
    ti = context.get("ti")
    if context.get("reason") == "timed_out":
        lines: tuple[str, ...] = ("The run took longer than dagrun_timeout allows.",)
        return AlertMessage("failure", dag_id, run_id, f"{dag_id}: run timed out", lines)
    if ti is None:
        reason = str(context.get("reason") or "unknown")
        return AlertMessage("failure", dag_id, run_id, f"{dag_id}: run failed", (f"Reason: {reason}.",))
    reason = _pulled(context, ti.task_id) or died(ti)
    lines = (
        f"Reason: {reason}",
        f"Log: {ti.log_url}",
        "Clear the task to try again; finished stages are not repeated.",
    )
    facts = {"task": ti.task_id, "map_index": ti.map_index, "reason": reason}
    return AlertMessage("failure", dag_id, run_id, f"{dag_id}: task {ti.task_id} failed", lines, facts)


def late_run(context: Mapping[str, Any]) -> AlertMessage | None:
    """Report that a run missed its deadline; None where it had ended, since Airflow calls this for failed runs too."""
    run, deadline = context["dag_run"], str(context["deadline"]["deadline_time"])
    if run["state"] in ("success", "failed"):
        return None
    subject = f"{run['dag_id']}: run is late"
    lines = (
        f"It is {run['state']} and should have finished by {deadline}.",
        f"It was queued at {run['queued_at']} and started at {run['start_date']}.",
    )
    return AlertMessage("late", run["dag_id"], run["dag_run_id"], subject, lines, {"deadline": deadline})


def _names(context: Mapping[str, Any]) -> tuple[str, str]:
    return context["dag"].dag_id, str(context["run_id"])


def _pulled(context: Mapping[str, Any], task_id: str) -> Any:
    """Read a task's XCom, or None: a message without it is better than no message."""
    ti = context.get("ti")
    if ti is None:
        return None
    if task_id == RESULT_TASK:
        return ti.xcom_pull(task_ids=task_id)
    return ti.xcom_pull(task_ids=task_id, key=FAILURE_KEY, map_indexes=ti.map_index)
