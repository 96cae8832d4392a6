"""Validation of an agent's file, within the run that wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rlpretrain.stages import VALIDATE, open_run, parts_of, work_of
from rlpretrain.stages.implementation.validate import asset_case
from rlpretrain.validation import AssetCase
from rlpretrain.validation import PretrainValidator as _Validator
from rlpretrain.validation.settings import ValidationSettings

__all__ = ["PretrainValidator"]


class PretrainValidator(_Validator):
    """Validates an agent's file on the assets, windows and arms of the run that wrote it.

    Parameters
    ----------
    config
        Settings of validation: seeds, episodes, budget and levels.
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
        run = open_run(agent_path.parent)
        assets = self._assets or parts_of(run, VALIDATE)
        return [asset_case(work_of(run, VALIDATE, symbol), config) for symbol in assets]
