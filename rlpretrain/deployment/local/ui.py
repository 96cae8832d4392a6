"""Start the UI of Airflow on this machine and leave it running, or stop it."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console

from rlpretrain.deployment.local.home import end_processes_of, end_unfinished, locked
from rlpretrain.deployment.local.local_airflow import STOP_SECONDS
from rlpretrain.deployment.local.running_airflow import forget_running, running_airflow
from rlpretrain.deployment.local.settings import run_environment
from rlpretrain.deployment.local.starting import own_home, start_to_stay, ui_port
from rlpretrain.settings import load_config

__all__ = ["start_ui", "stop_ui"]


def start_ui(console: Console) -> int:
    """Start the UI, unless it runs already, and print where it is and how to log in."""
    environment = run_environment(os.environ, Path.cwd())
    config = load_config(environment=environment)
    running = running_airflow(own_home())
    if running is None:
        port = ui_port(os.environ)
        _say(console, f"starting Airflow; its files are in {own_home()}")
        started = start_to_stay(environment, port)
        url, user, password = started.url, started.user, started.password
        _say(console, f"Airflow runs at {url}")
    else:
        running.check()
        url, user, password = running.url, running.user, running.password
        _say(console, f"Airflow runs already at {url}")
        if others := running.differing(environment):
            _say(console, f"with other values of {', '.join(others)}; `make stop` first to change them")
    _say(console, f"login: {user}, password {password}")
    _say(console, f"runs of {config.output_dir}: {url}/plugin/rlpretrain")
    _say(console, "`make run` adds a run to them, `make stop` stops Airflow")
    return 0


def stop_ui(console: Console) -> int:
    """Stop the UI with everything that runs in it; what it has recorded stays."""
    home = own_home()
    ended = unfinished = 0
    if home.is_dir():
        with locked(home):
            ended = end_processes_of(home, STOP_SECONDS)
            forget_running(home)
            unfinished = end_unfinished(home)
    _say(console, "Airflow has been stopped" if ended else "no Airflow of this checkout is running")
    if unfinished:
        _say(console, f"runs that had not ended, and count as failed: {unfinished}")
    return 0


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False)
