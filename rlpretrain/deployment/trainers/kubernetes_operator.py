"""The stages that learn, in a pod that can do nothing else.

Like `docker_operator` beside it, with the artifacts on a persistent volume that Airflow's workers mount too. The
network policy in `docker/kubernetes` takes the pod's network away, where the cluster enforces policies.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

from rlpretrain.deployment.trainers.container import finished_stage, market_of, stage_command
from rlpretrain.deployment.trainers.pod import PodSettings
from rlpretrain.stages import stage_named

if TYPE_CHECKING:
    from airflow.sdk import Context
    from kubernetes.client.models import V1Pod

__all__ = ["KubernetesTrainerOperator"]

LONGEST = timedelta(hours=12)
"""As long as a run may take: the cluster ends a pod by itself that nobody watches any more."""


class KubernetesTrainerOperator(KubernetesPodOperator):
    """Run one stage in a pod of the trainer's image.

    A second try finds the pod of the first by its labels and goes on watching it.

    Parameters
    ----------
    stage
        Name of the stage, as ``rlpretrain stage`` takes it.
    run_folder
        Folder of the run as Airflow sees it. (templated)
    symbol
        The asset, for ``validate``.
    settings
        The deployment's choices; read from the environment when None.
    """

    template_fields = ("run_folder", "symbol", *KubernetesPodOperator.template_fields)

    def __init__(
        self,
        *,
        stage: str,
        run_folder: str,
        symbol: str = "",
        settings: PodSettings | None = None,
        **kwargs: Any,
    ) -> None:
        self.stage = stage
        self.run_folder = run_folder
        self.symbol = symbol
        self.settings = settings or PodSettings.from_environment()
        super().__init__(
            **self.settings.arguments(),
            name=f"rlpretrain-{stage}",
            kubernetes_conn_id=None,
            startup_timeout_seconds=900,
            active_deadline_seconds=int(LONGEST.total_seconds()),
            termination_grace_period=5,
            do_xcom_push=False,
            log_events_on_failure=True,
            **kwargs,
        )

    def build_pod_request_obj(self, context: Context | None = None, *, dry_run: bool = False) -> V1Pod:
        """Return the pod of this stage of this run."""
        folder = Path(self.run_folder)
        self.arguments = stage_command(self.stage, folder, self.symbol)
        self.container_resources = self.settings.resources(self.stage)
        self.volumes, self.volume_mounts = self.settings.volumes(
            folder, market_of(folder), other_runs=stage_named(self.stage).reads_registry
        )
        return super().build_pod_request_obj(context, dry_run=dry_run)

    def execute(self, context: Context) -> None:
        """Run the pod to its end and check what it left.

        Raises
        ------
        AirflowException
            The stage failed; its output is in the task's log.
        StageError
            The pod ended well but its manifest is missing or does not match its files.
        """
        super().execute(context)
        manifest = finished_stage(self.stage, Path(self.run_folder), self.symbol)
        self.log.info("stage %s ran on %s; %s", manifest.stage, manifest.device, manifest.counts)
