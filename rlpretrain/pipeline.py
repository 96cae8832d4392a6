"""The whole run in one process, and what a run's folder offers afterwards."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rlpretrain.artifacts import RunFolder
from rlpretrain.runs.manifest import Manifest
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import PROMOTE, VALIDATE, Run, Stage, open_run, run_with_needs, work_of
from rlpretrain.stages.report import RESULTS
from rlpretrain.validation import AssetCase
from rlpretrain.validation import PretrainValidator as _Validator
from rlpretrain.validation.settings import ValidationSettings

__all__ = ["PretrainValidator", "PretrainingPipeline", "new_run_id"]


def new_run_id() -> str:
    """Name a run after the time it was started, UTC."""
    return f"manual__{dt.datetime.now(dt.UTC):%Y-%m-%dT%H-%M-%S}"


class PretrainingPipeline:
    """Runs all stages in this process, in the order and with the results of the DAG.

    Parameters
    ----------
    config
        Settings; all defaults when None.
    run_id
        Name of the run's folder under ``output_dir``. A run of the same name goes on where it stopped.
    progress
        Called with plain lines.

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
        folder = RunFolder(self.config.output_dir / RunFolder.safe_name(run_id or new_run_id()))
        self.run = Run(self.config, folder, progress)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.run.folder.path

    async def run_to(self, stage: Stage[Any, Any]) -> list[Manifest]:
        """Run a stage after all that it needs and that is not done.

        Returns
        -------
        list of Manifest
            What the stage left, one for each of its parts.

        Raises
        ------
        RlpretrainError
            A stage failed; the message names what is at fault. Stages that finished are not run again.
        """
        self.run.write_settings()
        return await asyncio.to_thread(run_with_needs, self.run, stage)

    async def run_pipeline(self) -> dict[str, Any]:
        """Run every stage that is not done yet.

        Returns
        -------
        dict
            What ``pipeline_results.json`` holds, and ``folder``, the run's folder.

        Raises
        ------
        RlpretrainError
            A stage failed; the message names what is at fault. Stages that finished are not run again.
        """
        await self.run_to(PROMOTE)
        results: dict[str, Any] = json.loads((self.folder / RESULTS).read_text(encoding="utf-8"))
        return {**results, "folder": str(self.folder)}


class PretrainValidator(_Validator):
    """Validates an agent's file on the assets, windows and arms of the run that made it.

    Parameters
    ----------
    config
        Seeds, episodes, budget and levels.
    assets
        Assets to validate on; those of the run's settings when None.
    seed
        First of the consecutive seeds of the learning arms.
    """

    def __init__(
        self, config: ValidationSettings | None = None, *, assets: Sequence[str] | None = None, seed: int = 7
    ) -> None:
        super().__init__(config, cases=self._run_cases, seed=seed)
        self._assets = assets

    def _run_cases(self, agent_path: Path, config: ValidationSettings) -> list[AssetCase]:
        from rlpretrain.stages.implementation.validate import asset_case

        run = open_run(agent_path.parent)
        assets = self._assets or run.config.validation_envs
        return [asset_case(work_of(run, VALIDATE, symbol), config) for symbol in assets]
