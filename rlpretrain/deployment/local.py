"""Run the nightly DAG once on this machine; ``make run`` calls ``python -m rlpretrain.deployment.local``.

Reads ``MARKET``, ``CATALOGUE``, ``COMPOSER_URL``, ``STORE_URL``, ``TRAINER``, ``PARAMS`` (JSON) and
``ARTIFACTS`` from the environment. Ends with the line ``report: PATH``; answers 0 done, 1 failed, 2 for bad
settings.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console

from rlpretrain.config import ENVIRONMENT_PREFIX, PretrainingConfig, load_config
from rlpretrain.deployment.airflow_api import AirflowApi
from rlpretrain.deployment.container import ContainerSettings
from rlpretrain.deployment.docker_engine import RUN_LABEL, remove_containers, require_image
from rlpretrain.deployment.local_airflow import LocalAirflow
from rlpretrain.deployment.progress import Progress, summarise
from rlpretrain.deployment.run_settings import run_settings
from rlpretrain.deployment.task_log import readable_tail, task_log
from rlpretrain.errors import RlpretrainError, SettingsError, StageError
from rlpretrain.output_folder import run_folder_name

__all__ = ["main", "run_environment", "run_parameters_from"]

PROJECT = Path(__file__).resolve().parents[2]
DAG_ID = "rl_pretraining"
START_SECONDS = 180
POLL_SECONDS = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SOURCES = ("market", "catalogue")
"""Settings that may name a folder relative to where the command was given."""


def run_environment(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the deployment's variables for the tasks: those of the environment, under the ones of the command.

    Parameters
    ----------
    environment
        Where ``MARKET`` and the others are looked up; empty ones are as if not given.
    folder
        What relative paths start from.
    """
    variables = {name: value for name, value in environment.items() if name.startswith(ENVIRONMENT_PREFIX)}
    for name in ("MARKET", "CATALOGUE", "COMPOSER_URL", "STORE_URL", "TRAINER"):
        if environment.get(name):
            variables[ENVIRONMENT_PREFIX + name] = _absolute(name.lower(), environment[name], folder)
    artifacts = folder / (environment.get("ARTIFACTS") or "artifacts")
    return {**variables, f"{ENVIRONMENT_PREFIX}OUTPUT_DIR": str(artifacts.resolve())}


def run_parameters_from(text: str, folder: Path) -> dict[str, Any]:
    """Read ``PARAMS``, one JSON object of settings of the run.

    Raises
    ------
    SettingsError
        The text is not a JSON object.
    """
    try:
        values = json.loads(text or "{}")
    except ValueError as error:
        raise SettingsError(
            f"PARAMS: not JSON: {error}", hint="""PARAMS='{"max_strategies": 20}'"""
        ) from None
    if not isinstance(values, dict):
        raise SettingsError("PARAMS: must be a JSON object", hint="""PARAMS='{"max_strategies": 20}'""")
    return {name: _absolute(name, value, folder) for name, value in values.items()}


def _absolute(name: str, value: Any, folder: Path) -> Any:
    """Free a market's or catalogue's folder from the working directory, which the tasks don't share."""
    if name not in SOURCES or not isinstance(value, str) or value.startswith("generated:"):
        return value
    scheme, _, place = value.rpartition(":")
    return f"{scheme}{':' if scheme else ''}{(folder / place).resolve()}"


def main() -> int:
    """Run the DAG once and return the exit status."""
    console = Console(soft_wrap=True)
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupted)
    try:
        environment = run_environment(os.environ, Path.cwd())
        parameters = run_parameters_from(os.environ.get("PARAMS", ""), Path.cwd())
        config = load_config(overrides=run_settings(parameters), environment=environment)
        if config.trainer == "docker":
            # Fail now rather than after minutes of extraction.
            require_image(ContainerSettings.from_environment(environment).image)
        return _run(console, config, environment, parameters)
    except SettingsError as error:
        _complain(f"settings: {error}")
        return 2
    except RlpretrainError as error:
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        _complain("interrupted; all of Airflow's processes are stopped")
        return 130


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    # One is enough, and often two come: from the terminal or a supervisor, and passed on by make. The second must
    # not break off the stopping that the first began, which takes seconds at most.
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _run(
    console: Console, config: PretrainingConfig, environment: Mapping[str, str], parameters: Mapping[str, Any]
) -> int:
    run_id = f"local-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    folder = config.output_dir / run_folder_name(run_id)
    airflow = LocalAirflow(
        PROJECT / ".airflow",
        dags=PROJECT / "dags",
        plugins=PROJECT / "plugins",
        environment=environment,
        parallelism=max(2, os.cpu_count() or 2),
    )
    with Progress(console) as progress:
        progress.say("starting Airflow")
        try:
            with airflow, AirflowApi(airflow.url, airflow.user, airflow.password) as api:
                _wait_until_ready(airflow, api)
                api.trigger(DAG_ID, run_id, parameters)
                api.unpause(DAG_ID)
                progress.say(f"run {run_id} started; watch it at {airflow.url}, login in {airflow.passwords}")
                succeeded = _follow(airflow, api, progress, run_id)
        finally:
            if config.trainer == "docker":
                remove_containers({RUN_LABEL: run_id})
        progress.say("Airflow stopped")
    return _conclude(console, folder) if succeeded else 1


def _wait_until_ready(airflow: LocalAirflow, api: AirflowApi) -> None:
    deadline = time.monotonic() + START_SECONDS
    _wait(airflow, deadline, "to answer", api.healthy)
    api.log_in()

    def loaded() -> bool:
        errors = api.import_errors()
        if errors:
            raise StageError("a DAG file can't be read:\n" + "\n".join(errors))
        return api.dag_is_loaded(DAG_ID)

    _wait(airflow, deadline, f"to load the DAG {DAG_ID}", loaded)


def _wait(airflow: LocalAirflow, deadline: float, what: str, done: Any) -> None:
    while not done():
        airflow.check()
        if time.monotonic() > deadline:
            raise StageError(
                f"Airflow took over {START_SECONDS} s {what}", hint=f"its logs are in {airflow.home}"
            )
        time.sleep(0.25)


def _follow(airflow: LocalAirflow, api: AirflowApi, progress: Progress, run_id: str) -> bool:
    """Show the run to its end; on failure print why. Whether it succeeded."""
    order = api.task_order(DAG_ID)
    while True:
        state = api.run_state(DAG_ID, run_id)
        instances = api.task_states(DAG_ID, run_id)
        progress.update(summarise(order, instances))
        if state in ("success", "failed"):
            break
        airflow.check()
        time.sleep(POLL_SECONDS)
    for task in instances:
        if task.state == "failed":
            log = task_log(airflow.logs, DAG_ID, run_id, task)
            label = f"{task.task_id} {task.label}".rstrip()
            progress.say(f"{label} failed; the end of {log}:\n{readable_tail(log)}")
    return state == "success"


def _conclude(console: Console, folder: Path) -> int:
    from rlpretrain.stages import summary

    for line in (*summary(folder), f"report: {folder / 'report.html'}"):
        console.print(line, markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
