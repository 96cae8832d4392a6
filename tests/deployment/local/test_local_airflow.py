"""The private Airflow: what it leaves behind, and what it finds left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.local_airflow import OWNER_VARIABLE, LocalAirflow
from rlpretrain.errors import ServiceError, SettingsError, StageError
from tests.conftest import PROJECT

pytestmark = pytest.mark.airflow


def until(done: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def owned_by(home: Path) -> list[int]:
    wanted = f"{OWNER_VARIABLE}={home}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def local_airflow(home: Path, dags: Path) -> LocalAirflow:
    return LocalAirflow(home, dags=dags, plugins=home / "none", environment={}, parallelism=2)


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, empty_airflow: Callable[[Path], Path]
) -> Iterator[tuple[LocalAirflow, AirflowApi]]:
    folder = tmp_path_factory.mktemp("local")
    dags = folder / "dags"
    dags.mkdir()
    (dags / "tiny.py").write_text(
        "from airflow.sdk import Param, dag, task\n"
        "@dag(schedule='@daily', params={'n': Param(2, type='integer', minimum=1)})\n"
        "def tiny():\n"
        "    @task\n"
        "    def numbers(params=None): return list(range(params['n']))\n"
        "    @task(map_index_template='{{ task.op_kwargs.n }}')\n"
        "    async def double(n): return 2 * n\n"
        "    double.expand(n=numbers())\n"
        "tiny()\n"
    )
    home = empty_airflow(folder / "home")
    leftover = subprocess.Popen(["sleep", "600"], env={**os.environ, OWNER_VARIABLE: str(home)})
    with local_airflow(home, dags) as airflow, AirflowApi(airflow.url, airflow.user, airflow.password) as api:
        assert leftover.poll() is not None
        until(api.healthy)
        api.log_in()
        until(lambda: api.dag_is_loaded("tiny"))
        yield airflow, api
    assert owned_by(home) == []


def test_a_run_is_triggered_followed_and_finished(running: tuple[LocalAirflow, AirflowApi]) -> None:
    airflow, api = running
    api.trigger("tiny", "first", {"n": 3})
    api.unpause("tiny")
    until(lambda: api.run_state("tiny", "first") in ("success", "failed"))
    assert api.run_state("tiny", "first") == "success"
    assert api.task_order("tiny") == ["numbers", "double"]
    instances = api.task_states("tiny", "first")
    assert sorted((one.task_id, one.map_index, one.state) for one in instances) == [
        ("double", 0, "success"),
        ("double", 1, "success"),
        ("double", 2, "success"),
        ("numbers", -1, "success"),
    ]
    # The schedule belongs to a deployment: nothing but what was triggered runs here.
    assert [path.name for path in (airflow.logs / "dag_id=tiny").iterdir()] == ["run_id=first"]


def test_a_value_against_its_schema_is_refused(running: tuple[LocalAirflow, AirflowApi]) -> None:
    with pytest.raises(SettingsError, match="minimum"):
        running[1].trigger("tiny", "second", {"n": 0})


def test_strangers_are_refused(running: tuple[LocalAirflow, AirflowApi]) -> None:
    airflow, _ = running
    with AirflowApi(airflow.url, airflow.user, "guess") as stranger:
        with pytest.raises(ServiceError, match="401"):
            stranger.log_in()
        with pytest.raises(ServiceError, match="401"):
            stranger.run_state("tiny", "first")
    assert airflow.passwords.stat().st_mode & 0o077 == 0


def test_one_home_serves_one_run(running: tuple[LocalAirflow, AirflowApi]) -> None:
    airflow, _ = running
    with pytest.raises(StageError, match="in use"), local_airflow(airflow.home, airflow.home):
        pass
    airflow.check()


def test_a_component_that_dies_is_noticed(
    tmp_path: Path, empty_airflow: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rlpretrain.deployment.local.local_airflow.COMPONENTS", {"scheduler": ("scheduler", "--no-such-flag")}
    )
    with local_airflow(empty_airflow(tmp_path / "home"), tmp_path) as airflow:
        airflow._processes["scheduler"].wait()
        with pytest.raises(StageError, match=r"scheduler ended with 2:[\s\S]*--help"):
            airflow.check()


@pytest.mark.slow
def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rlpretrain.deployment.local"],
        env={**os.environ, "ARTIFACTS": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "started; watch it" in line:
            break
    home = PROJECT / ".airflow"
    assert owned_by(home)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    # What make passes on, or an impatient hand: the stopping goes on.
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert owned_by(home) == []


def run_local(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rlpretrain.deployment.local"],
        env={**os.environ, "ARTIFACTS": str(tmp_path), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"PARAMS": '{"max_strategie": 3}'}, "did you mean 'max_strategies'"),
        ({"PARAMS": '{"max_strategies": 0}'}, "max_strategies"),
        ({"PARAMS": "seed=3"}, "not JSON"),
        ({"PARAMS": '{"validation_start": "2024-01-01", "test_start": "2020-01-01"}'}, "must be before"),
        ({"TRAINER": "spaceship"}, "trainer"),
    ],
)
def test_bad_settings_end_before_airflow_starts(
    tmp_path: Path, variables: dict[str, str], reason: str
) -> None:
    finished = run_local(tmp_path, **variables)
    assert finished.returncode == 2
    assert reason in finished.stderr
    assert "starting Airflow" not in finished.stdout


@pytest.mark.slow
def test_a_failed_run_says_why(tmp_path: Path) -> None:
    finished = run_local(tmp_path, CATALOGUE=str(tmp_path / "nowhere"))
    assert finished.returncode == 1
    assert "list failed" in finished.stdout
    assert str(tmp_path / "nowhere") in finished.stdout
    assert "report:" not in finished.stdout
