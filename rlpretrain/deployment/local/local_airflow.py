"""Airflow on this machine: database, scheduler, DAG processor and api-server.

Everything is in one private home folder, which keeps the runs, their logs and the password from start to start. What
an earlier start left unfinished, whether it was stopped or killed, is marked as failed, so that it can neither queue
before the next run nor lock it out.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from rlpretrain.deployment.local.home import (
    DATABASE,
    OWNER_VARIABLE,
    PASSWORDS,
    end_processes_of,
    end_unfinished,
    locked,
    make_database,
)
from rlpretrain.deployment.local.running_airflow import forget_running, note_running
from rlpretrain.errors import StageError

__all__ = ["COMPONENTS", "STOP_SECONDS", "UI_COMPONENTS", "USER", "LocalAirflow"]

COMPONENTS = {
    # No task of the DAG defers, so there is no triggerer; logs are read as files, so there is no log server.
    "api-server": ("api-server", "--workers", "1"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
}
UI_COMPONENTS = {**COMPONENTS, "triggerer": ("triggerer", "--skip-serve-logs")}
"""Those of an Airflow that stays: a run may wait for a person's approval there, and be late."""
USER = "admin"
STOP_SECONDS = 10
"""Longer than a task needs to stop its container."""
IDLE_STOP_SECONDS = 1
"""Enough when no task runs: the database survives a killed process."""


class LocalAirflow:
    """A private Airflow, started on entering and stopped, with all its tasks, on leaving.

    Parameters
    ----------
    home
        Folder for the database, logs and the password; they stay there.
    dags, plugins
        Folders that Airflow reads.
    environment
        Variables for the tasks; they override this process's own.
    parallelism
        Maximum number of tasks that run at once.
    database
        URL of an empty database; a SQLite file in the home when left out.
    components
        The processes: name -> arguments of ``airflow``; those of a single machine when left out.
    port
        Port of the api-server on the loopback address; a free one when left out.
    """

    user = USER

    def __init__(
        self,
        home: Path,
        *,
        dags: Path,
        plugins: Path,
        environment: Mapping[str, str],
        parallelism: int,
        database: str = "",
        components: Mapping[str, tuple[str, ...]] | None = None,
        port: int | None = None,
    ) -> None:
        self.home = home.absolute()
        self.password = _password_in(self.passwords)
        self.url = f"http://127.0.0.1:{_free_port() if port is None else port}"
        self._database = database
        self._components = COMPONENTS if components is None else components
        self._environment = self._settings(dags, plugins, parallelism) | dict(environment)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._resources = ExitStack()
        self._stays = False
        self.started = datetime.now(UTC)
        """Time from which on DAG files have been read; it is set again on entering."""

    def _settings(self, dags: Path, plugins: Path, parallelism: int) -> dict[str, str]:
        settings = {
            "CORE__DAGS_FOLDER": str(dags.absolute()),
            "CORE__PLUGINS_FOLDER": str(plugins.absolute()),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": str(parallelism),
            # Without it, each component that starts in the empty home may make a key of its own, and can't read what
            # another has encrypted.
            "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{self.user}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.passwords),
            "API__HOST": "127.0.0.1",
            "API__PORT": self.url.rpartition(":")[2],
            "API__BASE_URL": self.url,
            "API__SECRET_KEY": secrets.token_urlsafe(32),
            "API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / DATABASE}",
            "LOGGING__BASE_LOG_FOLDER": str(self.logs),
            # The run is triggered once; the nightly schedule belongs to a deployment.
            "SCHEDULER__USE_JOB_SCHEDULE": "False",
            # Airflow's defaults are for clusters: a finished task may occupy its slot until the next heartbeat.
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        }
        # The user may have another Airflow, whose settings must not reach this one; nor may a proxy intercept
        # its calls to itself.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        local = ",".join(filter(None, (inherited.get("NO_PROXY"), "127.0.0.1", "localhost")))
        return {
            **inherited,
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
            "AIRFLOW_HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "NO_PROXY": local,
            "no_proxy": local,
            OWNER_VARIABLE: str(self.home),
            # Tasks run in parallel: threads that wait for each other on a busy core cost more than they gain.
            "OMP_NUM_THREADS": inherited.get("OMP_NUM_THREADS") or "1",
            # Process titles would overwrite the environment, by which the processes are found.
            "SPT_NOENV": "1",
        }

    @property
    def logs(self) -> Path:
        """Folder of the tasks' logs."""
        return self.home / "logs"

    @property
    def passwords(self) -> Path:
        """File with the password for the UI."""
        return self.home / PASSWORDS

    def __enter__(self) -> Self:
        self._resources.enter_context(locked(self.home))
        try:
            self.started = datetime.now(UTC)
            end_processes_of(self.home, STOP_SECONDS)
            forget_running(self.home)
            self._write_password()
            self._environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = self._migrated()
            for name, arguments in self._components.items():
                self._processes[name] = self._start(name, *arguments)
        except BaseException:
            self._stop(STOP_SECONDS)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stays and error is None:
            self._resources.close()
        else:
            self._stop(IDLE_STOP_SECONDS if error is None else STOP_SECONDS)

    def keep(self, settings: Mapping[str, str]) -> None:
        """Leave the processes running after this context, and note where, for `running_airflow`.

        Parameters
        ----------
        settings
            Variables of the deployment that the tasks have.
        """
        pids = {name: process.pid for name, process in self._processes.items()}
        note_running(self.home, url=self.url, pids=pids, settings=settings)
        self._stays = True

    def _write_password(self) -> None:
        if _password_in(self.passwords) != self.password:
            self.passwords.unlink(missing_ok=True)
            self.passwords.touch(mode=0o600)
            self.passwords.write_text(json.dumps({self.user: self.password}), encoding="utf-8")

    def _migrated(self) -> str:
        """Migrate the given database or the home's own, and end what an earlier start left unfinished there."""
        if self._database:
            self._migrate(self._database)
            return self._database
        address = make_database(self.home, self._migrate)
        end_unfinished(self.home)
        return address

    def _migrate(self, address: str) -> None:
        self._environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = address
        if self._start("migration", "db", "migrate").wait() != 0:
            raise StageError(f"Airflow's database can't be created:\n{self.log_tail('migration')}")

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        log: IO[bytes] = self._resources.enter_context((self.home / f"{name}.log").open("wb"))
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "airflow", *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A Ctrl-C at the terminal reaches only this process, which then stops the others in order.
            start_new_session=True,
        )

    def log_tail(self, component: str, lines: int = 30) -> str:
        """Return the end of a component's log."""
        text = (self.home / f"{component}.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def check(self) -> None:
        """Raise a StageError with the end of the component's log if a component has died."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise StageError(f"Airflow's {name} ended with {process.returncode}:\n{self.log_tail(name)}")

    def _stop(self, patience: float) -> None:
        end_processes_of(self.home, patience)
        for process in self._processes.values():
            process.wait()
        self._resources.close()


def _password_in(file: Path) -> str:
    """Return the password that an earlier start wrote, or a new one."""
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))[USER])
    except (OSError, ValueError, KeyError, TypeError):
        return secrets.token_urlsafe(16)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
