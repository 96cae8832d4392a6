"""The operator against a real engine: what a container of it may do, what it leaves, and how it ends."""

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.docker.exceptions import DockerContainerFailedException
from docker.api.client import APIClient
from docker.errors import NotFound

from rlpretrain.deployment.trainers.container import (
    TRAINER_UID,
    ContainerSettings,
    device_requests,
    writer_of,
)
from rlpretrain.deployment.trainers.docker_engine import (
    DAG_LABEL,
    RUN_LABEL,
    STAGE_LABEL,
    remove_containers,
    remove_ended_runs,
    require_image,
)
from rlpretrain.deployment.trainers.docker_operator import DockerTrainerOperator
from rlpretrain.errors import StageError
from rlpretrain.runs.files import write_json
from rlpretrain.runs.run_folder import RunFolder
from tests.conftest import open_to_containers

pytestmark = pytest.mark.docker

# Reports from within the container, through the real manifest of a stage.
PROBE = """#!/usr/bin/env python
import json, os, socket, sys
from dataclasses import asdict
from pathlib import Path
from rlpretrain.runs.files import file_sha256, write_json
from rlpretrain.runs.manifest import Manifest

def writable(path):
    try:
        Path(path, "probe").write_text("x")
    except OSError as error:
        return error.strerror
    return "writable"

lines = Path("/proc/self/status").read_text().splitlines()
status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
shm = os.statvfs("/dev/shm")
PIDS = ("/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max")
folder, stage = Path(sys.argv[sys.argv.index("--run") + 1]), sys.argv[2]
seen = {
    "arguments": sys.argv[1:],
    "user": [os.getuid(), os.getgid()],
    "capabilities": int(status["CapEff"], 16) | int(status["CapPrm"], 16),
    "no_new_privileges": status["NoNewPrivs"].strip(),
    "init": Path("/proc/1/comm").read_text().strip(),
    "interfaces": [name for _, name in socket.if_nameindex()],
    "environment": sorted(os.environ),
    "writable": {path: writable(path) for path in ("/", "/opt/package", "/etc", "/tmp", "/prices")},
    "prices": sorted(os.listdir("/prices")) if os.path.isdir("/prices") else None,
    "pids": [Path(name).read_text().strip() for name in PIDS if os.path.exists(name)],
    "others": sorted(os.listdir("/artifacts")),
    "threads": os.environ.get("OMP_NUM_THREADS"),
    "shm": shm.f_frsize * shm.f_blocks,
}
folder.mkdir(parents=True, exist_ok=True)
(folder / "probe.txt").write_text("made in the container")
outputs = {"probe.txt": file_sha256(folder / "probe.txt")}
manifest = Manifest(stage, "settings", {}, outputs, seen)
write_json(folder / f"{stage}.json", asdict(manifest))
"""


def run_folder(tmp_path: Path, market: str = "generated:") -> Path:
    folder = RunFolder(tmp_path / "run-1").path
    write_json(folder / "settings.json", {"market": market})
    open_to_containers(tmp_path)
    return folder


def operator(image: str, folder: Path, **settings: Any) -> DockerTrainerOperator:
    return DockerTrainerOperator(
        task_id="pretrain",
        stage="pretrain",
        run_folder=str(folder),
        settings=ContainerSettings(image=image, memory="1g", **settings),
    )


def leftovers(engine: APIClient, run_id: str) -> list[Any]:
    return list(engine.containers(all=True, filters={"label": f"{RUN_LABEL}={run_id}"}))


def test_a_container_can_do_nothing_but_its_work(
    tmp_path: Path, engine: APIClient, built_image: Callable[[str, str], str]
) -> None:
    prices = tmp_path / "prices"
    prices.mkdir()
    (prices / "SPY.csv").write_text("date,close\n")
    folder = run_folder(tmp_path, "files:/prices")
    task = operator(built_image("rlpretrain-probe", PROBE), folder, market_mount=str(prices))
    task.execute({"run_id": "probe-1"})  # type: ignore[typeddict-item]

    manifest = RunFolder(folder).require("pretrain")
    seen = manifest.result
    assert seen["arguments"] == ["stage", "pretrain", "--run", "/artifacts/run-1"]
    assert 0 not in seen["user"]
    assert seen["capabilities"] == 0
    assert seen["no_new_privileges"] == "1"
    assert seen["init"] == "tini"
    assert seen["interfaces"] == ["lo"]
    assert seen["pids"] == ["512"]
    assert seen["shm"] == 2**30
    assert {path for path, answer in seen["writable"].items() if answer == "writable"} == {"/tmp"}  # noqa: S108
    assert seen["prices"] == ["SPY.csv"]
    assert not [
        name for name in seen["environment"] if "URL" in name or "SECRET" in name or "AIRFLOW" in name
    ]
    assert (folder / "probe.txt").read_text() == "made in the container"
    assert leftovers(engine, "probe-1") == []


