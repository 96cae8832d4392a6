"""Runs as Airflow's own database has them, found by the names of their folders."""

import datetime as dt
import sqlite3
import string
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rlpretrain.artifacts import RunFolder
from rlpretrain.deployment.web.airflow_runs import airflow_run, airflow_runs, like_run_ids
from rlpretrain.errors import StageError

DAG, OTHER = "of these tests", "another of these tests"
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
IDS = ["manual__2026-01-01T00:00:00+00:00", "a:b", "a+b", "a_b", "_ab_", "x" * 199 + ":tail"]
"""In the order in which they were made; three share one folder's name."""

run_ids = st.text(string.ascii_letters + string.digits + "_.~:+-", min_size=1, max_size=250)


@given(run_ids)
def test_every_run_id_fits_the_pattern_of_its_folder(run_id: str) -> None:
    try:
        name = RunFolder.safe_name(run_id)
    except StageError:
        assume(False)
    (fits,) = sqlite3.connect(":memory:").execute("SELECT ? LIKE ?", (run_id, like_run_ids(name))).fetchone()
    assert fits


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
    assert set(listed) == {"manual__2026-01-01T00_00_00_00_00", "a_b", "ab", "x" * 199 + "_"}
    assert listed["a_b"].run_id == "a_b"
    assert listed["ab"].started == START + dt.timedelta(days=IDS.index("_ab_"))
    assert {name: airflow_run(DAG, name) for name in listed} == listed


@pytest.mark.airflow
@pytest.mark.parametrize("name", ["a", "alone", "A_B", "%", "a%b", "a:b", "a_b\0", "a_b\\", "..", ""])
def test_no_other_name_finds_a_run(stored: None, name: str) -> None:
    assert airflow_run(DAG, name) is None
