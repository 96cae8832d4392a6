"""Run the nightly DAG once on this machine: trigger, follow, and print the report's path; and the other commands."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.home import PASSWORDS
from rlpretrain.deployment.local.local_airflow import LocalAirflow
from rlpretrain.deployment.local.progress import Progress, summarise
from rlpretrain.deployment.local.running_airflow import RunningAirflow
from rlpretrain.deployment.local.settings import run_environment, run_parameters_from, run_sources
from rlpretrain.deployment.local.starting import DAG_ID, airflow_for_a_run
from rlpretrain.deployment.local.task_log import readable_tail, task_log
from rlpretrain.deployment.local.ui import start_ui, stop_ui
from rlpretrain.deployment.runs.settings import run_settings
from rlpretrain.deployment.trainers.container import ContainerSettings
from rlpretrain.deployment.trainers.docker_engine import RUN_LABEL, remove_containers, require_image
from rlpretrain.errors import RlpretrainError, SettingsError
from rlpretrain.runs.output_folder import run_folder_name
from rlpretrain.settings import PretrainingConfig, load_config

__all__ = ["main"]

POLL_SECONDS = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] = ()) -> int:
    """Do what the argument names, ``run`` if there is none, and return the exit status."""
    console = Console(soft_wrap=True)
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupted)
    commands = {"run": _run_once, "ui": start_ui, "stop": stop_ui}
    name = arguments[0] if arguments else "run"
    try:
        if name not in commands:
            raise SettingsError(f"there is no command {name!r}", hint=f"one of {', '.join(commands)}")
        return commands[name](console)
    except SettingsError as error:
        _print_error(f"settings: {error}")
        return 2
    except RlpretrainError as error:
        _print_error(str(error))
        return 1
    except KeyboardInterrupt:
        _print_error("interrupted; what this command had started has been stopped")
        return 130


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    # One signal is enough, but often two arrive: from the terminal or a supervisor, and passed on by make. The second
    # must not interrupt the shutdown that the first began, which takes a few seconds at most.
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


def _print_error(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _run_once(console: Console) -> int:
    """Run the DAG once."""
    environment = run_environment(os.environ, Path.cwd())
    parameters = {
        **run_sources(os.environ, Path.cwd()),
        **run_parameters_from(os.environ.get("PARAMS", ""), Path.cwd()),
    }
    config = load_config(overrides=run_settings(parameters), environment=environment)
    if config.trainer == "docker":
        # Fail now, not after minutes of extraction.
        require_image(ContainerSettings.from_environment(environment).image)
    return _run(console, config, environment, parameters)


def _run(
    console: Console, config: PretrainingConfig, environment: Mapping[str, str], parameters: Mapping[str, Any]
) -> int:
    run_id = f"local-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    folder = config.output_dir / run_folder_name(run_id)
    with Progress(console) as progress:
        try:
            with airflow_for_a_run(environment, progress.say) as (airflow, api):
                api.trigger(DAG_ID, run_id, parameters)
                try:
                    api.unpause(DAG_ID)
                    progress.say(
                        f"run {run_id} started; watch it at {airflow.url} (login: {airflow.home / PASSWORDS})"
                    )
                    succeeded = _follow(airflow, api, progress, run_id)
                except KeyboardInterrupt:
                    if isinstance(airflow, RunningAirflow):  # it would go on with the run
                        api.cancel(DAG_ID, run_id)
                    raise
        finally:
            if config.trainer == "docker":
                remove_containers({RUN_LABEL: run_id})
    return _conclude(console, folder) if succeeded else 1


def _follow(airflow: LocalAirflow | RunningAirflow, api: AirflowApi, progress: Progress, run_id: str) -> bool:
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
