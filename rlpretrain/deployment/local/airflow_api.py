"""The calls to Airflow's REST API that start, follow and stop a run, and read its result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter
from types import TracebackType
from typing import Any, Self

import httpx

from rlpretrain.deployment.failures import FAILURE_KEY
from rlpretrain.deployment.killed import killed, signal_in
from rlpretrain.deployment.notifications.alert_message import RESULT_TASK
from rlpretrain.errors import ServiceError, SettingsError

__all__ = ["AirflowApi", "TaskState"]


@dataclass(frozen=True)
class TaskState:
    """One task instance of a run."""

    task_id: str
    map_index: int
    """-1 where the task is not mapped."""
    label: str
    """Rendered name of a mapped instance."""
    state: str | None
    """Airflow's state; None before it is scheduled."""
    try_number: int
    seconds: float | None
    """Time that the last try has taken; None before it starts."""


class AirflowApi:
    """A session with an api-server.

    Parameters
    ----------
    url
        Root of the server, for example ``http://127.0.0.1:8080``.
    user, password
        Credentials for the token.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self._credentials = {"username": user, "password": password}
        # A proxy meant for the internet would intercept calls to this machine.
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def healthy(self) -> bool:
        """Return whether the server and the scheduler are healthy."""
        try:
            answer = self._client.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return False
        return answer.is_success and bool(answer.json()["scheduler"]["status"] == "healthy")

    def log_in(self) -> None:
        """Get a token for the calls that follow."""
        token = self._call("POST", "/auth/token", json=self._credentials)["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def dag_is_loaded(self, dag_id: str, since: datetime | None = None) -> bool:
        """Return whether the DAG processor has read the DAG, at or after `since` if that is given."""
        answer = self._client.get(f"/api/v2/dags/{dag_id}")
        if not answer.is_success or since is None:
            return answer.is_success
        parsed = answer.json()["last_parsed_time"]
        return parsed is not None and datetime.fromisoformat(parsed) >= since

    def import_errors(self) -> list[str]:
        """Return the stack trace of each DAG file that can't be imported."""
        return [error["stack_trace"] for error in self._call("GET", "/api/v2/importErrors")["import_errors"]]

    def unpause(self, dag_id: str) -> None:
        """Unpause the DAG, so that the scheduler runs it."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> None:
        """Start a run.

        Raises
        ------
        SettingsError
            A value of `conf` violates the schema of its Param.
        """
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the run's state: queued, running, success or failed."""
        return str(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_order(self, dag_id: str) -> list[str]:
        """Return the names of the DAG's tasks, each after those it waits for."""
        waits_for: dict[str, set[str]] = {}
        for task in self._call("GET", f"/api/v2/dags/{dag_id}/tasks")["tasks"]:
            waits_for.setdefault(task["task_id"], set())
            for later in task["downstream_task_ids"]:
                waits_for.setdefault(later, set()).add(task["task_id"])
        return list(TopologicalSorter(waits_for).static_order())

    def task_states(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return the state of every task instance of the run."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found: list[TaskState] = []
        while True:
            page = self._call("GET", path, params={"limit": 100, "offset": len(found)})
            found += [_task_state(entry) for entry in page["task_instances"]]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def result(self, dag_id: str, run_id: str) -> Any:
        """Return the verdict, the figures and the files' paths, as the report's task returns them; None before that."""
        return self._xcom(dag_id, run_id, RESULT_TASK, "return_value", -1)

    def failures(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Return each failed task's reason; "" where its worker could not store one, and the log tells no signal."""
        return {
            f"{task.task_id} {task.label}".rstrip(): str(
                self._xcom(dag_id, run_id, task.task_id, FAILURE_KEY, task.map_index)
                or self._signal(dag_id, run_id, task)
            )
            for task in self.task_states(dag_id, run_id)
            if task.state == "failed"
        }

    def _signal(self, dag_id: str, run_id: str, task: TaskState) -> str:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}/logs/{max(task.try_number, 1)}"
        log = self._call("GET", path, params={"map_index": task.map_index, "full_content": True})["content"]
        status = signal_in(entry for entry in log if isinstance(entry, dict))
        return killed("its process", status) if status else ""

    def cancel(self, dag_id: str, run_id: str) -> None:
        """Stop the run's tasks and mark the run as failed."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}", json={"state": "failed"})

    def _xcom(self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int) -> Any:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries"
        query = {"map_index": map_index}
        entries = self._call("GET", path, params=query)["xcom_entries"]
        if key not in {entry["key"] for entry in entries}:
            return None
        return self._call("GET", f"{path}/{key}", params={**query, "deserialize": True})["value"]

    def _call(self, method: str, path: str, **request: Any) -> Any:
        for attempt in range(5):
            try:
                answer = self._client.request(method, path, **request)
                break
            except httpx.TransportError as error:
                # A busy machine may not answer in time; asking again for the same thing changes nothing.
                if method != "GET" or attempt == 4:
                    raise ServiceError(f"Airflow's server: {error}", retryable=True) from error
                time.sleep(1)
        if answer.status_code in (400, 422):
            raise SettingsError(_detail(answer))
        if not answer.is_success:
            raise ServiceError(f"Airflow answered {answer.status_code} to {method} {path}: {_detail(answer)}")
        return answer.json()


def _task_state(entry: Mapping[str, Any]) -> TaskState:
    return TaskState(
        task_id=entry["task_id"],
        map_index=entry["map_index"],
        label=entry["rendered_map_index"] or "",
        state=entry["state"],
        try_number=entry["try_number"],
        seconds=entry["duration"],
    )


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return answer.text[:500]
    return detail if isinstance(detail, str) else str(detail)
