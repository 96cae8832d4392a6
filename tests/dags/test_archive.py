"""The weekly DAG of the archive: as written, and run inside the test's process."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pendulum
import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from rlpretrain.deployment.runs.retries import TransientFailures
from rlpretrain.patterns.store import open_store
from rlpretrain.patterns.store.schema import runs
from tests.conftest import PROJECT
from tests.dags.conftest import load_dag_file
from tests.patterns.building import random_patterns


@pytest.fixture
def weekly() -> DAG:
    dag: DAG = load_dag_file("rl_pattern_archive").weekly
    return dag


def test_steps_follow_each_other(weekly: DAG) -> None:
    assert weekly.task_ids == ["resolve_settings", "archive", "compact", "remove_old_runs"]
    assert weekly.get_task("compact").upstream_task_ids == {"archive", "resolve_settings"}
    assert weekly.get_task("resolve_settings").retries == 2
    assert all(isinstance(task.retry_policy, TransientFailures) for task in weekly.tasks)


def test_runs_once_a_week(weekly: DAG) -> None:
    assert weekly.catchup is False and weekly.max_active_runs == 1
    scheduled = DagSerialization.from_dict(DagSerialization.to_dict(weekly))
    start = pendulum.datetime(2025, 7, 1, tz="America/New_York")
    starts = [info.run_after for info in scheduled.iter_dagrun_infos_between(start, start.add(days=14))]
    assert starts == [pendulum.datetime(2025, 7, day, 6, tz="America/New_York") for day in (5, 12)]


def test_two_readings_give_one_version(weekly: DAG) -> None:
    again = load_dag_file("rl_pattern_archive").weekly
    assert DagSerialization.to_dict(weekly) == DagSerialization.to_dict(again)


def test_reading_the_dag_imports_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "pandas", "pyarrow", "alembic", "psycopg2", "docker"}
    before = "import airflow.sdk, sys; known = set(sys.modules)"
    code = f"{before}; import rl_pattern_archive; print(*sorted({heavy!r} & (set(sys.modules) - known)))"
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT / "dags", capture_output=True, text=True, check=True
    )
    assert finished.stdout.split() == []


def test_params_keep_their_schema(weekly: DAG) -> None:
    assert weekly.params.dump() == {
        "older_than_days": 90, "compact": True, "keep_runs": 30, "runs_older_than_days": 30,
    }  # fmt: skip
    for name in weekly.params:
        param = weekly.params.get_param(name)
        assert param.description and param.schema["type"] and param.schema["section"]
    for name, value in (("older_than_days", 0), ("older_than_days", "old"), ("compact", "perhaps")):
        with pytest.raises(ParamValidationError):
            weekly.params.get_param(name).resolve(value)


@pytest.mark.airflow
@pytest.mark.usefixtures("airflow_database")
def test_old_patterns_leave_the_store(weekly: DAG, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("RLPRETRAIN_STORE_URL", url)
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", str(tmp_path))
    with open_store(url) as store:
        for night in range(2):
            extraction = store.add_run(f"night {night}", {"market": night})
            store.add_patterns(extraction, random_patterns(50, night))
        with store.engine.begin() as connection:
            long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
            connection.execute(runs.update().where(runs.c.run_id == "night 0").values(used=long_ago))
        run = weekly.test(run_conf={"older_than_days": 30})
        assert run.state == "success"
        assert len(store.patterns(extraction)) == 50
        (place,) = (tmp_path / "archive").iterdir()
        assert (place / "manifest.json").is_file()
        with store.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM patterns").scalar_one() == 50


@pytest.mark.airflow
@pytest.mark.usefixtures("airflow_database")
def test_an_unknown_key_fails_the_first_task(weekly: DAG, capsys: pytest.CaptureFixture[str]) -> None:
    run = weekly.test(run_conf={"older_than": 3})
    assert run.state == "failed"
    assert "'older_than'" in capsys.readouterr().out


@pytest.mark.airflow
@pytest.mark.usefixtures("airflow_database")
def test_without_a_store_there_is_nothing_to_do(weekly: DAG) -> None:
    assert weekly.test().state == "success"
