"""A task that a signal ended says so, though neither its process nor its container could."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlpretrain.deployment.failures import died
from rlpretrain.deployment.killed import container_status, killed, log_of, signal_in
from rlpretrain.deployment.local.airflow_api import AirflowApi

pytestmark = pytest.mark.airflow

SUPERVISOR = {
    "event": "Process terminated by signal. Likely out of memory error (OOM).",
    "level": "critical",
    "signal": -9,
    "signal_name": "SIGKILL",
}
"""What Airflow's supervisor writes into the log of a task whose process was killed."""


def task(**fields: Any) -> Any:
    values = {"dag_id": "nightly", "run_id": "r+1", "task_id": "mine", "map_index": -1, "try_number": 2}
    return SimpleNamespace(**{**values, "hostname": "worker-3", **fields})


@pytest.mark.parametrize(("map_index", "place"), [(-1, ""), (3, "map_index=3/")])
def test_the_signal_is_read_from_the_tasks_log(
    map_index: int, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path))
    ti = task(map_index=map_index)
    assert log_of(ti) == [] and "often for lack of memory; or" in died(ti)
    file = tmp_path / f"dag_id=nightly/run_id=r+1/task_id=mine/{place}attempt=2.log"
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(['{"event": "begins"}', "no JSON", "[" * 10**5, "3", json.dumps(SUPERVISOR)]))
    assert died(ti) == (
        "try 2 on worker-3 ended without an error of its own: its process was killed by the system (SIGKILL, exit "
        "status 137), most often for lack of memory"
    )
    file.write_text(json.dumps({**SUPERVISOR, "signal": -15, "signal_name": "SIGTERM"}))
    assert died(ti).endswith("its process was stopped from outside (SIGTERM, exit status 143)")
    file.write_text(json.dumps({"event": "ended", "signal_name": "SIGSEGV"}))
    assert signal_in(log_of(ti)) is None


def test_the_rest_client_says_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"task_id": "mine", "map_index": -1, "state": "failed", "try_number": 2, "rendered_map_index": None,
              "duration": 1.0}  # fmt: skip

    def answer(method: str, path: str, **_: Any) -> Any:
        if path.endswith("/taskInstances"):
            return {"task_instances": [failed], "total_entries": 1}
        if path.endswith("/xcomEntries"):
            return {"xcom_entries": []}
        assert path.endswith("/taskInstances/mine/logs/2")
        return {"content": ["a line", SUPERVISOR]}

    api = AirflowApi("http://127.0.0.1:1", "admin", "x")
    monkeypatch.setattr(api, "_call", answer)
    assert api.failures("nightly", "r") == {"mine": killed("its process", 137)}


def test_containers_tell_by_their_status() -> None:
    assert container_status("Docker container failed: {'Error': None, 'StatusCode': 137}") == 137
    assert container_status("Docker container failed: {'StatusCode': 1}") is None
    assert "memory" in killed("the container", 137) and "memory" not in killed("the container", 143)
