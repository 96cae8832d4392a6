"""Runs by REST, and what they tell: the documented commands against a real api-server, scheduler and triggerer.

One Airflow serves the whole file. It mails to a real SMTP server, and posts to a real HTTP server; its deadline is a
few seconds, which every whole run misses.
"""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pendulum
import pytest
from aiosmtpd.controller import Controller

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.local_airflow import COMPONENTS, LocalAirflow
from rlpretrain.deployment.runs.timetable import TradingDayTimetable
from rlpretrain.errors import ServiceError, SettingsError
from tests.conftest import PROJECT
from tests.examples.documents import blocks
from tests.stages.conftest import TINY

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

DAG = "rl_pretraining"
SECRET = "hook-secret-4f81c2"
PAGE = PROJECT / "docs" / "rest.md"
CONF = '"conf": {"max_strategies": 200}'
SETTINGS = {**TINY, "chunk_size": 24}


def until(done: Callable[[], Any], seconds: float = 600.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    return found


@dataclass
class Inbox:
    """What the outside world has received."""

    mails: list[EmailMessage] = field(default_factory=list)
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    def hooked(self, event: str, run_id: str) -> dict[str, Any] | None:
        bodies = (body for path, body in self.posts if path == f"/hook/{SECRET}")
        return next((b for b in bodies if b["event"] == event and b["run_id"] == run_id), None)

    def chatted(self, text: str) -> dict[str, Any] | None:
        bodies = (body for path, body in self.posts if path == f"/slack/{SECRET}")
        return next((body for body in bodies if text in body["text"]), None)


@dataclass
class Deployment:
    airflow: LocalAirflow
    api: AirflowApi
    inbox: Inbox

    @property
    def environment(self) -> dict[str, str]:
        login = {"AIRFLOW": self.airflow.url, "PASSWORD": self.airflow.password}
        return {**os.environ, **login, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    def finished(self, run_id: str) -> str:
        states = ("success", "failed")
        return until(lambda: (s := self.api.run_state(DAG, run_id)) in states and s)


@pytest.fixture(scope="module")
def inbox() -> Iterator[tuple[Inbox, int, int]]:
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.posts.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *parts: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    # Port 0 would leave the controller asking itself where it is.
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as probe:
        port = probe.server_port
    mail = Controller(inbox, hostname="127.0.0.1", port=port)
    mail.start()
    yield inbox, web.server_port, port
    mail.stop()
    web.shutdown()


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, inbox: tuple[Inbox, int, int]
) -> Iterator[Deployment]:
    received, web, smtp = inbox
    folder = tmp_path_factory.mktemp("rest")
    environment = {
        "RLPRETRAIN_OUTPUT_DIR": str(folder / "artifacts"),
        "RLPRETRAIN_DEADLINE_MINUTES": "0.1",
        # The first can't be sent: it has no connection.
        "RLPRETRAIN_NOTIFY": "webhook:nowhere, webhook:alerts, smtp:ops@example.com, slack:chat",
        "AIRFLOW_CONN_ALERTS": json.dumps(
            {"conn_type": "http", "password": f"http://127.0.0.1:{web}/hook/{SECRET}"}
        ),
        "AIRFLOW_CONN_CHAT": json.dumps(
            {"conn_type": "slackwebhook", "password": f"http://127.0.0.1:{web}/slack/{SECRET}"}
        ),
        "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(
            {
                "conn_type": "smtp",
                "host": "127.0.0.1",
                "port": smtp,
                "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"},
            }
        ),
    }
    airflow = LocalAirflow(
        folder / "home",
        dags=PROJECT / "dags",
        plugins=PROJECT / "plugins",
        environment=environment,
        parallelism=2,
        components={**COMPONENTS, "triggerer": ("triggerer", "--skip-serve-logs")},
    )
    with airflow, AirflowApi(airflow.url, airflow.user, airflow.password) as api:
        until(api.healthy)
        api.log_in()
        until(lambda: api.dag_is_loaded(DAG))
        yield Deployment(airflow, api, received)


@pytest.fixture(scope="module")
def run_id(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The run that the page's commands start, follow and read."""
    page = "".join(block.text for block in blocks(PAGE) if block.kind == "bash")
    assert page.count(CONF) == 1
    script = "set -euo pipefail\n" + page.replace(CONF, f'"conf": {json.dumps(SETTINGS)}')
    script, cancel, _ = script.partition('api -X PATCH "$DAG/dagRuns/$RUN"')
    assert cancel
    folder = tmp_path_factory.mktemp("commands")
    finished = subprocess.run(
        ["bash", "-c", script + "\necho $RUN"],
        cwd=folder,
        env=deployment.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    lines = finished.stdout.splitlines()
    assert lines[0] == "success"
    assert any(line.startswith("mine\t-1\tsuccess") for line in lines)
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))["value"]
    assert result == deployment.api.result(DAG, lines[-1])
    return lines[-1]


