"""The trainer's container: what it may see, which devices it gets, and how it is found again.

Free of Airflow, so that a command can ask for the image before it starts one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docker.api.client import APIClient
from docker.errors import DockerException
from docker.types import DeviceRequest, Mount

from rlpretrain.config import load_config
from rlpretrain.errors import ServiceError, StageError

__all__ = [
    "CONTAINER_ARTIFACTS",
    "RUN_LABEL",
    "ContainerSettings",
    "device_requests",
    "remove_run_containers",
    "require_image",
    "stage_command",
    "writer_of",
]

RUN_LABEL = "rlpretrain.run"
CONTAINER_ARTIFACTS = "/artifacts"
TRAINER_UID = 10001
"""User and group of the trainer image."""


@dataclass(frozen=True)
class ContainerSettings:
    """How this deployment runs the trainer's container."""

    image: str = "rlpretrain-trainer:latest"
    memory: str = "8g"
    device: str = "auto"
    artifacts_mount: str = ""
    """Volume or host path of the folder of all runs; empty when Airflow and the Docker host see one path."""
    market_mount: str = ""
    """The same for the folder of price files."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> ContainerSettings:
        """Read the settings, and what only the container needs, from ``RLPRETRAIN_*`` variables."""
        environment = os.environ if environment is None else environment
        return cls(
            image=environment.get("RLPRETRAIN_TRAINER_IMAGE") or cls.image,
            memory=environment.get("RLPRETRAIN_TRAINER_MEMORY") or cls.memory,
            device=load_config(environment=environment).device,
            artifacts_mount=environment.get("RLPRETRAIN_ARTIFACTS_MOUNT", ""),
            market_mount=environment.get("RLPRETRAIN_MARKET_MOUNT", ""),
        )

    def mounts(self, folder: Path, market: str, *, other_runs: bool = False) -> list[Mount]:
        """Give what the container of a run sees: its folder, writable, and the price files, read-only.

        Parameters
        ----------
        folder
            The run's folder, as Airflow sees it.
        market
            The run's market setting; only ``files:DIR`` needs a mount.
        other_runs
            Whether it sees the folder of all runs too, read-only. A volume is always mounted whole, and writable.
        """
        if self.artifacts_mount and not self.artifacts_mount.startswith("/"):
            mounts = [Mount(CONTAINER_ARTIFACTS, self.artifacts_mount, type="volume")]
        else:
            runs = self.artifacts_mount or str(folder.parent)
            mounts = [Mount(CONTAINER_ARTIFACTS, runs, type="bind", read_only=True)] if other_runs else []
            mounts.append(Mount(f"{CONTAINER_ARTIFACTS}/{folder.name}", f"{runs}/{folder.name}", type="bind"))
        kind, _, place = market.partition(":")
        if kind == "files":
            target = str(Path(place).absolute())
            source = self.market_mount or target
            kind = "bind" if source.startswith("/") else "volume"
            mounts.append(Mount(target, source, type=kind, read_only=True))
        return mounts


def device_requests(client: APIClient, device: str) -> list[DeviceRequest]:
    """Ask for all GPUs when wanted and there: asked of the daemon now, since its host may have changed."""
    if device == "cuda" or (device == "auto" and "nvidia" in client.info().get("Runtimes", {})):
        return [DeviceRequest(count=-1, capabilities=[["gpu"]])]
    return []


def stage_command(stage: str, folder: Path, symbol: str = "") -> list[str]:
    """Give the arguments of the image's ``rlpretrain`` for a stage of the run; `symbol` is validation's asset."""
    command = ["stage", stage, "--run", f"{CONTAINER_ARTIFACTS}/{folder.name}"]
    return [*command, "--symbol", symbol] if symbol else command


def writer_of(folder: Path) -> str:
    """Give the user that may write the folder, never root: what root made is handed to the image's user."""
    owner = folder.stat()
    if owner.st_uid != 0:
        return f"{owner.st_uid}:{owner.st_gid}"
    for path in (folder, *folder.rglob("*")):
        os.chown(path, TRAINER_UID, TRAINER_UID, follow_symlinks=False)
    return f"{TRAINER_UID}:{TRAINER_UID}"


def remove_run_containers(run_id: str, client: APIClient | None = None) -> int:
    """Remove all containers of a run, running or not; give their number."""
    client = client or _engine()
    containers = client.containers(all=True, filters={"label": f"{RUN_LABEL}={run_id}"})
    for container in containers:
        client.remove_container(container["Id"], force=True)
    return len(containers)


def require_image(image: str, client: APIClient | None = None) -> None:
    """Check that the trainer's image is there.

    It is never pulled: the name is local, and a registry's image of the same name would be somebody else's.

    Raises
    ------
    StageError
        The image is not on the Docker host.
    ServiceError
        No Docker engine answers.
    """
    if not (client or _engine()).images(name=image):
        raise StageError(
            f"image {image} is not on the Docker host", hint="build it with `make trainer-image`"
        )


def _engine() -> APIClient:
    url = os.environ.get("DOCKER_HOST") or "unix://var/run/docker.sock"
    try:
        return APIClient(url, version="auto")
    except DockerException as error:
        raise ServiceError(
            f"no Docker engine at {url}: {error}", hint="start it, or use TRAINER=process"
        ) from error
