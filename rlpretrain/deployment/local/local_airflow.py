"""Airflow on this machine for the duration of one run: database, scheduler, DAG processor and api-server.

Everything is in one private home folder. Each start begins with an empty, migrated database, so nothing that an
earlier run left, whether it finished or was killed, can queue before this one or lock it out.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

from rlpretrain.errors import StageError
from rlpretrain.runs.files import atomic_path

__all__ = ["LocalAirflow"]

COMPONENTS = {
    # No task of the DAG defers, so there is no triggerer; logs are read as files, so there is no log server.
    "api-server": ("api-server", "--workers", "1"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
}
OWNER_VARIABLE = "RLPRETRAIN_LOCAL_AIRFLOW"
"""Marks every process that is started here, so that those of a killed run are found."""
STOP_SECONDS = 10
"""Longer than a task needs to stop its container."""
IDLE_STOP_SECONDS = 1
"""Enough when no task runs: nothing is kept, so nothing needs a clean shutdown."""


class LocalAirflow:
    """A private Airflow, started on entering and stopped, with all its tasks, on leaving.

    Parameters
    ----------
    home
        Folder for the database, logs and secrets; emptied at each start.
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
    """

    user = "admin"

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
    ) -> None:
        self.home = home.absolute()
        self.password = secrets.token_urlsafe(16)
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._database = database
        self._components = COMPONENTS if components is None else components
        self._environment = self._settings(dags, plugins, parallelism) | dict(environment)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._resources = ExitStack()

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
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}",
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
        return self.home / "passwords.json"

    def __enter__(self) -> Self:
        self._resources.enter_context(_locked(self.home))
        try:
            _end_processes_of(self.home, STOP_SECONDS)
            self._empty_home()
            self._make_database()
            for name, arguments in self._components.items():
                self._processes[name] = self._start(name, *arguments)
        except BaseException:
            self._stop(STOP_SECONDS)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop(IDLE_STOP_SECONDS if error is None else STOP_SECONDS)

    def _empty_home(self) -> None:
        for path in self.home.iterdir():
            if path.name == "lock" or path.name.startswith("migrated-"):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.passwords.touch(mode=0o600)
        self.passwords.write_text(json.dumps({self.user: self.password}), encoding="utf-8")

    def _make_database(self) -> None:
        """Migrate the given database, or copy an empty one, which is created once for each version of Airflow."""
        if self._database:
            self._environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = self._database
            self._migrate()
            return
        template = self.home / f"migrated-{version('apache-airflow')}.db"
        if not template.exists():
            with atomic_path(template) as temporary:
                self._environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{temporary}"
                self._migrate()
        database = self.home / "airflow.db"
        shutil.copyfile(template, database)
        self._environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{database}"

    def _migrate(self) -> None:
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
        _end_processes_of(self.home, patience)
        for process in self._processes.values():
            process.wait()
        self._resources.close()


def _end_processes_of(home: Path, patience: float) -> None:
    """End every process, tasks and their children included, that was started with this home.

    `patience` is how long, in seconds, they may take before they are killed.
    """
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        processes = list(_processes_of(home))
        for process in processes:
            try:
                ask(process)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=patience)


def _processes_of(home: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(OWNER_VARIABLE) == str(home):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Lock the home for this process; the lock is released when the process ends, however it ends."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StageError(
                f"{home} is in use by another run", hint="wait for it to end, or run from another checkout"
            ) from None
        yield


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
