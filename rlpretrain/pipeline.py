"""The whole run in one process, and what a run's folder offers afterwards."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rlpretrain.artifacts import RunFolder
from rlpretrain.config import PretrainingConfig, ValidationConfig
from rlpretrain.stages.context import StageContext, open_run
from rlpretrain.validation import AssetCase
from rlpretrain.validation import PretrainValidator as _Validator

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
        Name of the run, and of its folder under ``output_dir``. A run of the same name goes on where it stopped.
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
        run = RunFolder.of(self.config.output_dir, run_id or new_run_id())
        self.context = StageContext(self.config, run, progress)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.context.run.path

    async def extract(self) -> None:
        """Update prices where the settings say so; list, fetch and replay the library; mine and check its patterns."""
        from rlpretrain.stages import checking, extraction, library, mining, prices

        self.context.write_settings()
        await asyncio.to_thread(prices.run, self.context)
        for chunk in await asyncio.to_thread(library.run, self.context):
            await extraction.run(self.context, chunk)
        await asyncio.to_thread(mining.run, self.context)
        await asyncio.to_thread(checking.run, self.context)

    def analyze(self) -> None:
        """Analyse the patterns of the pre-training window."""
        from rlpretrain.stages import analysis

        analysis.run(self.context)

    def pretrain(self) -> None:
        """Clone the library's decisions."""
        from rlpretrain.stages import pretraining

        pretraining.run(self.context)

    def transfer(self) -> None:
        """Make and fine-tune the agent."""
        from rlpretrain.stages import fine_tuning

        fine_tuning.run(self.context)

    def validate(self) -> None:
        """Compare the agent's start with random initialisation on every validation asset."""
        from rlpretrain.stages import validation

        for symbol in self.config.validation_envs:
            validation.run(self.context, symbol)

    def report(self) -> Path:
        """Write the report, register the agent and promote it if it wins; return the path of ``report.html``."""
        from rlpretrain.stages import promotion, reporting

        page = reporting.run(self.context)
        promotion.run(self.context)
        return page

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
        await self.extract()
        for stage in (self.analyze, self.pretrain, self.transfer, self.validate):
            await asyncio.to_thread(stage)
        await asyncio.to_thread(self.report)
        results: dict[str, Any] = json.loads(
            (self.folder / "pipeline_results.json").read_text(encoding="utf-8")
        )
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
        self, config: ValidationConfig | None = None, *, assets: Sequence[str] | None = None, seed: int = 7
    ) -> None:
        super().__init__(config, cases=self._run_cases, seed=seed)
        self._assets = assets

    def _run_cases(self, agent_path: Path, config: ValidationConfig) -> list[AssetCase]:
        from rlpretrain.stages.validation import asset_case

        context = open_run(agent_path.parent)
        return [
            asset_case(context, symbol, config) for symbol in self._assets or context.config.validation_envs
        ]
