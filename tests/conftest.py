"""What tests share: an Airflow home of their own, chosen before anything imports Airflow, Docker and Postgres."""

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import psycopg2
import pytest
from hypothesis import settings

from tests.postgres import PostgresUnavailableError, temporary_postgres

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


NEEDS = {"airflow_database": "airflow", "engine": "docker", "postgres_server": "postgres"}
"""Shared fixtures -> the mark of what they start."""


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that start a service; begin with files of slow tests, so that two processes end together."""
    for item in items:
        for fixture in NEEDS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(NEEDS[fixture])
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def nothing_in_the_project() -> Iterator[None]:
    """See that every test names a folder for what it writes: the default is `artifacts`, here in the project."""
    default = PROJECT / "artifacts"
    before = set(default.glob("*"))
    yield
    assert set(default.glob("*")) <= before, (
        "a test wrote to the default output folder; it must set output_dir"
    )


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
def airflow_database() -> None:
    """Airflow's own database, migrated, in the home of the tests."""
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)


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
    from rlpretrain.deployment.trainers.container import ContainerSettings
    from rlpretrain.deployment.trainers.docker_engine import require_image
    from rlpretrain.errors import RlpretrainError

    image = ContainerSettings.from_environment({}).image
    try:
        require_image(image, engine)
    except RlpretrainError as error:
        missing(str(error))
    return image


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL, without a database, of a server of our own."""
    try:
        # What a crash would lose, a test does not need.
        with temporary_postgres("fsync=off") as url:
            yield url
    except PostgresUnavailableError as error:
        pytest.skip(str(error))


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
