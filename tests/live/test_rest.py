"""Runs by REST, and what they tell: the documented commands against a real api-server, scheduler and triggerer."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pendulum
import pytest

from rlpretrain.deployment.runs.timetable import TradingDayTimetable
from rlpretrain.deployment.web.places import DAG_ID
from rlpretrain.errors import ServiceError, SettingsError
from tests.live.conftest import CANCEL, CHOSEN_ID, RUN_ID, Finished, Live, documented, until
from tests.live.receivers import SECRET
from tests.stages.conftest import TINY

pytestmark = [pytest.mark.airflow, pytest.mark.slow]


def test_the_schedule_is_the_timetables(live: Live) -> None:
    """Read back by the scheduler's side and the api-server, which know the class by the plugin."""
    shown = live.api._call("GET", f"/api/v2/dags/{DAG_ID}")
    assert shown["timetable_summary"] == "XNYS close + 150 min"
    assert shown["timetable_description"] == "150 minutes after each close of XNYS"
    planned = dt.datetime.fromisoformat(shown["next_dagrun_run_after"])
    opened = dt.datetime.fromisoformat(shown["next_dagrun_logical_date"])
    assert (
        TradingDayTimetable().infer_manual_data_interval(run_after=pendulum.instance(planned)).start == opened
    )


def test_the_commands_follow_the_run_to_its_result(live: Live, finished: Finished) -> None:
    assert finished.printed[0] == "success"
    assert any(line.startswith("mine\t-1\tsuccess") for line in finished.printed)
    assert finished.result == live.api.result(DAG_ID, RUN_ID)


def test_the_result_is_the_reports(live: Live, finished: Finished) -> None:
    result = finished.result
    assert Path(result["folder"]) == finished.folder
    results = json.loads((finished.folder / "pipeline_results.json").read_text(encoding="utf-8"))
    assert result["figures"] == results["figures"]
    assert result["headline"] == results["headline"]
    assert Path(result["report"]).is_file() and Path(result["agent"]).is_file()
    assert live.airflow.password not in json.dumps(result)


def test_success_is_told_with_verdict_and_figures(live: Live, finished: Finished) -> None:
    inbox = live.inbox
    posted = until(lambda: inbox.hooked("success", RUN_ID))
    result = finished.result
    assert posted["facts"] == result
    assert posted["url"] == f"{live.url}/dags/{DAG_ID}/runs/{quote(RUN_ID, safe='')}"
    mail = until(lambda: next((m for m in inbox.mails if result["headline"] in m["Subject"]), None))
    assert mail["To"] == "ops@example.com" and mail["From"] == "airflow@example.com"
    body = mail.get_body(("html",)).get_content()
    assert "jump_start" in body and result["report"] in body and RUN_ID in body
    chat = until(lambda: inbox.chatted(result["headline"]))
    assert result["report"] in chat["text"]


def test_a_missed_deadline_is_told_by_the_triggerer(live: Live, finished: Finished) -> None:
    inbox = live.inbox
    posted = until(lambda: inbox.hooked("late", RUN_ID))
    assert "should have finished by" in posted["text"]
    assert until(lambda: [m for m in inbox.mails if m["Subject"] == f"{DAG_ID}: run is late"])
    assert until(lambda: inbox.chatted(f"{DAG_ID}: run is late"))


def test_the_pages_python_tells_why_a_run_failed(live: Live, finished: Finished) -> None:
    example = documented("python")
    assert '{"max_strategies": 200}' in example
    done = subprocess.run(
        [sys.executable, "-c", example.replace("max_strategies", "max_strategie")],
        env=live.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "resolve_settings" in done.stdout and "did you mean 'max_strategies'" in done.stdout
    meant = "did you mean 'max_strategies'"

    def told() -> dict[str, Any] | None:
        failures = (body for _, body in live.inbox.posts if body.get("event") == "failure")
        return next((body for body in failures if meant in body["facts"]["reason"]), None)

    failed = until(told)
    assert failed["facts"]["task"] == "resolve_settings"
    assert "Log: http" in failed["text"]
    assert until(
        lambda: any(
            "failed" in mail["Subject"] and "did you mean" in mail.get_body(("html",)).get_content()
            for mail in live.inbox.mails
        )
    )


@pytest.mark.parametrize("conf", [{"max_strategies": 0}, {"fill": "yesterday"}, {"validation_envs": []}])
def test_a_value_against_its_schema_is_refused(live: Live, conf: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(conf))):
        live.api.trigger(DAG_ID, "refused", conf)
    with pytest.raises(ServiceError, match="404"):
        live.api.run_state(DAG_ID, "refused")


def test_a_run_is_stopped_and_its_id_taken(live: Live, finished: Finished) -> None:
    api = live.api
    api.trigger(DAG_ID, "stopped", TINY)
    with pytest.raises(ServiceError, match="409"):
        api.trigger(DAG_ID, "stopped", TINY)
    page = documented("bash")
    login, cancel = page.partition(CHOSEN_ID)[0], CANCEL + page.partition(CANCEL)[2]
    stopped = subprocess.run(
        ["bash", "-euc", f"{login}\nRUN=stopped\n{cancel}"],
        env=live.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert stopped.stdout.strip() == "failed"
    assert live.finished("stopped") == "failed"
    assert api.result(DAG_ID, "stopped") is None


def test_no_secret_reaches_a_log(live: Live, finished: Finished) -> None:
    """Neither the webhook's address, which the failing and the working notifiers know, nor the UI's password."""
    for log in (*live.airflow.home.rglob("*.log"), *live.airflow.logs.rglob("*")):
        if log.is_file():
            text = log.read_text(encoding="utf-8", errors="replace")
            assert SECRET not in text, log
    processor = (live.airflow.logs / "dag_processor").rglob("*.log")
    assert any("webhook:nowhere can't be sent" in log.read_text(errors="replace") for log in processor)
