"""What tests share: an Airflow home of their own, chosen before anything imports Airflow, Docker and Postgres."""

import fcntl
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

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
# The tests themselves keep all cores busy: more processes, where none are asked for, only cost their imports.
os.environ["LOKY_MAX_CPU_COUNT"] = "1"
for name in [name for name in os.environ if name.startswith("RLPRETRAIN_") and "REQUIRE" not in name]:
    del os.environ[name]

# A busy machine is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


TOGETHER = ("tests/compose/", "tests/live/")
"""Folders whose tests share an Airflow: one process runs all of them. Elsewhere, one process runs those of a file."""
NEEDS = {"migrated_database": "airflow", "engine": "docker", "postgres_server": "postgres"}
"""Shared fixtures -> the mark of what they start."""


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that start a service; put files in an order in which processes are busy, and end together.

    Files of slow tests come first, and of these the ones that start Airflow, since it makes them wait. What needs an
    image comes after these, since it may still be built.
    """
    for item in items:
        for fixture in NEEDS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(NEEDS[fixture])

    def files_of(*marks: str) -> set[Path]:
        return {item.path for item in items if all(map(item.get_closest_marker, marks))}

    order = (files_of("slow", "airflow") - files_of("docker"), files_of("docker"), files_of("slow"))
    items.sort(key=lambda item: next((n for n, files in enumerate(order) if item.path in files), len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the processes whole files, and whole folders where these share what they start."""
    from xdist.scheduler import LoadFileScheduling

    if config.getvalue("dist") != "loadfile":
        return None

    class WholeFilesAndFolders(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            folder = next(filter(nodeid.startswith, TOGETHER), None)
            return folder or super()._split_scope(nodeid)

    return WholeFilesAndFolders(config, log)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through all modules and tests each time: these stay."""
    gc.collect()
    gc.freeze()


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


def images_are_built() -> None:
    """Wait for what builds the images beside the tests, where the environment names the file that tells of its end."""
    ended = os.environ.get("IMAGES_ENDED")
    while ended and not Path(ended).exists():
        time.sleep(1)
    if ended and (status := Path(ended).read_text().strip()) != "0":
        pytest.fail(f"the images could not be built: exit status {status}")


def missing(reason: str) -> NoReturn:
    """Skip, unless this machine is one that must not."""
    if os.environ.get("RLPRETRAIN_REQUIRE_DOCKER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this session see."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def locked(folder: Path, name: str) -> Iterator[Path]:
    """Yield a path in a shared folder while no other process has it."""
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / name


@pytest.fixture(scope="session")
def migrated_database(shared_folder: Path) -> Path:
    """An empty database of Airflow, to be copied: to migrate one takes longer than most tests."""
    with locked(shared_folder, "migrated.db") as path:
        if not path.exists():
            new = path.with_suffix(".new")
            subprocess.run(
                [sys.executable, "-m", "airflow", "db", "migrate"],
                env={**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{new}"},
                check=True,
                capture_output=True,
            )
            new.rename(path)
    return path


@pytest.fixture(scope="session")
def airflow_database(migrated_database: Path) -> None:
    """Airflow's own database, migrated, in the home of the tests."""
    database = Path(os.environ["AIRFLOW_HOME"]) / "airflow.db"
    for leftover in (
        "-wal",
        "-shm",
    ):  # of an empty one, which whoever asks Airflow without this fixture makes
        database.with_name(database.name + leftover).unlink(missing_ok=True)
    shutil.copyfile(migrated_database, database)


@pytest.fixture(scope="session")
def empty_airflow(migrated_database: Path) -> Callable[[Path], Path]:
    """A function that makes a home for `LocalAirflow`, with the database that it would migrate first."""

    from rlpretrain.deployment.local.home import make_database

    def copy(address: str) -> None:
        shutil.copyfile(migrated_database, address.removeprefix("sqlite:///"))

    def make(home: Path) -> Path:
        home.mkdir(mode=0o700, parents=True)
        make_database(home, copy)
        return home

    return make


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

    images_are_built()
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
