"""The local Airflow that a command uses: the one that `make ui` has left running, or one of its own."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.home import home_folder
from rlpretrain.deployment.local.local_airflow import UI_COMPONENTS, LocalAirflow
from rlpretrain.deployment.local.running_airflow import RunningAirflow, running_airflow
from rlpretrain.errors import SettingsError, StageError

__all__ = ["DAG_ID", "airflow_for_a_run", "own_home", "start_to_stay", "ui_port"]

PROJECT = Path(__file__).resolve().parents[3]
DAG_ID = "rl_pretraining"
START_SECONDS = 180
USUAL_PORT = 8080
"""Port that Airflow's users expect."""


def own_home() -> Path:
    """Return the home of this checkout's Airflow."""
    return home_folder(os.environ, PROJECT)


def ui_port(environment: Mapping[str, str]) -> int:
    """Return the port of `make ui`: ``UI_PORT``, or Airflow's usual one.

    Raises
    ------
    SettingsError
        It is no port.
    """
    text = environment.get("UI_PORT") or str(USUAL_PORT)
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise SettingsError(f"UI_PORT={text} is not a port", hint="a number from 1 to 65535")
    return int(text)


@contextmanager
def airflow_for_a_run(
    environment: Mapping[str, str], say: Callable[[str], None]
) -> Iterator[tuple[LocalAirflow | RunningAirflow, AirflowApi]]:
    """Yield an Airflow that is ready for a run: the one that runs already, or one that is stopped afterwards.

    Parameters
    ----------
    environment
        Variables of the deployment.

    Raises
    ------
    SettingsError
        The one that runs already has other settings.
    """
    running = running_airflow(own_home())
    if running is not None:
        running.require(environment)
        say(f"Airflow runs already at {running.url}")
        with AirflowApi(running.url, running.user, running.password) as api:
            _wait_until_ready(running, api)
            yield running, api
        return
    say("starting Airflow")
    airflow = _airflow(environment)
    with airflow, AirflowApi(airflow.url, airflow.user, airflow.password) as api:
        _wait_until_ready(airflow, api, airflow.started)
        yield airflow, api
    say("Airflow stopped; `make ui` shows its runs")


def start_to_stay(environment: Mapping[str, str], port: int) -> LocalAirflow:
    """Start an Airflow that runs on after this process, with its UI on a port.

    Raises
    ------
    StageError
        Another program uses the port.
    """
    _require_free(port)
    airflow = _airflow(environment, port=port, components=UI_COMPONENTS)
    with airflow, AirflowApi(airflow.url, airflow.user, airflow.password) as api:
        _wait_until_ready(airflow, api, airflow.started)
        api.unpause(DAG_ID)
        airflow.keep(environment)
    return airflow


def _airflow(
    environment: Mapping[str, str],
    *,
    port: int | None = None,
    components: Mapping[str, tuple[str, ...]] | None = None,
) -> LocalAirflow:
    return LocalAirflow(
        own_home(),
        dags=PROJECT / "dags",
        plugins=PROJECT / "plugins",
        environment=environment,
        parallelism=max(2, os.cpu_count() or 2),
        port=port,
        components=components,
    )


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # As the server does: a connection that was closed a moment ago does not occupy the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StageError(
                f"port {port} of 127.0.0.1 cannot be used: {error.strerror}",
                hint="`make ui UI_PORT=8081` takes another one",
            ) from None


def _wait_until_ready(
    airflow: LocalAirflow | RunningAirflow, api: AirflowApi, since: datetime | None = None
) -> None:
    deadline = time.monotonic() + START_SECONDS
    _wait(airflow, deadline, "to answer", api.healthy)
    api.log_in()

    def loaded() -> bool:
        errors = api.import_errors()
        if errors:
            raise StageError("a DAG file can't be imported:\n" + "\n".join(errors))
        return api.dag_is_loaded(DAG_ID, since)

    _wait(airflow, deadline, f"to load the DAG {DAG_ID}", loaded)


def _wait(
    airflow: LocalAirflow | RunningAirflow, deadline: float, what: str, done: Callable[[], bool]
) -> None:
    while not done():
        airflow.check()
        if time.monotonic() > deadline:
            raise StageError(
                f"Airflow took over {START_SECONDS} s {what}", hint=f"its logs are in {airflow.home}"
            )
        time.sleep(0.25)
