"""Pre-training and transfer in a container that can do nothing else.

The container gets the run's folder, the price files read-only, and a command. It has no network, no capability, no
writable root and no secret; what it made is read from the stage's manifest, whose hashes are checked.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk.exceptions import AirflowFailException
from docker import APIClient
from docker.types import DeviceRequest, Mount

from rlpretrain.artifacts import RunFolder
from rlpretrain.config import load_config

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["ContainerSettings", "TrainerOperator", "remove_run_containers"]

RUN_LABEL = "rlpretrain.run"
CONTAINER_ARTIFACTS = "/artifacts"
TRAINER_UID = 10001
"""User and group of the trainer image."""

HARDENING: dict[str, Any] = {
    "read_only": True,
    "tmpfs": {"/tmp": "rw,nosuid,nodev,size=2g,mode=1777"},  # noqa: S108
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "pids_limit": 512,
}
"""What Docker's API offers and the base operator doesn't."""


@dataclass(frozen=True)
class ContainerSettings:
    """How this deployment runs the trainer's container."""

    image: str = "rlpretrain-trainer:latest"
    memory: str = "8g"
    device: str = "auto"
    artifacts: Path = Path("/tmp/rl_pretrain")  # noqa: S108
    """Folder of all runs, as Airflow sees it."""
    artifacts_mount: str = ""
    """The same as the Docker host knows it: a volume's name or a path; empty when both see one path."""
    market_mount: str = ""
    """Volume or host path of the price files; empty when Airflow and the Docker host see one path."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> ContainerSettings:
        """Read ``RLPRETRAIN_TRAINER_IMAGE``, ``_TRAINER_MEMORY``, ``_ARTIFACTS_MOUNT``, ``_MARKET_MOUNT`` and settings."""
        environment = os.environ if environment is None else environment
        config = load_config(environment=environment)
        return cls(
            image=environment.get("RLPRETRAIN_TRAINER_IMAGE") or cls.image,
            memory=environment.get("RLPRETRAIN_TRAINER_MEMORY") or cls.memory,
            device=config.device,
            artifacts=config.output_dir.absolute(),
            artifacts_mount=environment.get("RLPRETRAIN_ARTIFACTS_MOUNT", ""),
            market_mount=environment.get("RLPRETRAIN_MARKET_MOUNT", ""),
        )

    def mounts(self, folder: Path, market: str) -> list[Mount]:
        """Give what the container of a run sees: its folder, writable, and the price files, read-only.

        Parameters
        ----------
        folder
            The run's folder, as Airflow sees it.
        market
            The run's market setting; only ``files:DIR`` needs a mount.
        """
        inside = f"{CONTAINER_ARTIFACTS}/{folder.name}"
        if not self.artifacts_mount:
            mounts = [Mount(inside, str(folder), type="bind")]
        elif self.artifacts_mount.startswith("/"):
            mounts = [Mount(inside, f"{self.artifacts_mount}/{folder.name}", type="bind")]
        else:
            mounts = [Mount(CONTAINER_ARTIFACTS, self.artifacts_mount, type="volume")]
        kind, _, place = market.partition(":")
        if kind == "files":
            target = str(Path(place).absolute())
            source = self.market_mount or target
            kind = "bind" if source.startswith("/") else "volume"
            mounts.append(Mount(target, source, type=kind, read_only=True))
        return mounts


class TrainerOperator(DockerOperator):
    """Run one stage in the trainer image.

    Parameters
    ----------
    stage
        Name of the stage, as ``rlpretrain stage`` takes it.
    run_folder
        Folder of the run as Airflow sees it. (templated)
    settings
        The deployment's choices; read from the environment when None.
    """

    template_fields = ("run_folder", *DockerOperator.template_fields)

    def __init__(
        self, *, stage: str, run_folder: str, settings: ContainerSettings | None = None, **kwargs: Any
    ) -> None:
        self.stage = stage
        self.run_folder = run_folder
        self.settings = settings or ContainerSettings.from_environment()
        super().__init__(
            image=self.settings.image,
            api_version="auto",
            network_mode="none",
            mem_limit=self.settings.memory,
            shm_size=2**30,
            auto_remove="force",
            mount_tmp_dir=False,
            do_xcom_push=False,
            log_opts_max_size="20m",
            log_opts_max_file="3",
            **kwargs,
        )

    def execute(self, context: Context) -> None:
        """Run the container to its end and check what it left.

        Raises
        ------
        AirflowFailException
            The image is not on the Docker host. It is never pulled: the name is local, and a registry's image of the
            same name would be somebody else's.
        DockerContainerFailedException
            The stage failed; its output is in the task's log.
        StageError
            The container ended well but its manifest is missing or does not match its files.
        """
        if not self.cli.images(name=self.image):
            raise AirflowFailException(
                f"image {self.image} is not on the Docker host {self.docker_url}: build it with `make trainer-image`"
            )
        folder = Path(self.run_folder)
        market = json.loads((folder / "settings.json").read_text(encoding="utf-8"))["market"]
        self.command = ["stage", self.stage, "--run", f"{CONTAINER_ARTIFACTS}/{folder.name}"]
        self.mounts = self.settings.mounts(folder, market)
        self.user = _owner_for(folder)
        self.device_requests = _device_requests(self.cli, self.settings.device)
        self.environment = {"RLPRETRAIN_DEVICE": self.settings.device}
        self.labels = {
            RUN_LABEL: context["run_id"],
            "rlpretrain.dag": self.dag_id,
            "rlpretrain.task": self.task_id,
        }
        self.cli.create_host_config = functools.partial(self.cli.create_host_config, **HARDENING)
        super().execute(context)
        manifest = RunFolder(folder).require(self.stage)
        self.log.info("stage %s ran on %s; %s", self.stage, manifest.device, manifest.counts)

    def on_kill(self) -> None:
        """Stop the container sooner than the base operator, which Airflow kills before Docker's ten seconds are over."""
        if self.hook.client_created and self.container is not None:
            self.cli.stop(self.container["Id"], timeout=3)
            self.cli.remove_container(self.container["Id"], force=True)


def _device_requests(client: APIClient, device: str) -> list[DeviceRequest]:
    """Ask for all GPUs when wanted and there: the daemon is asked now, since another host may run the next task."""
    if device == "cuda" or (device == "auto" and "nvidia" in client.info().get("Runtimes", {})):
        return [DeviceRequest(count=-1, capabilities=[["gpu"]])]
    return []


def _owner_for(folder: Path) -> str:
    """Give the user that may write the folder, never root: what root made is handed to the image's user."""
    owner = folder.stat()
    if owner.st_uid != 0:
        return f"{owner.st_uid}:{owner.st_gid}"
    for path in (folder, *folder.rglob("*")):
        os.chown(path, TRAINER_UID, TRAINER_UID, follow_symlinks=False)
    return f"{TRAINER_UID}:{TRAINER_UID}"


def remove_run_containers(run_id: str, client: APIClient | None = None) -> int:
    """Remove all containers of a run, running or not; give their number."""
    client = client or APIClient(
        base_url=os.environ.get("DOCKER_HOST") or "unix://var/run/docker.sock", version="auto"
    )
    containers = client.containers(all=True, filters={"label": f"{RUN_LABEL}={run_id}"})
    for container in containers:
        client.remove_container(container["Id"], force=True)
    return len(containers)
