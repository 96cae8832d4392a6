"""Run the nightly DAG once on this machine: start Airflow, trigger, follow, stop, and print the report's path."""

from __future__ import annotations

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

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.local_airflow import LocalAirflow
from rlpretrain.deployment.local.progress import Progress, summarise
from rlpretrain.deployment.local.settings import run_environment, run_parameters_from
from rlpretrain.deployment.local.task_log import readable_tail, task_log
from rlpretrain.deployment.runs.settings import run_settings
from rlpretrain.deployment.trainers.container import ContainerSettings
from rlpretrain.deployment.trainers.docker_engine import RUN_LABEL, remove_containers, require_image
from rlpretrain.errors import RlpretrainError, SettingsError, StageError
from rlpretrain.runs.output_folder import run_folder_name
from rlpretrain.settings import PretrainingConfig, load_config

__all__ = ["main"]

PROJECT = Path(__file__).resolve().parents[3]
DAG_ID = "rl_pretraining"
START_SECONDS = 180
POLL_SECONDS = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
            # Fail now, not after minutes of extraction.
            require_image(ContainerSettings.from_environment(environment).image)
        return _run(console, config, environment, parameters)
    except SettingsError as error:
        _print_error(f"settings: {error}")
        return 2
    except RlpretrainError as error:
        _print_error(str(error))
        return 1
    except KeyboardInterrupt:
        _print_error("interrupted; all of Airflow's processes have been stopped")
        return 130


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    # One signal is enough, but often two arrive: from the terminal or a supervisor, and passed on by make. The second
    # must not interrupt the shutdown that the first began, which takes a few seconds at most.
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


def _print_error(text: str) -> None:
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
                progress.say(f"run {run_id} started; watch it at {airflow.url} (login: {airflow.passwords})")
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
            raise StageError("a DAG file can't be imported:\n" + "\n".join(errors))
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
    """Show the run until it ends, and why it failed if it did; return whether it succeeded."""
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
    from rlpretrain.stages.report import read_summary

    for line in (*read_summary(folder), f"report: {folder / 'report.html'}"):
        console.print(line, markup=False, highlight=False)
    return 0
