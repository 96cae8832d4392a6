"""The public interface of validation: from an agent's file to evidence and a verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from rlpretrain.errors import SettingsError
from rlpretrain.transfer.agent import load_agent
from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.evidence import AssetCase, validate_asset
from rlpretrain.validation.settings import ValidationConfig, ValidationSettings
from rlpretrain.validation.verdict import Verdict, reach_verdict

__all__ = ["CaseProvider", "PretrainValidator", "ValidationResult"]

CaseProvider = Callable[[Path, ValidationSettings], Sequence[AssetCase]]
"""Returns the assets to validate an agent's file on: their test windows, and the arms to compare it with."""


class ValidationResult(BaseModel):
    """Evidence on every asset, and the conclusion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    assets: tuple[AssetValidation, ...]
    verdict: Verdict


class PretrainValidator:
    """Tests whether a pre-trained agent is better than one that started from random weights.

    Parameters
    ----------
    config
        Seeds, episodes, budget and levels.
    cases
        Returns the assets and arms for an agent's file.
    seed
        First of the consecutive seeds of the learning arms.

    Examples
    --------
    >>> validator = PretrainValidator(cases=my_cases)                                         # doctest: +SKIP
    >>> result = await validator.validate_pretrained_performance("transferred_rl_agent.pt")   # doctest: +SKIP
    >>> result.verdict.headline                                                               # doctest: +SKIP
    """

    def __init__(
        self, config: ValidationSettings | None = None, *, cases: CaseProvider | None = None, seed: int = 7
    ) -> None:
        self.config = config or ValidationConfig()
        self.seed = seed
        self._cases = cases

    async def validate_pretrained_performance(
        self, agent_path: Path | str, validation_episodes: int | None = None
    ) -> ValidationResult:
        """Validate an agent's file on every asset, without blocking the event loop.

        Parameters
        ----------
        agent_path
            File written by transfer.
        validation_episodes
            Random-start episodes on each asset; the settings' number when None.

        Raises
        ------
        DataError
            The file is not an agent's, or an asset's test window or arms are not usable.
        SettingsError
            The validator was created without cases.
        """
        return await asyncio.to_thread(self.validate, Path(agent_path), validation_episodes)

    def validate(self, agent_path: Path, validation_episodes: int | None = None) -> ValidationResult:
        """Do the work of `validate_pretrained_performance` in this thread."""
        if self._cases is None:
            raise SettingsError(
                "the validator has no assets to validate on",
                hint="create it with cases=, or run the validate stage",
            )
        config = self.config
        if validation_episodes is not None:
            config = config.changed(validation_episodes=validation_episodes)
        agent, _ = load_agent(agent_path)
        assets = tuple(
            validate_asset(case, agent.act, config, seed=self.seed)
            for case in self._cases(agent_path, config)
        )
        return ValidationResult(assets=assets, verdict=reach_verdict(assets, config, seed=self.seed))
