"""The stages that learn, in a pod that can do nothing else.

It works like `docker_operator`, with the artifacts on a persistent volume that Airflow's workers mount too. The
network policy in `docker/kubernetes` denies the pod any network, where the cluster enforces policies.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

from rlpretrain.deployment.trainers.container import market_of, stage_command
from rlpretrain.deployment.trainers.operator import TrainerOperator
from rlpretrain.deployment.trainers.pod import PodSettings
from rlpretrain.stages import stage_named

if TYPE_CHECKING:
    from airflow.sdk import Context
    from kubernetes.client.models import V1Pod

__all__ = ["KubernetesTrainerOperator"]

LONGEST = timedelta(hours=12)
"""As long as a run may take: after that, the cluster itself ends a pod that no task watches any more."""


class KubernetesTrainerOperator(TrainerOperator, KubernetesPodOperator):
    """Run one stage in a pod of the trainer's image.

    A second try finds the pod of the first by its labels and continues to watch it.

    Parameters
    ----------
    settings
        The deployment's settings; read from the environment when None.
    """

    template_fields = (*TrainerOperator.template_fields, *KubernetesPodOperator.template_fields)

    def __init__(self, *, stage: str, settings: PodSettings | None = None, **kwargs: Any) -> None:
        self.settings = settings or PodSettings.from_environment()
        super().__init__(
            **self.settings.arguments(),
            stage=stage,
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
