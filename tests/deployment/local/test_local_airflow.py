"""The private Airflow of `make run`: how it ends, and what it leaves behind. `tests/live` has one at work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from rlpretrain.deployment.local.local_airflow import OWNER_VARIABLE, LocalAirflow
from rlpretrain.errors import StageError
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
