"""Runs as Airflow's own database has them."""

import datetime as dt
from collections.abc import Iterator

import pytest

from rlpretrain.deployment.web.airflow_runs import airflow_run, airflow_runs

DAG, OTHER = "of these tests", "another of these tests"
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
IDS = ["manual__2026-01-01T00:00:00+00:00", "a:b", "a+b", "a_b", "_ab_", "x" * 199 + ":tail"]


@pytest.fixture
def stored(airflow_database: None) -> Iterator[None]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete, insert

    def row(dag_id: str, number: int, run_id: str) -> dict[str, object]:
        when = START + dt.timedelta(days=number)
        return {"dag_id": dag_id, "run_id": run_id, "run_type": "manual", "state": "queued", "queued_at": when,
                "run_after": when}  # fmt: skip

    rows = [row(DAG, number, run_id) for number, run_id in enumerate(IDS)]
    with create_session(scoped=False) as session:
        session.execute(insert(DagRun), [*rows, row(OTHER, 99, "a:b"), row(OTHER, 99, "alone")])
    yield
    with create_session(scoped=False) as session:
        session.execute(delete(DagRun).where(DagRun.dag_id.in_([DAG, OTHER])))


@pytest.mark.airflow
def test_one_run_is_the_one_that_the_list_has(stored: None) -> None:
    listed = airflow_runs(DAG)
    assert set(listed) == set(IDS)
    assert listed["_ab_"].started == START + dt.timedelta(days=IDS.index("_ab_"))
    assert {run_id: airflow_run(DAG, run_id) for run_id in listed} == listed


@pytest.mark.airflow
@pytest.mark.parametrize("name", ["a", "alone", "A_B", "%", "a%b", "a:b ", "a_b\\", "..", ""])
def test_no_other_name_finds_a_run(stored: None, name: str) -> None:
    assert airflow_run(DAG, name) is None
