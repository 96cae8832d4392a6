"""What Airflow's own database knows of the runs."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlpretrain.artifacts import RunFolder

if TYPE_CHECKING:
    from sqlalchemy import Row, Select

__all__ = ["AirflowRun", "airflow_run", "airflow_runs"]

_MOST_RUNS = 5_000
"""Of Airflow's, the newest; a nightly run fills this in some twenty years."""


@dataclass(frozen=True)
class AirflowRun:
    """What Airflow knows of a run."""

    run_id: str
    state: str
    started: dt.datetime | None
    ended: dt.datetime | None

    @property
    def name(self) -> str:
        """Of the run's folder."""
        return RunFolder.safe_name(self.run_id)


def airflow_runs(dag_id: str) -> dict[str, AirflowRun]:
    """Read the runs of a DAG, by the names of their folders; of those that share one, the newest."""
    return {run.name: run for run in reversed(_read(_newest_first(dag_id)))}


def airflow_run(dag_id: str, name: str) -> AirflowRun | None:
    """Read the newest run of a DAG whose folder has this name; None where there is none.

    Parameters
    ----------
    name
        From a request; Airflow is not asked for what no folder is called.
    """
    from airflow.models.dagrun import DagRun

    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        return None
    candidates = _read(_newest_first(dag_id).where(DagRun.run_id.like(like_run_ids(name))))
    return next((run for run in candidates if run.name == name), None)


def like_run_ids(name: str) -> str:
    """Return a pattern of SQL's LIKE that each run id fits whose folder has this name, and few others.

    Where the name has an underscore the run id may have any characters that a folder's name can't, and at the ends it
    may have more than the name.
    """
    return f"%{re.sub('_+', '%', name)}%"


def _newest_first(dag_id: str) -> Select[Any]:
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    return (
        select(DagRun.run_id, DagRun.state, DagRun.start_date, DagRun.end_date, DagRun.queued_at)
        .where(DagRun.dag_id == dag_id)
        .order_by(DagRun.id.desc())
        .limit(_MOST_RUNS)
    )


def _read(query: Select[Any]) -> list[AirflowRun]:
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        return [_run(row) for row in session.execute(query)]


def _run(row: Row[Any]) -> AirflowRun:
    return AirflowRun(row.run_id, str(row.state), row.start_date or row.queued_at, row.end_date)
