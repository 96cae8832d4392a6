"""The nightly DAG on real Celery: a broker, Postgres, and two workers with a queue each."""

import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.local_airflow import COMPONENTS, LocalAirflow
from rlpretrain.runs.run_folder import RunFolder
from tests.conftest import PROJECT
from tests.dags.conftest import SMALL

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

LEARNING = {"pretrain", "transfer", "validate", "decide"}
WORKERS = {
    f"worker-{queue}": (
        "celery", "worker", "--queues", queue, "--concurrency", "2", "--celery-hostname", f"{queue}@%h",
        "--skip-serve-logs", "--without-mingle", "--without-gossip",
    )
    for queue in ("default", "gpu")
}  # fmt: skip


def until(done: Callable[[], bool], airflow: LocalAirflow, seconds: float = 600.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        airflow.check()
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.fixture
def broker() -> Iterator[str]:
    """URL of a Redis server of our own, which keeps nothing."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    password = secrets.token_urlsafe(16)
    settings = f"bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ''\nappendonly no\n"
    server = subprocess.Popen([program, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert server.stdin is not None
    server.stdin.write(settings.encode())
    server.stdin.close()
    try:
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture
def database(postgres_server: str) -> str:
    name = f"airflow_{secrets.token_hex(4)}"
    connection = psycopg2.connect(f"{postgres_server}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    return f"{postgres_server}/{name}".replace("postgresql:", "postgresql+psycopg2:")


def executed(airflow: LocalAirflow, worker: str) -> set[str]:
    """Return the tasks that a worker ran, by its own log."""
    log = (airflow.home / f"{worker}.log").read_text(errors="replace")
    return set(re.findall(r"task_id='(\w+)'", log))


def test_the_nightly_dag_runs_on_two_workers(tmp_path: Path, broker: str, database: str) -> None:
    airflow = LocalAirflow(
        tmp_path / "home",
        dags=PROJECT / "dags",
        plugins=PROJECT / "plugins",
        environment={
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
            "RLPRETRAIN_OUTPUT_DIR": str(tmp_path / "runs"),
            "RLPRETRAIN_TRAINING_QUEUE": "gpu",
        },
        parallelism=4,
        database=database,
        components={**COMPONENTS, **WORKERS},
    )
    with airflow, AirflowApi(airflow.url, airflow.user, airflow.password) as api:
        until(api.healthy, airflow)
        api.log_in()
        until(lambda: api.dag_is_loaded("rl_pretraining"), airflow)
        api.trigger(
            "rl_pretraining",
            "on-celery",
            {**SMALL, "chunk_size": 24, "num_epochs": 5, "validation_envs": ["SPY"]},
        )
        api.unpause("rl_pretraining")
        until(lambda: api.run_state("rl_pretraining", "on-celery") in ("success", "failed"), airflow)
        states = {task.task_id: task.state for task in api.task_states("rl_pretraining", "on-celery")}
        assert api.run_state("rl_pretraining", "on-celery") == "success", states
        learned, rest = executed(airflow, "worker-gpu"), executed(airflow, "worker-default")
    assert learned == LEARNING
    assert {"resolve_settings", "extract", "mine", "analyze", "report"} <= rest
    assert not rest & LEARNING
    folder = RunFolder(tmp_path / "runs" / "on-celery")
    for stage in ("extract/chunk_0000", "mine", "pretrain", "validate/SPY", "report"):
        folder.require(stage)
