"""The stages that learn, in a container that can do nothing else.

The container gets the run's folder, the price files read-only, and a command. It has no network, no
capabilities, no writable root and no secrets; its outputs are read from the stage's manifest, whose hashes are
checked.
"""

from __future__ import annotations

import contextlib
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.docker.operators.docker import DockerOperator
from docker.api.client import APIClient
from docker.errors import APIError

from rlpretrain.deployment.trainers.container import (
    ContainerSettings,
    device_requests,
    market_of,
    stage_command,
    writer_of,
)
from rlpretrain.deployment.trainers.docker_engine import (
    DAG_LABEL,
    RUN_LABEL,
    STAGE_LABEL,
    DockerEngine,
    remove_containers,
    require_image,
)
from rlpretrain.deployment.trainers.operator import TrainerOperator
from rlpretrain.stages import stage_named

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["DockerTrainerOperator"]

HARDENING: dict[str, Any] = {
    "read_only": True,
    "tmpfs": {"/tmp": "rw,nosuid,nodev,size=2g,mode=1777"},  # noqa: S108
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "pids_limit": 512,
}
"""Options of Docker's API that the base operator lacks."""


class DockerTrainerOperator(TrainerOperator, DockerOperator):
    """Run one stage in a container of the trainer image.

    Parameters
    ----------
    settings
        The deployment's settings; read from the environment when None.
    """

    template_fields = (*TrainerOperator.template_fields, *DockerOperator.template_fields)

    def __init__(self, *, settings: ContainerSettings | None = None, **kwargs: Any) -> None:
        self.settings = settings or ContainerSettings.from_environment()
        self.engine = DockerEngine.from_environment()
        super().__init__(
            docker_url=self.engine.url,
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

    @cached_property
    def cli(self) -> APIClient:
        """Client of the engine that also removes containers and looks for images."""
        return self.engine.connect()

    def execute(self, context: Context) -> None:
        """Run the container to its end and check its outputs.

        Raises
        ------
        DockerContainerFailedException
            The stage failed; its output is in the task's log.
        ServiceError
            No Docker engine answers.
        StageError
            The image is missing; or the container succeeded but its manifest is missing or does not match
            its files.
        """
        require_image(self.image, self.cli)
        folder = Path(self.run_folder)
        self.command = stage_command(self.stage, folder, self.symbol)
        self.mounts = self.settings.mounts(
            folder, market_of(folder), other_runs=stage_named(self.stage).reads_registry
        )
        self.user = writer_of(folder)
        self.device_requests = device_requests(self.cli, self.settings.device, self.stage)
        self.environment = self.settings.variables()
        stage = stage_named(self.stage).manifest_name(self.symbol)
        writer = {RUN_LABEL: context["run_id"], STAGE_LABEL: stage}
        self.labels = {**writer, DAG_LABEL: self.dag_id, "rlpretrain.task": self.task_id}
        # An earlier try whose worker died may still be writing.
        if removed := remove_containers(writer, self.cli):
            self.log.warning("removed containers of an earlier try: %d", removed)
        self.cli.create_host_config = partial(self.cli.create_host_config, **HARDENING)
        super().execute(context)

    def on_kill(self) -> None:
        """Stop the container within the five seconds that Airflow allows, where Docker would take ten."""
        if self.container is not None:
            self.cli.stop(self.container["Id"], timeout=3)
            # Once stopped, `execute` removes it too, if it still gets the chance.
            with contextlib.suppress(APIError):
                self.cli.remove_container(self.container["Id"], force=True)
