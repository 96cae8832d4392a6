"""A private Airflow at work: what it finds left behind, whom it serves, and a run followed by `AirflowApi`."""

from __future__ import annotations

from collections import Counter

import pytest

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.local_airflow import LocalAirflow
from rlpretrain.deployment.web.places import DAG_ID
from rlpretrain.errors import ServiceError, StageError
from tests.live.conftest import RUN_ID, Finished, Live

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


def test_what_a_killed_run_left_is_ended_at_the_start(live: Live) -> None:
    assert live.leftover.poll() is not None


def test_a_run_is_followed_task_by_task(live: Live, finished: Finished) -> None:
    order = live.api.task_order(DAG_ID)
    assert order[0] == "resolve_settings"
    stages = ["update", "list", "extract", "mine", "check", "pretrain", "transfer", "validate", "report"]
    assert [name for name in order if name in stages] == stages
    found = live.api.task_states(DAG_ID, RUN_ID)
    assert {one.task_id for one in found} == set(order)
    assert [(one.map_index, one.label, one.state) for one in found if one.task_id == "extract"] == [
        (0, "chunk 0", "success"),
        (1, "chunk 1", "success"),
    ]
    assert {one.map_index for one in found if one.task_id == "mine"} == {-1}
    assert Counter(one.state for one in found).keys() == {"success", "skipped"}
    assert all(one.try_number == 1 and one.seconds is not None for one in found if one.state == "success")


def test_nothing_runs_but_what_was_triggered(live: Live, finished: Finished) -> None:
    """The schedule belongs to a deployment."""
    runs = {path.name for path in (live.airflow.logs / f"dag_id={DAG_ID}").iterdir()}
    assert f"run_id={RUN_ID}" in runs
    assert not any("scheduled" in name for name in runs)
    assert [path.name for path in live.airflow.logs.glob("dag_id=*")] == [f"dag_id={DAG_ID}"]


def test_strangers_are_refused(live: Live, finished: Finished) -> None:
    with AirflowApi(live.url, live.airflow.user, "guess") as stranger:
        with pytest.raises(ServiceError, match="401"):
            stranger.log_in()
        with pytest.raises(ServiceError, match="401"):
            stranger.run_state(DAG_ID, RUN_ID)
    assert live.airflow.passwords.stat().st_mode & 0o077 == 0


def test_one_home_serves_one_run(live: Live) -> None:
    home = live.airflow.home
    second = LocalAirflow(home, dags=home, plugins=home, environment={}, parallelism=2)
    with pytest.raises(StageError, match="in use"), second:
        pass
    live.airflow.check()
