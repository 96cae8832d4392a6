"""Settings of the deployment that no room reads: where training runs, and where runs are stored."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rlpretrain.sections import Section, deployment_setting

__all__ = ["DeploymentSettings"]


class DeploymentSettings(Section):
    """Where training runs, and where runs are stored."""

    trainer: Literal["process", "docker", "kubernetes"] = deployment_setting(
        "process",
        "Where pre-training, transfer and validation run: in the task's process, a container or a pod.",
    )
    training_queue: str = deployment_setting(
        "", "Queue of those tasks, where the executor has queues; empty for Airflow's default."
    )
    runs_storage: str = deployment_setting(
        "",
        "Object storage that finished runs are copied to, such as 's3://connection@bucket/runs'; empty for none.",
        repr=False,
    )
    output_dir: Path = deployment_setting(Path("artifacts"), "Folder that contains one folder for each run.")
