"""Where this deployment runs the stages that learn: in the task's own process, in containers or in pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rlpretrain.settings import load_config

if TYPE_CHECKING:
    from rlpretrain.deployment.trainers.operator import TrainerOperator

__all__ = ["Training", "training"]


class Training(NamedTuple):
    """How the tasks that learn are created."""

    operator: type[TrainerOperator] | None
    """None for the task's own process."""
    queue: dict[str, Any]
    """The queue's name, as an argument of each task; empty where none is set. An executor without queues ignores
    it."""
    leaves_containers: bool
    """Whether a killed worker leaves containers that only a task of the same queue can remove; a cluster ends its pods
    itself."""


def training() -> Training:
    """Return the deployment's choice; the operator's provider is imported only where it is chosen."""
    config = load_config()
    queue = {"queue": config.training_queue} if config.training_queue else {}
    if config.trainer == "docker":
        from rlpretrain.deployment.trainers.docker_operator import DockerTrainerOperator

        return Training(DockerTrainerOperator, queue, leaves_containers=True)
    if config.trainer == "kubernetes":
        from rlpretrain.deployment.trainers.kubernetes_operator import KubernetesTrainerOperator

        return Training(KubernetesTrainerOperator, queue, leaves_containers=False)
    return Training(None, queue, leaves_containers=False)
