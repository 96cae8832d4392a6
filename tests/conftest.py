"""What tests share: an Airflow home of their own, chosen before anything imports Airflow, Docker and Postgres."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import psycopg2
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from docker.api.client import APIClient

PROJECT = Path(__file__).resolve().parents[1]

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="rlpretrain-airflow-")
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(PROJECT / "dags")
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(PROJECT / "plugins")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
for name in [name for name in os.environ if name.startswith("RLPRETRAIN_") and "REQUIRE" not in name]:
    del os.environ[name]

# A busy machine is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def open_to_containers(folder: Path) -> None:
    """Let the container's user reach `folder`: pytest closes the folders that it makes to others."""
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.getuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o011)


def missing(reason: str) -> NoReturn:
    """Skip, unless this machine is one that must not."""
    if os.environ.get("RLPRETRAIN_REQUIRE_DOCKER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def engine() -> "Iterator[APIClient]":
    from docker.api.client import APIClient
    from docker.errors import DockerException

    try:
        client = APIClient(os.environ.get("DOCKER_HOST") or "unix://var/run/docker.sock", version="auto")
    except DockerException as error:
        missing(f"no Docker engine: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def trainer_image(engine: "APIClient") -> str:
    from rlpretrain.deployment.container import ContainerSettings, require_image
    from rlpretrain.errors import RlpretrainError

    image = ContainerSettings.from_environment({}).image
    try:
        require_image(image, engine)
    except RlpretrainError as error:
        missing(str(error))
    return image


def _programs() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").is_file()), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL, without a database, of a server of our own; no server runs as root, so another user starts it."""
    programs = _programs()
    if programs is None:
        pytest.skip("the PostgreSQL server programs are not installed")
    as_user: list[str] = []
    if os.geteuid() == 0:
        known = subprocess.run(["id", "postgres"], capture_output=True).returncode == 0
        if shutil.which("runuser") is None or not known:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
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
        options = ["-c", "fsync=off", "-c", f"unix_socket_directories={folder}", "-c", f"port={port}"]
        quiet = {"cwd": "/", "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*as_user, programs / "initdb", "-D", data, *init], check=True, **quiet)
        server = subprocess.Popen(
            [*as_user, programs / "postgres", "-D", data, "-h", "127.0.0.1", *options], **quiet
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


def empty_schema(server: str) -> str:
    """A store's URL of its own: much cheaper than a database."""
    name = f"t{uuid.uuid4().hex}"
    connection = psycopg2.connect(f"{server}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {name}")
    connection.close()
    return f"{server}/postgres?options=-csearch_path%3D{name}"


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    return empty_schema(postgres_server)
