"""The home folder of the local Airflow: who uses it, the processes that belong to it, and its database."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path

import psutil

from rlpretrain.errors import StageError
from rlpretrain.runs.files import atomic_path, write_json

__all__ = [
    "DATABASE",
    "OWNER_VARIABLE",
    "PASSWORDS",
    "end_processes_of",
    "end_unfinished",
    "home_folder",
    "locked",
    "make_database",
    "processes_of",
]

OWNER_VARIABLE = "RLPRETRAIN_LOCAL_AIRFLOW"
"""Marks every process that is started here, so that those of a killed run are found."""
DATABASE = "airflow.db"
PASSWORDS = "passwords.json"
"""File with the password for the UI."""
_MIGRATED = "migrated.json"
"""File with the version of Airflow that the database was migrated to."""
_UNFINISHED = {
    "task_instance": (
        "scheduled", "queued", "running", "restarting", "up_for_retry", "up_for_reschedule", "deferred",
        "awaiting_input",
    ),
    "dag_run": ("queued", "running"),
}  # fmt: skip
"""Tables of Airflow's database -> the states of what has not ended; runs come last."""


def home_folder(environment: Mapping[str, str], project: Path) -> Path:
    """Return the home of the checkout's Airflow: ``UI_HOME``, or ``.airflow`` in the checkout."""
    return Path(environment.get("UI_HOME") or project / ".airflow").absolute()


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Lock the home for this process; the lock is released when the process ends, however it ends."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StageError(
                f"{home} is in use by another `make run` or `make ui`",
                hint="wait for it to end, or run from another checkout",
            ) from None
        yield


def processes_of(home: Path) -> Iterator[psutil.Process]:
    """Yield every process, tasks and their children included, that was started with this home."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(OWNER_VARIABLE) == str(home):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def end_processes_of(home: Path, patience: float) -> int:
    """End the processes of a home; return how many there were.

    `patience` is how long, in seconds, they may take before they are killed.
    """
    ended = 0
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        processes = list(processes_of(home))
        ended = max(ended, len(processes))
        for process in processes:
            try:
                ask(process)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=patience)
    return ended


def make_database(home: Path, migrate: Callable[[str], None]) -> str:
    """Create the home's database, or migrate it to the installed version of Airflow; return its address.

    Parameters
    ----------
    migrate
        Migrates the database at an address. It is given a copy, so that a migration that is killed changes nothing.
    """
    database, note, installed = home / DATABASE, home / _MIGRATED, version("apache-airflow")
    known = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None
    if not database.is_file() or known != installed:
        note.unlink(missing_ok=True)
        with atomic_path(database) as temporary:
            if database.is_file():
                with closing(sqlite3.connect(database)) as old, closing(sqlite3.connect(temporary)) as new:
                    old.backup(new)
            migrate(f"sqlite:///{temporary}")
        write_json(note, installed)
    return f"sqlite:///{database}"


def end_unfinished(home: Path) -> int:
    """Mark the runs that nobody works on any more as failed, and their tasks; return the number of runs.

    What was killed would otherwise be waiting before the next run, or start again by itself. Errors of DAG files are
    forgotten: whoever reads the files next finds those that are left. No process of the home may be running.
    """
    count = 0
    if (home / DATABASE).is_file():
        with closing(sqlite3.connect(home / DATABASE)) as connection, connection:
            for table, states in _UNFINISHED.items():
                marks = ", ".join("?" for _ in states)
                count = connection.execute(
                    f"UPDATE {table} SET state = 'failed', "  # noqa: S608 - names from this file
                    f"end_date = strftime('%Y-%m-%d %H:%M:%f000', 'now') WHERE state IN ({marks})",
                    states,
                ).rowcount
            connection.execute("DELETE FROM import_error")
    return count
