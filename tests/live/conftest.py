"""One real Airflow and one small finished run, for all tests of the folder; and a browser.

To start Airflow and every task of a run takes minutes. So what only looks at a run looks at this one: the documented
calls by REST, the notifications, the metrics and the lineage, and the pages. Its Airflow has a triggerer, mails to a
real SMTP server, posts to a real HTTP server and sends its metrics by StatsD; its deadline is a few seconds, which
every whole run misses.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.home import OWNER_VARIABLE
from rlpretrain.deployment.local.local_airflow import COMPONENTS, LocalAirflow
from rlpretrain.deployment.web.places import DAG_ID
from rlpretrain.runs.output_folder import run_folder_name
from tests.conftest import PROJECT
from tests.deployment.local.test_local_airflow import owned_by
from tests.examples.documents import blocks
from tests.live.receivers import SECRET, Inbox, StatsdListener, open_inbox
from tests.stages.conftest import TINY

PAGE = PROJECT / "docs" / "rest.md"
"""Its commands start, follow and read the run."""
CONF = '"conf": {"max_strategies": 200}'
CHOSEN_ID = "RUN=rest-$(date +%Y%m%dT%H%M%S)"
CANCEL = 'api -X PATCH "$DAG/dagRuns/$RUN"'
RUN_ID = "manual__2026-01-02T03:04:05+00:00"
"""With what Airflow's own run ids have, and folders' names can't."""
NAME = run_folder_name(RUN_ID)
USERS = ("admin:admin", "viewer:viewer", "outsider:viewer")
SCREENSHOTS = os.environ.get("SCREENSHOTS")
"""Folder for the documentation's pictures; none are made where it is not set."""
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SECONDS = 800.0
"""Patience with a busy machine."""


expect.set_options(timeout=60_000)


def until(done: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (found := done()):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    return found


@dataclass
class Live:
    """A running Airflow, and what it tells the outside world."""

    airflow: LocalAirflow
    api: AirflowApi
    output: Path
    inbox: Inbox
    statsd: StatsdListener
    events: Path
    """File of the events of OpenLineage."""
    leftover: subprocess.Popen[bytes]
    """A process of an earlier run on the same home, which was killed."""
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.airflow.url

    @property
    def environment(self) -> dict[str, str]:
        """For the documented commands: the address and the login."""
        login = {"AIRFLOW": self.airflow.url, "PASSWORD": self.airflow.password}
        return {**os.environ, **login, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    def finished(self, run_id: str) -> str:
        states = ("success", "failed")
        state: str = until(lambda: (s := self.api.run_state(DAG_ID, run_id)) in states and s)
        return state

    def token(self, user: str) -> str:
        if user not in self._tokens:
            passwords = json.loads(self.airflow.passwords.read_text())
            credentials = {"username": user, "password": passwords[user]}
            answer = httpx.post(f"{self.url}/auth/token", json=credentials, trust_env=False, timeout=60)
            self._tokens[user] = answer.json()["access_token"]
        return self._tokens[user]

    def get(self, path: str, user: str | None = "admin", **options: Any) -> httpx.Response:
        """Ask as a browser does, by cookie; as nobody when `user` is None."""
        cookies = {} if user is None else {"_token": self.token(user)}
        with httpx.Client(base_url=self.url, cookies=cookies, trust_env=False, timeout=120) as client:
            return client.get(path, **options)


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory, empty_airflow: Callable[[Path], Path]) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    output, events, statsd = folder / "artifacts", folder / "events.jsonl", StatsdListener()
    home = empty_airflow(folder / "home")
    leftover = subprocess.Popen(["sleep", "10000"], env={**os.environ, OWNER_VARIABLE: str(home)})
    with open_inbox() as inbox:
        airflow = LocalAirflow(
            home,
            dags=PROJECT / "dags",
            plugins=PROJECT / "plugins",
            environment=_environment(output, events, inbox, statsd),
            parallelism=2,
            components={**COMPONENTS, "triggerer": ("triggerer", "--skip-serve-logs")},
        )
        with airflow, AirflowApi(airflow.url, airflow.user, airflow.password) as api:
            until(api.healthy)
            api.log_in()
            until(lambda: api.dag_is_loaded(DAG_ID) or api.import_errors() != [])
            assert api.import_errors() == []
            yield Live(airflow, api, output, inbox, statsd, events, leftover)
    assert owned_by(home) == []


def _environment(output: Path, events: Path, inbox: Inbox, statsd: StatsdListener) -> dict[str, str]:
    return {
        "PYTHONPATH": str(PROJECT),
        "RLPRETRAIN_OUTPUT_DIR": str(output),
        "RLPRETRAIN_DEADLINE_MINUTES": "0.1",
        # The first can't be sent: it has no connection.
        "RLPRETRAIN_NOTIFY": "webhook:nowhere, webhook:alerts, smtp:ops@example.com, slack:chat",
        "AIRFLOW_CONN_ALERTS": json.dumps(
            {"conn_type": "http", "password": f"http://127.0.0.1:{inbox.web}/hook/{SECRET}"}
        ),
        "AIRFLOW_CONN_CHAT": json.dumps(
            {"conn_type": "slackwebhook", "password": f"http://127.0.0.1:{inbox.web}/slack/{SECRET}"}
        ),
        "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(
            {
                "conn_type": "smtp",
                "host": "127.0.0.1",
                "port": inbox.smtp,
                "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "airflow@example.com"},
            }
        ),
        "AIRFLOW__CORE__AUTH_MANAGER": "tests.live.auth_manager.AuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(USERS),
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_PORT": str(statsd.port),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(events), "append": True}
        ),
    }


