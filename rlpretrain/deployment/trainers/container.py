"""The trainer's container: what it runs, what it may see, and which devices it gets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docker.api.client import APIClient
from docker.types import DeviceRequest, Mount

from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import load_config
from rlpretrain.stages import stage_named
from rlpretrain.stages.run import own_settings

__all__ = [
    "CONTAINER_ARTIFACTS",
    "TRAINER_UID",
    "ContainerSettings",
    "device_requests",
    "finished_stage",
    "market_of",
    "stage_command",
    "writer_of",
]

CONTAINER_ARTIFACTS = "/artifacts"
TRAINER_UID = 10001
"""User and group of the trainer image."""


@dataclass(frozen=True)
class ContainerSettings:
    """How this deployment runs the trainer's container."""

    image: str = "rlpretrain-trainer:latest"
    memory: str = "8g"
    device: str = "auto"
    threads: str = ""
    """Threads for numerical work in the container; empty for as many as it has cores."""
    artifacts_mount: str = ""
    """Volume or host path of the folder of all runs; empty when Airflow and the Docker host see one path."""
    market_mount: str = ""
    """The same for the folder of price files."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> ContainerSettings:
        """Read the settings, and what only the container uses, from ``RLPRETRAIN_*`` variables."""
        environment = os.environ if environment is None else environment
        return cls(
            image=environment.get("RLPRETRAIN_TRAINER_IMAGE") or cls.image,
            memory=environment.get("RLPRETRAIN_TRAINER_MEMORY") or cls.memory,
            device=load_config(environment=environment).device,
            threads=environment.get("RLPRETRAIN_TRAINER_THREADS", ""),
            artifacts_mount=environment.get("RLPRETRAIN_ARTIFACTS_MOUNT", ""),
            market_mount=environment.get("RLPRETRAIN_MARKET_MOUNT", ""),
        )

    def variables(self) -> dict[str, str]:
        """Return the container's environment, which contains no secret."""
        threads = {"OMP_NUM_THREADS": self.threads} if self.threads else {}
        return {
            "RLPRETRAIN_DEVICE": self.device,
            "RLPRETRAIN_OUTPUT_DIR": CONTAINER_ARTIFACTS,
            **threads,
        }

    def mounts(self, folder: Path, market: str, *, other_runs: bool = False) -> list[Mount]:
        """Return the mounts of a run's container: the run's folder, writable, and the price files, read-only.

        Parameters
        ----------
        folder
            The run's folder, as Airflow sees it.
        market
            The run's market setting; only ``files:DIR`` needs a mount.
        other_runs
            Whether to mount the folder of all runs too, read-only. A volume is always mounted whole, and writable.
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


def device_requests(client: APIClient, device: str, stage: str) -> list[DeviceRequest]:
    """Return a request for all GPUs if wanted and present; the daemon is asked now, since its host may have changed."""
    if not stage_named(stage).uses_gpu:
        return []
    if device == "cuda" or (device == "auto" and "nvidia" in client.info().get("Runtimes", {})):
        return [DeviceRequest(count=-1, capabilities=[["gpu"]])]
    return []


def stage_command(stage: str, folder: Path, symbol: str = "") -> list[str]:
    """Return the arguments of the image's ``rlpretrain`` for a stage of the run; `symbol` is validation's asset."""
    command = ["stage", stage, "--run", f"{CONTAINER_ARTIFACTS}/{folder.name}"]
    parts = stage_named(stage).parts
    return command if parts is None else [*command, f"--{parts.flag}", symbol]


def market_of(folder: Path) -> str:
    """Return the run's market setting, which determines the price files that the stage must see."""
    return str(own_settings(folder)["market"])


def finished_stage(stage: str, folder: Path, symbol: str = "") -> Manifest:
    """Read a stage's manifest; wherever the stage ran, the manifest must exist and match its files.

    Raises
    ------
    StageError
        The manifest is missing, or does not match.
    """
    return RunFolder(folder).require(stage_named(stage).manifest_name(symbol))


def writer_of(folder: Path) -> str:
    """Return the user that may write the folder, never root: a folder of root is handed to the image's user."""
    owner = folder.stat()
    if owner.st_uid != 0:
        return f"{owner.st_uid}:{owner.st_gid}"
    for path in (folder, *folder.rglob("*")):
        os.chown(path, TRAINER_UID, TRAINER_UID, follow_symlinks=False)
    return f"{TRAINER_UID}:{TRAINER_UID}"
