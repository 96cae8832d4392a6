"""From Composer's library to stored patterns: the public interface of the extraction."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np

from rlpretrain.errors import StageError
from rlpretrain.patterns import PatternSet
from rlpretrain.patterns.store import open_store
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import CHECK, MINE
from rlpretrain.stages.implementation.store import store_url

__all__ = ["ComposerExtractor"]


class ComposerExtractor:
    """Extracts the library's decisions into the pattern store.

    Parameters
    ----------
    config
        Settings; all defaults when None.
    run_id
        Name of the run's folder; a run of the same name resumes where it stopped.

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
            Maximum number of strategies; that of the settings when None.

        Raises
        ------
        RlpretrainError
            The service, the market or the store failed, or the library produces no decisions.
        """
        config = self._config
        if max_strategies is not None:
            config = config.changed(max_strategies=max_strategies)
        self._pipeline = PretrainingPipeline(config, run_id=self._run_id)
        (manifest,) = await self._pipeline.run_to(CHECK)
        return CHECK.read(manifest).patterns

    def load_patterns(
        self, min_confidence: float | None = None, *, settled_before: np.datetime64 | None = None
    ) -> PatternSet:
        """Read the extracted patterns back from the store.

        Parameters
        ----------
        min_confidence
            Minimum confidence; that of the settings when None.
        settled_before
            Leave out patterns whose reward was not known before this day.

        Raises
        ------
        StageError
            Nothing has been extracted yet.
        """
        if self._pipeline is None:
            raise StageError("there are no patterns yet", hint="await run_extraction_pipeline() first")
        run = self._pipeline.run
        mined = MINE.read(run.folder.require(MINE.name))
        if min_confidence is None:
            min_confidence = self._config.min_confidence
        with open_store(store_url(run.config, run.folder.path)) as store:
            return store.patterns(
                mined.extraction,
                min_confidence=min_confidence,
                settled_before=settled_before,
            )
