"""Notifications: what they say, where they go, and what they keep to themselves."""

from __future__ import annotations

import datetime as dt
import json
import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from rlpretrain.deployment.notifications.alert_message import (
    AlertMessage,
    failed_run,
    late_run,
    successful_run,
)
from rlpretrain.deployment.notifications.alerts import (
    deadline_missed,
    nightly_deadline,
    record_failure,
    run_failed,
)
from rlpretrain.deployment.notifications.notifiers import WebhookNotifier, notification_targets, notifier
from rlpretrain.errors import ServiceError, SettingsError

SECRET = "token-9c1e"
MESSAGE = AlertMessage("failure", "nightly", "run:1+2", "nightly: <b>failed</b>", ("one & two",), {"n": 1})


class Task(SimpleNamespace):
    """A task instance as far as a callback of a run knows it."""

    def __init__(self, left: dict[tuple[str, str], Any], **parts: Any) -> None:
        names = {"dag_id": "nightly", "run_id": "r 1", "task_id": "mine", "map_index": -1, "try_number": 1}
        super().__init__(left=left, **names, log_url="http://airflow/log", **parts)

    def xcom_pull(self, *, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.left.get((task_ids, key))

    def xcom_push(self, key: str, value: Any) -> None:
        self.left[self.task_id, key] = value


def context(left: dict[tuple[str, str], Any] | None = None, **parts: Any) -> dict[str, Any]:
    return {"dag": SimpleNamespace(dag_id="nightly"), "run_id": "r 1", "ti": Task(left or {}), **parts}


def late_context(state: str) -> dict[str, Any]:
    run = {
        "dag_id": "nightly",
        "dag_run_id": "r1",
        "state": state,
        "queued_at": "18:30",
        "start_date": "18:31",
    }
    return {
        "dag_run": run,
        "deadline": {"id": "1", "deadline_time": dt.datetime(2025, 9, 18, 2, tzinfo=dt.UTC)},
    }


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if "broken" in self.path else 204)
            self.end_headers()

        def log_message(self, *parts: object) -> None:
            pass

    web = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}", received
    web.shutdown()
    web.server_close()


def connect(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps({"conn_type": "http", "password": url}))


def test_targets_are_a_list() -> None:
    text = " smtp:ops@example.com, webhook:alerts,slack:chat ,"
    assert notification_targets({"RLPRETRAIN_NOTIFY": text}) == (
        "smtp:ops@example.com",
        "webhook:alerts",
        "slack:chat",
    )
    assert notification_targets({}) == ()


@pytest.mark.parametrize("target", ["ops@example.com", "pager:ops", "smtp:", "webhook"])
def test_an_unknown_target_is_refused(target: str) -> None:
    with pytest.raises(SettingsError, match="RLPRETRAIN_NOTIFY"):
        notification_targets({"RLPRETRAIN_NOTIFY": f"webhook:good,{target}"})


def test_each_kind_is_airflows_notifier() -> None:
    mail: Any = notifier("smtp:ops@example.com", AlertMessage("late", "d", "r", "one\ntwo", ()))
    assert (type(mail).__name__, mail.to, mail.subject) == ("SmtpNotifier", "ops@example.com", "one two")
    chat: Any = notifier("slack:chat", MESSAGE)
    assert (type(chat).__name__, chat.slack_webhook_conn_id) == ("SlackWebhookNotifier", "chat")


def test_nothing_in_a_mail_is_markup() -> None:
    body = AlertMessage("failure", "d", "r", "s", ("<script>", "{{ var.value.x }}")).html
    assert "<script>" not in body and "&lt;script&gt;" in body
    assert MESSAGE.url.endswith("/dags/nightly/runs/run%3A1%2B2")


async def test_the_webhooks_body(
    monkeypatch: pytest.MonkeyPatch, server: tuple[str, list[dict[str, Any]]]
) -> None:
    connect(monkeypatch, "ALERTS", f"{server[0]}/{SECRET}")
    WebhookNotifier("alerts", MESSAGE).notify({})
    await WebhookNotifier("alerts", MESSAGE).async_notify({})
    first, second = server[1]
    assert first == second
    assert first["event"] == "failure" and first["facts"] == {"n": 1} and first["url"] in first["text"]


@pytest.mark.parametrize("case", ["broken", "silent", "odd"])
async def test_the_webhooks_address_stays_secret(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    server: tuple[str, list[dict[str, Any]]],
    case: str,
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = {
            "broken": f"{server[0]}/broken/{SECRET}",
            "silent": f"http://127.0.0.1:{closed.getsockname()[1]}/{SECRET}",
            "odd": f"http://[{SECRET}",
        }[case]
        connect(monkeypatch, "ALERTS", url)
        caplog.set_level(logging.DEBUG, "httpx")
        for _ in range(2):
            with pytest.raises(ServiceError, match="webhook 'alerts'") as caught:
                WebhookNotifier("alerts", MESSAGE).notify({})
            assert SECRET not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(ServiceError):
            await WebhookNotifier("alerts", MESSAGE).async_notify({})
    assert SECRET not in "".join(record.getMessage() for record in caplog.records if record.name == "httpx")


def test_a_connection_without_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "ALERTS", "not an address")
    with pytest.raises(SettingsError, match="'alerts'") as caught:
        WebhookNotifier("alerts", MESSAGE).notify({})
    assert "not an address" not in str(caught.value)


