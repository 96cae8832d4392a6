"""The runs as Airflow's own database records them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlpretrain.deployment.failures import FAILURE_KEY, died

if TYPE_CHECKING:
    from sqlalchemy import Row, Select

__all__ = ["AirflowRun", "Failure", "airflow_run", "airflow_runs", "failures_of"]

_MAX_RUNS = 5_000
"""Newest runs of Airflow that are read; a nightly run reaches this number after almost twenty years."""


@dataclass(frozen=True)
class AirflowRun:
    """A run as Airflow records it."""

    run_id: str
    state: str
    started: dt.datetime | None
    ended: dt.datetime | None


@dataclass(frozen=True)
class Failure:
    """A task that failed, and why."""

    task_id: str
    map_index: int
    """-1 where the task is not mapped."""
    label: str
    """Name of a mapped instance, such as its asset; else empty."""
    reason: str


def airflow_runs(dag_id: str) -> dict[str, AirflowRun]:
    """Read the newest runs of a DAG, keyed by their ids."""
    return {run.run_id: run for run in reversed(_read(_newest_first(dag_id)))}


def airflow_run(dag_id: str, run_id: str) -> AirflowRun | None:
    """Read one run of a DAG; None where Airflow does not know it."""
    from airflow.models.dagrun import DagRun

    return next(iter(_read(_newest_first(dag_id).where(DagRun.run_id == run_id))), None)


def failures_of(dag_id: str, run_ids: Sequence[str]) -> dict[str, tuple[Failure, ...]]:
    """Read the failed tasks of some runs, the first that failed first; runs without one are left out."""
    from airflow.models.taskinstance import TaskInstance as Instance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    failed = (
        select(Instance)
        .where(Instance.dag_id == dag_id, Instance.run_id.in_(run_ids), Instance.state == "failed")
        .order_by(Instance.end_date, Instance.task_id, Instance.map_index)
    )
    stored = select(XComModel).where(
        XComModel.dag_id == dag_id, XComModel.run_id.in_(run_ids), XComModel.key == FAILURE_KEY
    )
    with create_session(scoped=False) as session:
        reasons = {
            (one.run_id, one.task_id, one.map_index): str(XComModel.deserialize_value(one))
            for one in session.scalars(stored)
        }
        found: dict[str, tuple[Failure, ...]] = {}
        for task in session.scalars(failed):
            reason = reasons.get((task.run_id, task.task_id, task.map_index)) or died(task)
            label = (task.rendered_map_index or str(task.map_index)) if task.map_index >= 0 else ""
            failure = Failure(task.task_id, task.map_index, label, reason)
            found[task.run_id] = (*found.get(task.run_id, ()), failure)
    return found


def _newest_first(dag_id: str) -> Select[Any]:
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    return (
        select(DagRun.run_id, DagRun.state, DagRun.start_date, DagRun.end_date, DagRun.queued_at)
        .where(DagRun.dag_id == dag_id)
        .order_by(DagRun.id.desc())
        .limit(_MAX_RUNS)
    )


def _read(query: Select[Any]) -> list[AirflowRun]:
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        return [_run(row) for row in session.execute(query)]


def _run(row: Row[Any]) -> AirflowRun:
    return AirflowRun(row.run_id, str(row.state), row.start_date or row.queued_at, row.end_date)
