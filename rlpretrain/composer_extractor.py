"""From Composer's library to stored patterns: the extraction's public face."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np

from rlpretrain.config import PretrainingConfig
from rlpretrain.errors import StageError
from rlpretrain.patterns import PatternSet
from rlpretrain.patterns.store import open_store
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.stages import mining

__all__ = ["ComposerExtractor"]


class ComposerExtractor:
    """Extracts the library's decisions into the pattern store.

    Parameters
    ----------
    config
        Settings; all defaults when None.
    run_id
        Name of the run's folder; a run of the same name goes on where it stopped.

    Examples
    --------
    >>> async with ComposerExtractor() as extractor:                                  # doctest: +SKIP
    ...     count = await extractor.run_extraction_pipeline(max_strategies=50)
    ...     patterns = extractor.load_patterns(min_confidence=0.6)
    """

    def __init__(self, config: PretrainingConfig | None = None, *, run_id: str | None = None) -> None:
        self._config, self._run_id = config or PretrainingConfig(), run_id
        self._pipeline: PretrainingPipeline | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipeline = None

    async def run_extraction_pipeline(self, max_strategies: int | None = None) -> int:
        """Fetch, replay and mine; return the number of patterns.

        Parameters
        ----------
        max_strategies
            Most strategies to take; the settings' number when None.

        Raises
        ------
        RlpretrainError
            The service, the market or the store failed, or the library makes no decision.
        """
        config = self._config
        if max_strategies is not None:
            config = PretrainingConfig(**{**config.model_dump(), "max_strategies": max_strategies})
        self._pipeline = PretrainingPipeline(config, run_id=self._run_id)
        await self._pipeline.extract()
        return int(self._pipeline.context.run.require(mining.STAGE).counts["patterns"])

    def load_patterns(
        self, min_confidence: float | None = None, *, settled_before: np.datetime64 | None = None
    ) -> PatternSet:
        """Read the extracted patterns back from the store.

        Parameters
        ----------
        min_confidence
            Least confidence; the settings' when None.
        settled_before
            Leave out patterns whose reward was not known before this day.

        Raises
        ------
        StageError
            Nothing was extracted yet.
        """
        if self._pipeline is None:
            raise StageError("no patterns yet", hint="await run_extraction_pipeline() first")
        context = self._pipeline.context
        least = self._config.min_confidence if min_confidence is None else min_confidence
        with open_store(context.store_url) as store:
            return store.patterns(
                context.run.require(mining.STAGE).details["extraction"],
                min_confidence=least,
                settled_before=settled_before,
            )