def test_artifacts_on_a_named_volume(
    tmp_path: Path, engine: APIClient, trainer_image: str, built_image: Callable[[str, str], str]
) -> None:
    image = built_image("rlpretrain-probe", PROBE)
    volume = engine.create_volume("rlpretrain-test-artifacts")["Name"]
    try:
        folder = run_folder(tmp_path)
        task = operator(image, folder, artifacts_mount=volume)
        with pytest.raises(StageError, match="has not finished"):
            # The container writes to the volume, which this process does not see: nothing is taken on trust.
            task.execute({"run_id": "probe-2"})  # type: ignore[typeddict-item]
        container = engine.create_container(
            trainer_image,
            entrypoint=["cat", "/artifacts/run-1/probe.txt"],
            host_config=engine.create_host_config(binds=[f"{volume}:/artifacts:ro"], network_mode="none"),
        )
        engine.start(container)
        engine.wait(container)
        assert engine.logs(container) == b"made in the container"
        engine.remove_container(container)
    finally:
        engine.remove_volume(volume)


def test_a_failing_stage_fails_the_task_and_leaves_no_container(
    tmp_path: Path, engine: APIClient, built_image: Callable[[str, str], str]
) -> None:
    image = built_image("rlpretrain-failing", "#!/bin/sh\necho no patterns to learn from >&2\nexit 1\n")
    with pytest.raises(DockerContainerFailedException) as failure:
        operator(image, run_folder(tmp_path)).execute({"run_id": "failing"})  # type: ignore[typeddict-item]
    assert failure.value.logs == ["no patterns to learn from"]
    assert leftovers(engine, "failing") == []


def test_a_container_that_only_claims_success_is_not_believed(
    tmp_path: Path, built_image: Callable[[str, str], str]
) -> None:
    image = built_image("rlpretrain-idle", "#!/bin/sh\nexit 0\n")
    with pytest.raises(StageError, match="has not finished"):
        operator(image, run_folder(tmp_path)).execute({"run_id": "idle"})  # type: ignore[typeddict-item]