def test_one_that_fails_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, server: tuple[str, list[dict[str, Any]]]
) -> None:
    connect(monkeypatch, "BAD", f"{server[0]}/broken")
    connect(monkeypatch, "GOOD", f"{server[0]}/good")
    monkeypatch.setenv("RLPRETRAIN_NOTIFY", "webhook:bad,webhook:nowhere,webhook:good")
    run_failed(context({("mine", "failure"): "DataError: no prices"}))  # type: ignore[arg-type]
    assert [body["facts"]["reason"] for body in server[1]] == ["DataError: no prices"] * 2


def test_success_tells_verdict_and_figures() -> None:
    result = {
        "headline": "Better",
        "summary": ["Better.", "By much."],
        "figures": {"jump_start": 0.123456, "trials": None},
        "report": "/runs/r/report.html",
    }
    message = successful_run(context({("report", "return_value"): result}))
    assert message.subject == "nightly: Better"
    assert message.lines == (
        "Better.",
        "By much.",
        "Figures: jump_start 0.1235",
        "Report: /runs/r/report.html",
    )
    assert successful_run(context()).lines == ("This run has no report.",)


def test_failure_tells_task_reason_and_log() -> None:
    left: dict[tuple[str, str], Any] = {}
    failing = context(left, exception=ValueError("x" * 5_000))
    record_failure(failing)  # type: ignore[arg-type]
    message = failed_run(failing)
    assert message.subject == "nightly: task mine failed"
    assert message.facts["reason"].startswith("ValueError: xxx") and len(message.facts["reason"]) == 2_000
    assert "Log: http://airflow/log" in message.lines
    assert "worker died" in failed_run(context()).lines[0]
    killed = context(left, exception=RuntimeError("Docker container failed: {'StatusCode': 137}"))
    record_failure(killed)  # type: ignore[arg-type]
    assert (
        failed_run(killed).facts["reason"].startswith("the container was killed by the system (SIGKILL, exit")
    )
    assert "timed out" in failed_run(context(reason="timed_out")).subject
    assert failed_run(context(ti=None, reason="all_tasks_deadlocked")).lines == (
        "Reason: all_tasks_deadlocked.",
    )


class SilentApi:
    """A task instance whose pushes are never confirmed, as in the DAG processor, or fail."""

    task_id, try_number, hostname = "mine", 2, "worker-3"
    dag_id, run_id, map_index = "nightly", "r 1", -1
    pushed = 0

    def xcom_push(self, key: str, value: str) -> None:
        self.pushed += 1
        raise TimeoutError


def test_a_task_that_died_outside_its_worker_has_a_reason_and_nothing_waits(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ti = SilentApi()
    record_failure({"ti": ti})  # type: ignore[arg-type]
    assert not ti.pushed, "the DAG processor would wait for an answer that never comes"
    assert "mine: try 2 on worker-3 ended without an error of its own" in caplog.text


def test_a_reason_that_cannot_be_stored_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    record_failure({"ti": SilentApi(), "exception": ValueError("no prices")})  # type: ignore[arg-type]
    assert "can't be stored: ValueError: no prices" in caplog.text


async def test_a_run_that_ended_is_not_late(
    monkeypatch: pytest.MonkeyPatch, server: tuple[str, list[dict[str, Any]]]
) -> None:
    """Airflow keeps the deadline of a run that failed before it."""
    connect(monkeypatch, "ALERTS", server[0])
    monkeypatch.setenv("RLPRETRAIN_NOTIFY", "webhook:nowhere,webhook:alerts")
    for state in ("failed", "success", "running"):
        await deadline_missed(late_context(state))  # type: ignore[arg-type]
    (posted,) = server[1]
    assert posted["event"] == "late" and "running" in posted["text"]
    assert late_run(late_context("failed")) is None


@pytest.mark.parametrize("minutes", ["soon", "-1", "nan", "1e30"])
def test_an_impossible_deadline_is_refused(minutes: str) -> None:
    with pytest.raises(SettingsError, match="RLPRETRAIN_DEADLINE_MINUTES"):
        nightly_deadline({"RLPRETRAIN_DEADLINE_MINUTES": minutes})


def test_the_deadline_is_a_setting() -> None:
    default = nightly_deadline({})
    assert default is not None and default.interval == dt.timedelta(hours=8)
    assert nightly_deadline({"RLPRETRAIN_DEADLINE_MINUTES": "0"}) is None
