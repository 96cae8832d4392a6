"""One bring-up of the whole system, and one run in it, for all tests of this folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from rlpretrain.deployment.local.airflow_api import AirflowApi
from tests.compose.system import System, compose_command
from tests.conftest import images_are_built, missing
from tests.stages.conftest import TINY

if TYPE_CHECKING:
    from docker.api.client import APIClient

DAG, RUN = "rl_pretraining", "compose"
PATIENCE = 1_500.0
"""Seconds for a run; it takes four minutes on an idle machine, but other tests run beside it."""
CONF = {name: value for name, value in TINY.items() if name not in ("market", "catalogue")}
IMAGES = {
    "AIRFLOW_IMAGE": "rlpretrain-airflow:latest",
    "TRAINER_IMAGE": "rlpretrain-trainer:latest",
    "POSTGRES_IMAGE": "rlpretrain-ci-postgres:latest",
    "REDIS_IMAGE": "rlpretrain-ci-redis:latest",
}
"""What `.ci/run` builds, where the environment names no others."""


@pytest.fixture(scope="session")
def images(engine: APIClient) -> dict[str, str]:
    """Name the images; nothing is pulled by a test."""
    images_are_built()
    chosen = {name: os.environ.get(name) or image for name, image in IMAGES.items()}
    absent = [image for image in chosen.values() if not engine.images(name=image)]
    if absent:
        missing(f"images not on the Docker host: {', '.join(absent)}")
    if compose_command() is None:
        missing("Docker Compose is not installed")
    return chosen


@pytest.fixture(scope="session")
def system(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    system = System.prepare(
        tmp_path_factory.mktemp("compose"),
        profiles=["demo"],
        **images,
        MARKET=TINY["market"],
        CATALOGUE=TINY["catalogue"],
        AIRFLOW_USE_SCHEDULE="False",
        API_WORKERS="1",
    )
    try:
        system.compose("up", "--detach")
        system.wait_until_healthy(300)
        yield system
    finally:
        system.compose("down", "--volumes", "--timeout", "10")


@pytest.fixture(scope="session")
def admin(system: System) -> Iterator[AirflowApi]:
    with AirflowApi(system.url, "admin", system.secrets["airflow_admin_password"]) as api:
        api.log_in()
        yield api


@pytest.fixture(scope="session")
def finished(system: System, admin: AirflowApi) -> dict[str, Any]:
    """Run the nightly DAG to its end; gives what ``pipeline_results.json`` holds."""
    deadline = time.monotonic() + 120
    while not admin.dag_is_loaded(DAG):
        assert time.monotonic() < deadline, admin.import_errors()
        time.sleep(1)
    admin.unpause(DAG)
    admin.trigger(DAG, RUN, CONF)
    deadline = time.monotonic() + PATIENCE
    while (state := admin.run_state(DAG, RUN)) in ("queued", "running"):
        assert time.monotonic() < deadline, admin.task_states(DAG, RUN)
        time.sleep(2)
    if state != "success":
        failed = [task for task in admin.task_states(DAG, RUN) if task.state == "failed"]
        logs = [system.execute("scheduler", "sh", "-c", _last_log(task.task_id)) for task in failed[:2]]
        pytest.fail(f"{state}: {[task.task_id for task in failed]}\n" + "\n".join(logs))
    text = system.execute("scheduler", "cat", f"/opt/airflow/artifacts/{RUN}/pipeline_results.json")
    results: dict[str, Any] = json.loads(text)
    return results


def _last_log(task: str) -> str:
    return f"tail -n 30 $(ls -t /opt/airflow/logs/dag_id={DAG}/run_id={RUN}/task_id={task}/*.log | head -n 1)"