def test_a_killed_task_takes_its_container_along(
    tmp_path: Path, engine: APIClient, built_image: Callable[[str, str], str]
) -> None:
    task = operator(
        built_image("rlpretrain-slow", "#!/bin/sh\necho started\nsleep 600\n"), run_folder(tmp_path)
    )
    failures: list[BaseException] = []

    def execute() -> None:
        try:
            task.execute({"run_id": "slow"})  # type: ignore[typeddict-item]
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    deadline = time.monotonic() + 60
    while not (running := [one for one in leftovers(engine, "slow") if one["State"] == "running"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert running[0]["Labels"]["rlpretrain.task"] == "pretrain"
    task.on_kill()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert failures
    assert leftovers(engine, "slow") == []


@pytest.fixture
def orphan(engine: APIClient, trainer_image: str) -> Iterator[Callable[..., str]]:
    """Yield a function that starts a container with labels and leaves it to itself."""
    started: list[str] = []

    def start(labels: dict[str, str]) -> str:
        container = engine.create_container(
            trainer_image,
            entrypoint=["sleep", "600"],
            labels=labels,
            host_config=engine.create_host_config(network_mode="none"),
        )
        started.append(container["Id"])
        engine.start(container)
        return str(container["Id"])

    yield start
    for container in started:
        with contextlib.suppress(NotFound):
            engine.remove_container(container, force=True)


def test_containers_of_a_dead_worker_are_reaped_by_their_label(
    engine: APIClient, orphan: Callable[..., str]
) -> None:
    for run_id in ("orphaned", "somebody-elses"):
        orphan({RUN_LABEL: run_id})
    assert remove_containers({RUN_LABEL: "orphaned"}, engine) == 1
    assert remove_containers({RUN_LABEL: "orphaned"}, engine) == 0
    assert len(leftovers(engine, "somebody-elses")) == 1


def test_containers_of_ended_runs_are_reaped_and_no_others(
    engine: APIClient, orphan: Callable[..., str]
) -> None:
    for run_id in ("ended", "running", "unknown"):
        orphan({RUN_LABEL: run_id, DAG_LABEL: "reaped"})
    orphan({RUN_LABEL: "ended", DAG_LABEL: "another"})
    assert remove_ended_runs("reaped", lambda run_id: run_id == "ended", engine) == 2
    assert [len(leftovers(engine, run_id)) for run_id in ("ended", "running", "unknown")] == [0, 1, 1]


def test_a_second_try_ends_the_first_and_no_other(
    tmp_path: Path, engine: APIClient, built_image: Callable[[str, str], str], orphan: Callable[..., str]
) -> None:
    first = orphan({RUN_LABEL: "again", STAGE_LABEL: "validate/SPY"})
    other = orphan({RUN_LABEL: "again", STAGE_LABEL: "validate/QQQ"})
    task = DockerTrainerOperator(
        task_id="validate",
        stage="validate",
        symbol="SPY",
        run_folder=str(run_folder(tmp_path)),
        settings=ContainerSettings(image=built_image("rlpretrain-idle", "#!/bin/sh\nexit 1\n"), memory="1g"),
    )
    with pytest.raises(DockerContainerFailedException):
        task.execute({"run_id": "again"})  # type: ignore[typeddict-item]
    assert [container["Id"] for container in leftovers(engine, "again")] == [other]
    assert first != other


def test_validation_sees_the_other_runs_and_writes_its_own(
    tmp_path: Path, built_image: Callable[[str, str], str]
) -> None:
    folder = run_folder(tmp_path)
    (tmp_path / "registry.json").write_text("{}")
    tmp_path.chmod(0o755)
    program = PROBE.replace("sys.argv[2]", "'validate/BTC-USD'").replace('"/prices")}', '"/artifacts")}')
    task = DockerTrainerOperator(
        task_id="validate",
        stage="validate",
        symbol="BTC-USD",
        run_folder=str(folder),
        settings=ContainerSettings(
            image=built_image("rlpretrain-probe", program), memory="1g", device="cuda", threads="3"
        ),
    )
    # `cuda` is for what trains: this one starts on a host without a GPU.
    task.execute({"run_id": "probe-3"})  # type: ignore[typeddict-item]
    seen = RunFolder(folder).require("validate/BTC-USD").result
    assert seen["arguments"][-2:] == ["--symbol", "BTC-USD"]
    assert seen["others"] == ["registry.json", "run-1"]
    assert seen["writable"]["/artifacts"] == "Read-only file system"
    assert seen["threads"] == "3"


def test_a_missing_image_says_how_to_build_it(engine: APIClient) -> None:
    with pytest.raises(StageError, match=r"no-such-image.*make trainer-image"):
        require_image("no-such-image:latest", engine)


def test_gpus_are_asked_for_only_where_the_daemon_has_them(engine: APIClient) -> None:
    has_gpu = "nvidia" in engine.info()["Runtimes"]
    assert bool(device_requests(engine, "auto", "pretrain")) is has_gpu
    assert device_requests(engine, "cpu", "pretrain") == []
    assert device_requests(engine, "cuda", "transfer")[0]["Capabilities"] == [["gpu"]]
    assert device_requests(engine, "cuda", "validate") == []


def test_the_image_holds_no_tools_to_build_with(engine: APIClient, trainer_image: str) -> None:
    script = "for tool in gcc cc make pip git curl; do command -v $tool; done; python -m pip; id -u"
    finished = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--entrypoint", "sh", trainer_image, "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stdout.split() == [str(TRAINER_UID)]
    config = engine.inspect_image(trainer_image)["Config"]
    assert config["User"] == f"{TRAINER_UID}:{TRAINER_UID}"
    assert not [entry for entry in config["Env"] if "SECRET" in entry or "PASSWORD" in entry]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_root_hands_the_folder_to_the_trainers_user(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    assert writer_of(folder) == f"{TRAINER_UID}:{TRAINER_UID}"
    assert {path.stat().st_uid for path in (folder, folder / "settings.json")} == {TRAINER_UID}
    assert json.loads((folder / "settings.json").read_text())
    assert writer_of(folder) == f"{TRAINER_UID}:{TRAINER_UID}"
