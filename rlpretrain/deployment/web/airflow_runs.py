"""The runs as Airflow's own database records them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Row, Select

__all__ = ["AirflowRun", "airflow_run", "airflow_runs"]

_MAX_RUNS = 5_000
"""Newest runs of Airflow that are read; a nightly run reaches this number after almost twenty years."""


@dataclass(frozen=True)
class AirflowRun:
    """A run as Airflow records it."""

    run_id: str
    state: str
    started: dt.datetime | None
    ended: dt.datetime | None


def airflow_runs(dag_id: str) -> dict[str, AirflowRun]:
    """Read the newest runs of a DAG, keyed by their ids."""
    return {run.run_id: run for run in reversed(_read(_newest_first(dag_id)))}


def airflow_run(dag_id: str, run_id: str) -> AirflowRun | None:
    """Read one run of a DAG; None where Airflow does not know it."""
    from airflow.models.dagrun import DagRun

    return next(iter(_read(_newest_first(dag_id).where(DagRun.run_id == run_id))), None)


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
