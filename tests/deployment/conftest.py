"""A real Docker engine and the trainer's image, or a skip that says what is missing."""

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest
from docker.api.client import APIClient

from rlpretrain.deployment.container import ContainerSettings, require_image
from rlpretrain.errors import RlpretrainError


def missing(reason: str) -> NoReturn:
    """Skip, unless this machine is one that must not."""
    if os.environ.get("RLPRETRAIN_REQUIRE_DOCKER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def engine() -> Iterator[APIClient]:
    client = APIClient(os.environ.get("DOCKER_HOST") or "unix://var/run/docker.sock")
    try:
        client.ping()
    except OSError as error:
        missing(f"no Docker engine: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def trainer_image(engine: APIClient) -> str:
    image = ContainerSettings.from_environment({}).image
    try:
        require_image(image, engine)
    except RlpretrainError as error:
        missing(str(error))
    return image


@pytest.fixture
def built_image(engine: APIClient, trainer_image: str) -> Iterator[Callable[[str, str], str]]:
    """Give a function that builds on the trainer's image, with a test's program in `rlpretrain`'s place."""
    names: list[str] = []

    def build(name: str, program: str) -> str:
        context = io.BytesIO()
        dockerfile = f"FROM {trainer_image}\nCOPY rlpretrain /opt/package/bin/rlpretrain\n"
        with tarfile.open(fileobj=context, mode="w") as tar:
            for file, text, mode in (("Dockerfile", dockerfile, 0o644), ("rlpretrain", program, 0o755)):
                entry = tarfile.TarInfo(file)
                entry.size, entry.mode = len(text.encode()), mode
                tar.addfile(entry, io.BytesIO(text.encode()))
        context.seek(0)
        for line in engine.build(fileobj=context, custom_context=True, tag=name, rm=True, decode=True):
            assert "error" not in line, line
        names.append(name)
        return name

    yield build
    for name in names:
        engine.remove_image(name, force=True)
