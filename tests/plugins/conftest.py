"""One real Airflow with one small finished run, and one browser, for all tests of the folder."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.local_airflow import LocalAirflow
from rlpretrain.deployment.web.places import DAG_ID
from rlpretrain.runs.output_folder import run_folder_name
from tests.conftest import PROJECT
from tests.stages.conftest import TINY

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


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.3)


@dataclass
class Served:
    """A running Airflow whose run has finished."""

    url: str
    output: Path
    passwords: dict[str, str]
    logs: Path
    _tokens: dict[str, str] = field(default_factory=dict)

    def token(self, user: str) -> str:
        if user not in self._tokens:
            credentials = {"username": user, "password": self.passwords[user]}
            answer = httpx.post(f"{self.url}/auth/token", json=credentials, trust_env=False, timeout=60)
            self._tokens[user] = answer.json()["access_token"]
        return self._tokens[user]

    def get(self, path: str, user: str | None = "admin", **options: Any) -> httpx.Response:
        """Ask as a browser does, by cookie; as nobody when `user` is None."""
        cookies = {} if user is None else {"_token": self.token(user)}
        with httpx.Client(base_url=self.url, cookies=cookies, trust_env=False, timeout=120) as client:
            return client.get(path, **options)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    output = folder / "artifacts"
    airflow = LocalAirflow(
        folder / "home",
        dags=PROJECT / "dags",
        plugins=PROJECT / "plugins",
        environment={
            "RLPRETRAIN_OUTPUT_DIR": str(output),
            "AIRFLOW__CORE__AUTH_MANAGER": "tests.plugins.auth_manager.AuthManager",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(USERS),
            "PYTHONPATH": str(PROJECT),
        },
        parallelism=2,
    )
    with airflow, AirflowApi(airflow.url, airflow.user, airflow.password) as api:
        until(api.healthy)
        api.log_in()
        until(lambda: api.dag_is_loaded(DAG_ID))
        api.unpause(DAG_ID)
        api.trigger(DAG_ID, RUN_ID, {**TINY, "chunk_size": 24})
        until(lambda: api.run_state(DAG_ID, RUN_ID) in ("success", "failed"))
        assert api.run_state(DAG_ID, RUN_ID) == "success", api.task_states(DAG_ID, RUN_ID)
        passwords = json.loads(airflow.passwords.read_text())
        yield Served(airflow.url, output, passwords, airflow.logs)


# Not for the session: while Playwright runs, its loop is this thread's, and no other test could start one.
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


@pytest.fixture
def visit(served: Served, browser: Browser) -> Iterator[Callable[..., Any]]:
    """Yield a function that opens a tab as a user, in a theme."""

    @contextmanager
    def start(
        user: str = "viewer", theme: str = "light", height: int = 900, width: int = 1440
    ) -> Iterator[Visit]:
        context = browser.new_context(
            base_url=served.url, viewport={"width": width, "height": height}, color_scheme="light"
        )
        context.set_default_timeout(60_000)
        context.add_cookies([{"name": "_token", "value": served.token(user), "url": served.url}])
        # A page without an origin, as the pattern analysis is served, has no storage.
        context.add_init_script(f"if (origin !== 'null') localStorage.setItem('theme', '{theme}')")
        page, troubles = context.new_page(), []
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "response",
            lambda answer: troubles.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
        )
        yield Visit(page, troubles)
        context.close()

    yield start
