"""Images for the tests' own programs, built on the trainer's."""

import io
import tarfile
from collections.abc import Callable, Iterator

import pytest
from docker.api.client import APIClient


@pytest.fixture
def built_image(engine: APIClient, trainer_image: str) -> Iterator[Callable[[str, str], str]]:
    """Yield a function that builds on the trainer's image, with a test's program in `rlpretrain`'s place."""
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
