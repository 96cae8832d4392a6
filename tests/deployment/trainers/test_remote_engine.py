"""A GPU host's engine: a second Docker engine on loopback that demands TLS of both sides."""

import io
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rlpretrain.deployment.trainers.container import ContainerSettings
from rlpretrain.deployment.trainers.docker_engine import (
    DAG_LABEL,
    RUN_LABEL,
    DockerEngine,
    remove_containers,
    remove_ended_runs,
    require_image,
)
from rlpretrain.deployment.trainers.docker_operator import DockerTrainerOperator
from rlpretrain.errors import ServiceError, SettingsError, StageError
from rlpretrain.runs.files import write_json
from rlpretrain.runs.run_folder import RunFolder
from tests.conftest import missing, open_to_containers
from tests.deployment.trainers.certificates import Authority

IMAGE = "rlpretrain-remote:latest"
# The shell can do what a stage does: take arguments and leave a manifest.
STAGE = """#!/bin/sh
printf '{"stage": "pretrain", "settings": "", "inputs": {}, "outputs": {},
         "result": {"arguments": "%s"}, "device": "cpu"}' "$*" >"$4/pretrain.json"
"""


@dataclass(frozen=True)
class Remote:
    url: str
    certificates: Path

    def variables(self, certificates: Path | None = None) -> dict[str, str]:
        return {
            "DOCKER_HOST": self.url,
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(certificates or self.certificates),
        }


def shell_image() -> bytes:
    """Return the file system of an image that holds a shell, its libraries and the stage: a megabyte or two."""
    shell = Path("/bin/sh").resolve()
    linked = subprocess.run(["ldd", shell], capture_output=True, text=True, check=True).stdout
    libraries = {word for word in linked.split() if word.startswith("/")}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        files = {"bin/sh": shell, **{name.lstrip("/"): Path(name).resolve() for name in libraries}}
        for name, file in files.items():
            tar.add(file, name)
        entry = tarfile.TarInfo("bin/rlpretrain")
        entry.size, entry.mode = len(STAGE), 0o755
        tar.addfile(entry, io.BytesIO(STAGE.encode()))
        for name in ("tmp", "artifacts"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(folder)
    return archive.getvalue()


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    if shutil.which("dockerd") is None or os.getuid() != 0:
        missing("a second Docker engine needs dockerd and root")
    keys = tmp_path_factory.mktemp("keys")
    authority = Authority("engine's")
    server, client = (
        authority.write(keys / "server", server=True),
        authority.write(keys / "client", server=False),
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    # A socket's path is short by law, so the folder lies in the system's own place for temporary files.
    with tempfile.TemporaryDirectory(prefix="rlpretrain-engine-", dir="/tmp") as home:
        arguments = ["--data-root", f"{home}/data", "--exec-root", f"{home}/exec", "--pidfile", f"{home}/pid"]
        arguments += [
            "--host",
            address,
            "--bridge=docker0",  # with none, it would remove the bridge of the engine beside it
            "--iptables=false",
            "--ip6tables=false",
            "--tlsverify",
        ]
        arguments += [f"--tls{flag}={server}/{name}.pem" for flag, name in
                      (("cacert", "ca"), ("cert", "cert"), ("key", "key"))]  # fmt: skip
        with Path(home, "log").open("w") as log:
            engine = subprocess.Popen(["dockerd", *arguments], stdout=log, stderr=log, start_new_session=True)
        found = Remote(address, client)
        try:
            _prepare(found, engine, Path(home, "log"))
            yield found
        finally:
            engine.terminate()
            engine.wait(timeout=60)


def _prepare(remote: Remote, engine: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(300):
        try:
            client = DockerEngine.from_environment(remote.variables()).connect()
        except ServiceError as error:
            assert error.retryable
            if engine.poll() is not None:
                missing(f"a second Docker engine can't run: {log.read_text()[-500:]}")
            time.sleep(0.1)
        else:
            client.import_image_from_data(
                shell_image(),
                repository=IMAGE.split(":")[0],
                tag="latest",
                changes=['ENTRYPOINT ["/bin/rlpretrain"]'],
            )
            client.close()
            return
    raise AssertionError("the second Docker engine does not answer")


@pytest.fixture
def at_remote(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> Remote:
    for name, value in remote.variables().items():
        monkeypatch.setenv(name, value)
    return remote


@pytest.mark.docker
@pytest.mark.usefixtures("at_remote")
def test_a_stage_runs_there_and_its_manifest_is_read_here(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run-1").path
    write_json(folder / "settings.json", {"market": "generated:"})
    open_to_containers(tmp_path)
    task = DockerTrainerOperator(
        task_id="pretrain",
        stage="pretrain",
        run_folder=str(folder),
        settings=ContainerSettings(image=IMAGE, memory="64m"),
    )
    task.execute({"run_id": "remote"})  # type: ignore[typeddict-item]
    result = RunFolder(folder).require("pretrain").result
    assert result["arguments"] == "stage pretrain --run /artifacts/run-1"
    assert remove_containers({RUN_LABEL: "remote"}) == 0


@pytest.mark.docker
@pytest.mark.usefixtures("at_remote")
def test_images_and_orphans_are_looked_for_there() -> None:
    require_image(IMAGE)
    with pytest.raises(StageError, match="make trainer-image"):
        require_image("rlpretrain-nowhere:latest")
    client = DockerEngine.from_environment().connect()
    for run_id in ("killed", "ended"):
        client.create_container(IMAGE, labels={RUN_LABEL: run_id, DAG_LABEL: "far"})
    assert remove_containers({RUN_LABEL: "killed"}) == 1
    assert remove_ended_runs("far", lambda run_id: run_id == "ended") == 1
    client.close()


@pytest.mark.docker
def test_neither_side_talks_to_strangers(remote: Remote, tmp_path: Path) -> None:
    stranger = Authority("stranger's").write(tmp_path / "stranger", server=False)
    trusting = tmp_path / "trusting"
    shutil.copytree(stranger, trusting)
    shutil.copy(remote.certificates / "ca.pem", trusting / "ca.pem")
    impostor = tmp_path / "impostor"
    shutil.copytree(remote.certificates, impostor)
    shutil.copy(stranger / "ca.pem", impostor / "ca.pem")
    # A client whose certificate the engine does not know, and an engine whose certificate the client does not.
    for folder in (trusting, impostor):
        with pytest.raises(ServiceError, match="no Docker engine"):
            DockerEngine.from_environment(remote.variables(folder)).connect()
    with pytest.raises(ServiceError):
        DockerEngine(remote.url).connect()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, DockerEngine()),
        ({"DOCKER_HOST": "tcp://gpu:2375"}, DockerEngine("tcp://gpu:2375")),
        (
            {"DOCKER_HOST": "unix:///run/d.sock", "DOCKER_CERT_PATH": "/keys"},
            DockerEngine("unix:///run/d.sock"),
        ),
        (
            {"DOCKER_HOST": "tcp://gpu:2376", "DOCKER_CERT_PATH": "/keys"},
            DockerEngine("tcp://gpu:2376", Path("/keys")),
        ),
        (
            {"DOCKER_HOST": "tcp://gpu:2376", "DOCKER_TLS_VERIFY": "1"},
            DockerEngine("tcp://gpu:2376", Path.home() / ".docker"),
        ),
    ],
)
def test_dockers_own_variables_name_the_engine(variables: dict[str, str], expected: DockerEngine) -> None:
    assert DockerEngine.from_environment(variables) == expected


def test_a_missing_certificate_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ca\.pem is missing"):
        DockerEngine("tcp://127.0.0.1:1", tmp_path).connect()
