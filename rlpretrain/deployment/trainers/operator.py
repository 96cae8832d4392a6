"""What every operator of a stage that learns has in common, wherever the stage runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from rlpretrain.deployment.trainers.container import finished_stage

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["TrainerOperator"]


class TrainerOperator(BaseOperator):
    """Run one stage by the operator that follows this one among a class's bases.

    Parameters
    ----------
    stage
        Name of the stage, as ``rlpretrain stage`` takes it.
    run_folder
        Folder of the run as Airflow sees it. (templated)
    symbol
        The asset, for ``validate``.
    """

    template_fields: Sequence[str] = ("run_folder", "symbol")

    def __init__(self, *, stage: str, run_folder: str, symbol: str = "", **kwargs: Any) -> None:
        self.stage = stage
        self.run_folder = run_folder
        self.symbol = symbol
        super().__init__(**kwargs)

    def execute(self, context: Context) -> None:
        """Run the stage to its end and check its outputs.

        Raises
        ------
        StageError
            It succeeded, but its manifest is missing or does not match its files.
        """
        super().execute(context)
        manifest = finished_stage(self.stage, Path(self.run_folder), self.symbol)
        self.log.info("stage %s ran on %s; %s", manifest.stage, manifest.device, manifest.counts)
