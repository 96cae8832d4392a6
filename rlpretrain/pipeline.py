"""The whole run in one process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import PROMOTE, Run, Stage, run_with_needs
from rlpretrain.stages.report import RESULTS
from rlpretrain.stages.run import new_run_id

__all__ = ["PretrainingPipeline"]


class PretrainingPipeline:
    """Runs all stages in this process, in the order and with the results of the DAG.

    Parameters
    ----------
    config
        Settings; all defaults when None.
    run_id
        Name of the run, and of its folder under ``output_dir``. A run of the same name resumes where it stopped.
    progress
        Called with lines of progress.

    Examples
    --------
    >>> pipeline = PretrainingPipeline(PretrainingConfig(max_strategies=100, num_epochs=50))  # doctest: +SKIP
    >>> results = await pipeline.run_pipeline()                                               # doctest: +SKIP
    >>> results["training_results"]["epoch"][-1]                                              # doctest: +SKIP
    """

    def __init__(
        self,
        config: PretrainingConfig | None = None,
        *,
        run_id: str | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self.config = config or PretrainingConfig()
        folder = RunFolder.of(self.config.output_dir, run_id or new_run_id())
        self.run = Run(self.config, folder, progress)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.run.folder.path

    async def run_to(self, stage: Stage[Any, Any]) -> list[Manifest]:
        """Run a stage, after the stages that it needs and that have not finished.

        Returns
        -------
        list of Manifest
            The stage's manifests, one for each of its parts.

        Raises
        ------
        RlpretrainError
            A stage failed; the message names the cause. Stages that have finished are not run again.
        """
        self.run.write_settings()
        return await asyncio.to_thread(run_with_needs, self.run, stage)

    async def run_pipeline(self) -> dict[str, Any]:
        """Run every stage that has not finished.

        Returns
        -------
        dict
            The content of ``pipeline_results.json``, and ``folder``, the run's folder.

        Raises
        ------
        RlpretrainError
            A stage failed; the message names the cause. Stages that have finished are not run again.
        """
        await self.run_to(PROMOTE)
        results: dict[str, Any] = json.loads((self.folder / RESULTS).read_text(encoding="utf-8"))
        return {**results, "folder": str(self.folder)}