def test_the_schedule_is_the_timetables(deployment: Deployment) -> None:
    """Read back by the scheduler's side and the api-server, which know the class by the plugin."""
    shown = deployment.api._call("GET", f"/api/v2/dags/{DAG}")
    assert shown["timetable_summary"] == "XNYS close + 150 min"
    assert shown["timetable_description"] == "150 minutes after each close of XNYS"
    planned = dt.datetime.fromisoformat(shown["next_dagrun_run_after"])
    opened = dt.datetime.fromisoformat(shown["next_dagrun_logical_date"])
    assert (
        TradingDayTimetable().infer_manual_data_interval(run_after=pendulum.instance(planned)).start == opened
    )


def test_the_result_is_the_reports(deployment: Deployment, run_id: str) -> None:
    result = deployment.api.result(DAG, run_id)
    folder = Path(result["folder"])
    results = json.loads((folder / "pipeline_results.json").read_text(encoding="utf-8"))
    assert result["figures"] == results["figures"]
    assert result["headline"] == results["headline"]
    assert Path(result["report"]).is_file() and Path(result["agent"]).is_file()
    assert deployment.airflow.password not in json.dumps(result)


def test_success_is_told_with_verdict_and_figures(deployment: Deployment, run_id: str) -> None:
    inbox = deployment.inbox
    posted = until(lambda: inbox.hooked("success", run_id))
    result = deployment.api.result(DAG, run_id)
    assert posted["facts"] == result
    assert posted["url"] == f"{deployment.airflow.url}/dags/{DAG}/runs/{run_id}"
    mail = until(lambda: next((m for m in inbox.mails if result["headline"] in m["Subject"]), None))
    assert mail["To"] == "ops@example.com" and mail["From"] == "airflow@example.com"
    body = mail.get_body(("html",)).get_content()
    assert "jump_start" in body and result["report"] in body and run_id in body
    chat = until(lambda: inbox.chatted(result["headline"]))
    assert result["report"] in chat["text"]


def test_a_missed_deadline_is_told_by_the_triggerer(deployment: Deployment, run_id: str) -> None:
    inbox = deployment.inbox
    posted = until(lambda: inbox.hooked("late", run_id))
    assert "should have finished by" in posted["text"]
    assert until(lambda: [m for m in inbox.mails if m["Subject"] == f"{DAG}: run is late"])
    assert until(lambda: inbox.chatted(f"{DAG}: run is late"))


def test_the_pages_python_tells_why_a_run_failed(deployment: Deployment, run_id: str) -> None:
    (example,) = (block.text for block in blocks(PAGE) if block.kind == "python")
    assert '{"max_strategies": 200}' in example
    finished = subprocess.run(
        [sys.executable, "-c", example.replace("max_strategies", "max_strategie")],
        env=deployment.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "resolve_settings" in finished.stdout and "did you mean 'max_strategies'" in finished.stdout
    failed = until(lambda: next((b for _, b in deployment.inbox.posts if b.get("event") == "failure"), None))
    assert failed["facts"]["task"] == "resolve_settings"
    assert "did you mean 'max_strategies'" in failed["facts"]["reason"]
    assert "Log: http" in failed["text"]
    mail = until(lambda: next((m for m in deployment.inbox.mails if "failed" in m["Subject"]), None))
    assert "did you mean" in mail.get_body(("html",)).get_content()


@pytest.mark.parametrize("conf", [{"max_strategies": 0}, {"fill": "yesterday"}, {"validation_envs": []}])
def test_a_value_against_its_schema_is_refused(deployment: Deployment, conf: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(conf))):
        deployment.api.trigger(DAG, "refused", conf)
    with pytest.raises(ServiceError, match="404"):
        deployment.api.run_state(DAG, "refused")


def test_a_run_is_stopped_and_its_id_taken(deployment: Deployment, run_id: str) -> None:
    api = deployment.api
    api.trigger(DAG, "stopped", SETTINGS)
    with pytest.raises(ServiceError, match="409"):
        api.trigger(DAG, "stopped", SETTINGS)
    page = "".join(block.text for block in blocks(PAGE) if block.kind == "bash")
    login, cancel = page[: page.index("RUN=rest")], page[page.index('api -X PATCH "$DAG/dagRuns/$RUN"') :]
    finished = subprocess.run(
        ["bash", "-euc", f"{login}\nRUN=stopped\n{cancel}"],
        env=deployment.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.strip() == "failed"
    assert deployment.finished("stopped") == "failed"
    assert api.result(DAG, "stopped") is None


def test_no_secret_reaches_a_log(deployment: Deployment, run_id: str) -> None:
    """Neither the webhook's address, which the failing and the working notifiers know, nor the UI's password."""
    for log in (*deployment.airflow.home.rglob("*.log"), *deployment.airflow.logs.rglob("*")):
        if log.is_file():
            text = log.read_text(encoding="utf-8", errors="replace")
            assert SECRET not in text, log
    processor = (deployment.airflow.logs / "dag_processor").rglob("*.log")
    assert any("webhook:nowhere can't be sent" in log.read_text(errors="replace") for log in processor)
