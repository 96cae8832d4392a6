"""The trainer's pod: what it may see and use, with the same limits as the container, in Kubernetes' terms."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.client import models as k8s

from rlpretrain.deployment.trainers.container import (
    CONTAINER_ARTIFACTS,
    TRAINER_UID,
    ContainerSettings,
)
from rlpretrain.errors import SettingsError
from rlpretrain.stages import stage_named

__all__ = ["PodSettings"]

LABELS = {"app.kubernetes.io/name": "rlpretrain-trainer", "app.kubernetes.io/part-of": "rlpretrain"}
"""Labels by which the network policy selects the pod."""
ARTIFACTS, MARKET = "artifacts", "market"


@dataclass(frozen=True)
class PodSettings:
    """How this deployment runs the trainer's pod."""

    container: ContainerSettings
    """Image, memory, device and threads. The mounts are names of persistent volume claims."""
    namespace: str = ""
    """Namespace of the pod; empty for the worker's own."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> PodSettings:
        """Read the settings from ``RLPRETRAIN_*`` variables."""
        environment = os.environ if environment is None else environment
        return cls(
            ContainerSettings.from_environment(environment), environment.get("RLPRETRAIN_NAMESPACE", "")
        )

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``KubernetesPodOperator`` that are the same for every stage."""
        return {
            "image": self.container.image,
            "image_pull_policy": "IfNotPresent",
            "namespace": self.namespace or None,
            "labels": LABELS,
            "env_vars": {**self.container.variables(), "HOME": "/tmp"},  # noqa: S108
            "automount_service_account_token": False,
            "security_context": k8s.V1PodSecurityContext(
                run_as_non_root=True,
                run_as_user=TRAINER_UID,
                run_as_group=TRAINER_UID,
                fs_group=TRAINER_UID,
                fs_group_change_policy="OnRootMismatch",
                seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
            ),
            "container_security_context": k8s.V1SecurityContext(
                read_only_root_filesystem=True,
                allow_privilege_escalation=False,
                privileged=False,
                capabilities=k8s.V1Capabilities(drop=["ALL"]),
            ),
        }

    def resources(self, stage: str) -> k8s.V1ResourceRequirements:
        """Return the stage's limits, which are its requests too, so that a node with enough resources is chosen.

        A GPU is requested where the device is ``cuda``: which devices a node has is unknown before it is chosen.
        """
        amounts = {"memory": _quantity(self.container.memory), "cpu": self.container.threads or "2"}
        if self.container.device == "cuda" and stage_named(stage).uses_gpu:
            amounts["nvidia.com/gpu"] = "1"
        return k8s.V1ResourceRequirements(limits=amounts, requests=amounts)

    def volumes(
        self, folder: Path, market: str, *, other_runs: bool = False
    ) -> tuple[list[k8s.V1Volume], list[k8s.V1VolumeMount]]:
        """Return the volumes and their mounts: the run's folder, writable, and the price files, read-only.

        Parameters
        ----------
        folder
            The run's folder, as Airflow sees it; its parent is the root of the claim for the artifacts.
        market
            The run's market setting; only ``files:DIR`` needs a claim.
        other_runs
            Whether to mount the folder of all runs too, read-only.

        Raises
        ------
        SettingsError
            No claim is set for what the stage needs.
        """
        claim = _claim(self.container.artifacts_mount, "RLPRETRAIN_ARTIFACTS_MOUNT")
        volumes = [_claimed(ARTIFACTS, claim), _memory("tmp", "2Gi"), _memory("shm", "1Gi")]
        mounts = [
            k8s.V1VolumeMount(name=ARTIFACTS, mount_path=CONTAINER_ARTIFACTS, read_only=True)
        ] if other_runs else []  # fmt: skip
        mounts += [
            k8s.V1VolumeMount(
                name=ARTIFACTS, mount_path=f"{CONTAINER_ARTIFACTS}/{folder.name}", sub_path=folder.name
            ),
            k8s.V1VolumeMount(name="tmp", mount_path="/tmp"),  # noqa: S108
            k8s.V1VolumeMount(name="shm", mount_path="/dev/shm"),  # noqa: S108
        ]
        kind, _, place = market.partition(":")
        if kind == "files":
            volumes.append(_claimed(MARKET, _claim(self.container.market_mount, "RLPRETRAIN_MARKET_MOUNT")))
            mounts.append(
                k8s.V1VolumeMount(name=MARKET, mount_path=str(Path(place).absolute()), read_only=True)
            )
        return volumes, mounts


def _claim(name: str, variable: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name):
        raise SettingsError(f"{variable} is {name!r}", hint="name a persistent volume claim")
    return name


def _claimed(name: str, claim: str) -> k8s.V1Volume:
    return k8s.V1Volume(
        name=name, persistent_volume_claim=k8s.V1PersistentVolumeClaimVolumeSource(claim_name=claim)
    )


def _memory(name: str, size: str) -> k8s.V1Volume:
    return k8s.V1Volume(name=name, empty_dir=k8s.V1EmptyDirVolumeSource(medium="Memory", size_limit=size))


def _quantity(memory: str) -> str:
    """Return Docker's ``8g`` as Kubernetes' ``8Gi``; a quantity of Kubernetes is returned unchanged."""
    found = re.fullmatch(r"(\d+)([kmg])b?", memory.lower())
    return f"{found[1]}{found[2].upper()}i" if found else memory
