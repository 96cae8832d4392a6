"""The private Airflow of `make run`: how it ends, and what it leaves behind. `tests/live` has one at work."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from rich.console import Console

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.home import OWNER_VARIABLE
from rlpretrain.deployment.local.local_airflow import LocalAirflow, _free_port
from rlpretrain.deployment.local.running_airflow import running_airflow
from rlpretrain.deployment.local.settings import run_environment
from rlpretrain.deployment.local.ui import start_ui, stop_ui
from rlpretrain.errors import SettingsError, StageError
from tests.conftest import PROJECT

pytestmark = pytest.mark.airflow


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


def test_all_components_are_given_one_key(tmp_path: Path) -> None:
    """And each Airflow another: its database is new, so nothing older must be read."""
    keys = {
        LocalAirflow(tmp_path, dags=tmp_path, plugins=tmp_path, environment={}, parallelism=2)._environment[
            "AIRFLOW__CORE__FERNET_KEY"
        ]
        for _ in range(2)
    }
    assert len(keys) == 2
    assert all(Fernet(key).decrypt(Fernet(key).encrypt(b"x")) == b"x" for key in keys)


def test_a_component_that_dies_is_noticed(
    tmp_path: Path, empty_airflow: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rlpretrain.deployment.local.local_airflow.COMPONENTS", {"scheduler": ("scheduler", "--no-such-flag")}
    )
    home = empty_airflow(tmp_path / "home")
    with LocalAirflow(home, dags=home, plugins=home, environment={}, parallelism=2) as airflow:
        airflow._processes["scheduler"].wait()
        with pytest.raises(StageError, match=r"scheduler ended with 2:[\s\S]*--help"):
            airflow.check()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home that `make run`, `make ui` and `make stop` of these tests share."""
    return tmp_path_factory.mktemp("kept") / "home"


def start_local(command: str, home: Path, artifacts: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rlpretrain.deployment.local", command],
        env={**os.environ, "UI_HOME": str(home), "ARTIFACTS": str(artifacts), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_an_interrupted_run_leaves_nothing(home: Path, tmp_path: Path) -> None:
    process = start_local("run", home, tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if "started; watch it" in line:
            break
    assert owned_by(home)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    # What make passes on, or an impatient hand: the stopping goes on.
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert owned_by(home) == []


@dataclass
class Started:
    """The UI that stays, as `make ui` has started it."""

    home: Path
    artifacts: Path
    said: str
    api: AirflowApi

    @property
    def runs(self) -> dict[str, str]:
        """The state of each run that Airflow knows."""
        found = self.api._call("GET", "/api/v2/dags/rl_pretraining/dagRuns")["dag_runs"]
        return {run["dag_run_id"]: run["state"] for run in found}


@pytest.fixture(scope="module")
def ui(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """`make ui` without `.venv` on the path, and `make stop`."""
    artifacts = tmp_path_factory.mktemp("artifacts")
    variables = {"UI_PORT": str(_free_port()), "PATH": "/usr/bin:/bin"}
    said, complaint = start_local("ui", home, artifacts, **variables).communicate()
    assert "login: admin, password " in said, complaint
    url, password = said.split(" runs at ")[1].split()[0], said.split("password ")[1].split()[0]
    assert url.endswith(variables["UI_PORT"])
    with AirflowApi(url, "admin", password) as api:
        api.log_in()
        yield Started(home, artifacts, said, api)
    stopped, _ = start_local("stop", home, artifacts).communicate()
    assert "Airflow has been stopped" in stopped
    assert owned_by(home) == []
    assert running_airflow(home) is None


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
def test_the_ui_stays_with_the_runs_of_its_home(ui: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(ui.runs.values()) <= {"failed"}, "the interrupted run does not go on"
    for name, value in (("UI_HOME", ui.home), ("ARTIFACTS", ui.artifacts)):
        monkeypatch.setenv(name, str(value))
    console = Console(file=io.StringIO(), width=200)
    assert start_ui(console) == 0
    again = console.file.getvalue()
    assert "runs already at " in again
    assert ui.said.split("password ")[1].split()[0] in again
    running = running_airflow(ui.home)
    assert running is not None
    running.check()
    with pytest.raises(SettingsError, match="RLPRETRAIN_STORE_URL"):
        running.require(
            run_environment({"STORE_URL": "sqlite:///secret", "ARTIFACTS": str(ui.artifacts)}, PROJECT)
        )
    assert "secret" not in (ui.home / "running.json").read_text()


@pytest.mark.slow
def test_a_failed_run_says_why_and_stays_in_the_ui(ui: Started, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    said, _ = (process := start_local("run", ui.home, ui.artifacts, CATALOGUE=nowhere)).communicate()
    assert process.returncode == 1
    assert "list failed" in said
    assert nowhere in said
    assert "report:" not in said
    name = said.split("run local-")[1].split()[0]
    assert ui.runs[f"local-{name}"] == "failed"
    assert owned_by(ui.home), "the UI goes on"


def test_a_port_in_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ARTIFACTS", str(tmp_path))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("UI_PORT", str(other.getsockname()[1]))
        with pytest.raises(StageError, match=r"port \d+ .*UI_PORT=8081"):
            start_ui(Console(file=io.StringIO()))
    monkeypatch.setenv("UI_PORT", "http")
    with pytest.raises(SettingsError, match="UI_PORT=http"):
        start_ui(Console(file=io.StringIO()))
    assert not (tmp_path / "home").exists()


def test_stopping_what_does_not_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UI_HOME", str(tmp_path / "home"))
    console = Console(file=io.StringIO())
    assert stop_ui(console) == 0
    assert "no Airflow of this checkout is running" in console.file.getvalue()
    assert not (tmp_path / "home").exists()
