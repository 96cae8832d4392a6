"""A PostgreSQL server for as long as it is needed."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2

__all__ = ["PostgresUnavailableError", "temporary_postgres"]


class PostgresUnavailableError(Exception):
    """The server's programs are not here, or may not run."""


def _programs() -> Path:
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").is_file():
            return place
    raise PostgresUnavailableError("the PostgreSQL server programs are not installed")


@contextmanager
def temporary_postgres(*options: str) -> Iterator[str]:
    """Run a server; gives its URL without a database. No server runs as root, so another user starts it.

    Parameters
    ----------
    options
        Settings of the server, ``name=value``.
    """
    programs = _programs()
    as_user: list[str] = []
    if os.geteuid() == 0:
        known = subprocess.run(["id", "postgres"], capture_output=True).returncode == 0
        if shutil.which("runuser") is None or not known:
            raise PostgresUnavailableError("PostgreSQL does not run as root, and there is no user postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # A socket's path is short by law, so the folder lies in the system's own place for temporary files.
    with tempfile.TemporaryDirectory(prefix="rlpretrain-pg-", dir="/tmp") as folder:
        if as_user:
            shutil.chown(folder, "postgres")
        password, data = Path(folder, "password"), Path(folder, "data")
        password.write_text("s3cret")
        password.chmod(0o644)
        init = ["-U", "tester", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8"]
        settings = [f"unix_socket_directories={folder}", f"port={port}", *options]
        flags = [flag for setting in settings for flag in ("-c", setting)]
        quiet = {"cwd": "/", "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*as_user, programs / "initdb", "-D", data, *init], check=True, **quiet)
        server = subprocess.Popen(
            [*as_user, programs / "postgres", "-D", data, "-h", "127.0.0.1", *flags], **quiet
        )
        url = f"postgresql://tester:s3cret@127.0.0.1:{port}"
        try:
            _wait_for(f"{url}/postgres", server)
            yield url
        finally:
            subprocess.run([*as_user, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
            server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            psycopg2.connect(url).close()
        except psycopg2.OperationalError:
            assert server.poll() is None, "the PostgreSQL server ended"
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the PostgreSQL server does not answer")