def documented(kind: str) -> str:
    """Return the code of a kind on the page of the REST API."""
    return "".join(block.text for block in blocks(PAGE) if block.kind == kind)


@dataclass(frozen=True)
class Finished:
    """The run, started and followed by the page's commands, and what was received of it until its end."""

    printed: list[str]
    result: dict[str, Any]
    """As the page's commands read it."""
    folder: Path
    metrics: dict[str, list[tuple[str, str]]]
    """Values and types of each metric."""
    events: list[dict[str, Any]]


@pytest.fixture(scope="package")
def finished(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    script = documented("bash")
    for text in (CONF, CHOSEN_ID, CANCEL):
        assert script.count(text) == 1, text
    script = script.replace(CONF, f'"conf": {json.dumps(TINY)}').replace(CHOSEN_ID, f"RUN={RUN_ID}")
    folder = tmp_path_factory.mktemp("commands")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.partition(CANCEL)[0]],
        cwd=folder,
        env=live.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [
        line for path in live.events.parent.glob("events.jsonl*") for line in path.read_text().splitlines()
    ]
    return Finished(
        printed=done.stdout.splitlines(),
        result=json.loads((folder / "result.json").read_text(encoding="utf-8"))["value"],
        folder=live.output / NAME,
        metrics=live.statsd.so_far(),
        events=[json.loads(line) for line in lines],
    )


# For the module alone: while Playwright runs, its loop is this thread's, and no other test could start one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--no-first-run", *quiet]
        )
        yield started
        started.close()


@dataclass
class Visit:
    """A browser's tab, logged in, that notes everything that goes wrong in it."""

    page: Page
    troubles: list[str]

    def open(self, path: str) -> Page:
        self.page.goto(path)
        return self.page

    def picture(self, name: str) -> None:
        """Keep a picture for the documentation, where they are asked for."""
        if SCREENSHOTS:
            self.page.wait_for_timeout(1_000)
            self.page.screenshot(path=Path(SCREENSHOTS) / f"ui-{name}.png")


def is_trouble(said: ConsoleMessage) -> bool:
    """Return whether a message is an error; Docker's networks come and go beside these tests, which is none of ours."""
    return said.type == "error" and "ERR_NETWORK_CHANGED" not in said.text


@pytest.fixture
def visit(live: Live, finished: Finished, browser: Browser) -> Iterator[Callable[..., Any]]:
    """Yield a function that opens a tab as a user, in a theme."""

    @contextmanager
    def start(
        user: str = "viewer", theme: str = "light", height: int = 900, width: int = 1440
    ) -> Iterator[Visit]:
        context = browser.new_context(
            base_url=live.url, viewport={"width": width, "height": height}, color_scheme="light"
        )
        context.set_default_timeout(60_000)
        context.add_cookies([{"name": "_token", "value": live.token(user), "url": live.url}])
        # A page without an origin, as the pattern analysis is served, has no storage.
        context.add_init_script(f"if (origin !== 'null') localStorage.setItem('theme', '{theme}')")
        page, troubles = context.new_page(), []
        page.on("console", lambda said: troubles.append(said.text) if is_trouble(said) else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "response",
            lambda answer: troubles.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
        )
        yield Visit(page, troubles)
        context.close()

    yield start
