"""The authors of generated symphonies: when they edited, and what they knew when they did.

Most edit honestly: an edit is drawn without looking at any price. Some edit with hindsight: they try several parameters
and keep those that would have done best on the days before the edit. What such a symphony seems to have earned on
those days says nothing about the days after it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from rlpretrain.composer.catalogue.edits import edit_parameters, edit_tree, has_parameters
from rlpretrain.composer.catalogue.entries import CatalogueVersion, Judge
from rlpretrain.composer.catalogue.identifiers import identifier
from rlpretrain.composer.catalogue.tree_builder import Spelling, TreeBuilder
from rlpretrain.composer.catalogue.universes import Universe

__all__ = ["GeneratedAuthor"]

_NEW_YORK = ZoneInfo("America/New_York")
_MEDIAN_VERSIONS, _SPREAD, _MOST_VERSIONS = 5, 0.7, 40
"""The number of versions is log-normal."""
_SHORTEST_SPAN, _LONGEST_SPAN = 30, 1_000
"""Days from the first version to the last."""
_TRIES = 12
"""Parameters that an author with hindsight tries before an edit."""
_HISTORY, _HINDSIGHT = 1, 2
"""Streams of random numbers, apart from those that make the symphony itself."""


@dataclass(frozen=True)
class GeneratedAuthor:
    """The author of one generated symphony; what they did depends on the seed and the symphony's number alone.

    The versions are made when they are asked for. Those of an honest author end with `document`; those of an author
    with hindsight begin with it.
    """

    symphony_id: str
    seed: int
    index: int
    universe: Universe
    spelling: Spelling
    document: Mapping[str, Any] = field(repr=False)
    last_edit: dt.date
    share: float
    """Share of the authors that edit with hindsight."""

    @property
    def hindsight(self) -> bool:
        """Whether this author edits with hindsight; a symphony without parameters leaves nothing to choose."""
        draw = np.random.default_rng((self.seed, self.index, _HINDSIGHT)).random()
        return bool(draw < self.share) and has_parameters(self.document)

    def versions(self, judge: Judge | None) -> Sequence[CatalogueVersion]:
        """Return all versions, first to last.

        Parameters
        ----------
        judge
            Judges trees by past prices, for authors with hindsight.
        """
        generator = np.random.default_rng((self.seed, self.index, _HISTORY))
        times = self._times(generator)
        build = TreeBuilder(f"{self.symphony_id}/edits", generator, self.spelling)
        if self.hindsight:
            assert judge is not None  # noqa: S101 - the server asks only with one
            documents = self._with_hindsight(times, build, judge)
        else:
            documents = self._honest(len(times), build)
        return [
            CatalogueVersion(identifier(f"version/{self.seed}/{self.index}/{number}"), moment, document)
            for number, (moment, document) in enumerate(zip(times, documents, strict=True))
        ]

    def last_moment(self) -> dt.datetime:
        """Return when the last version was saved."""
        return self._times(np.random.default_rng((self.seed, self.index, _HISTORY)))[-1]

    def _times(self, generator: np.random.Generator) -> list[dt.datetime]:
        midnight = dt.datetime.combine(self.last_edit, dt.time(), _NEW_YORK)
        last = midnight.replace(hour=int(generator.integers(24)), minute=int(generator.integers(60)))
        last = last.astimezone(dt.UTC)  # a wall clock repeats an hour each autumn
        drawn = round(_MEDIAN_VERSIONS * float(np.exp(_SPREAD * generator.standard_normal())))
        count = min(_MOST_VERSIONS, max(2 if self.hindsight else 1, drawn))
        span = int(generator.integers(_SHORTEST_SPAN, _LONGEST_SPAN + 1)) * 86_400
        before = np.unique(generator.integers(1, span, count - 1))[::-1]
        moments = [*(last - dt.timedelta(seconds=int(seconds)) for seconds in before), last]
        return [moment.astimezone(_NEW_YORK) for moment in moments]

    def _honest(self, count: int, build: TreeBuilder) -> list[Mapping[str, Any]]:
        """Make the versions from the last one back: an edit drawn without prices is as good in either direction."""
        documents = [self.document]
        while len(documents) < count:
            documents.append(edit_tree(documents[-1], build, self.universe))
        return documents[::-1]

    def _with_hindsight(
        self, times: Sequence[dt.datetime], build: TreeBuilder, judge: Judge
    ) -> list[Mapping[str, Any]]:
        documents = [self.document]
        for moment in times[1:]:
            tried = [edit_parameters(documents[-1], build) for _ in range(_TRIES)]
            documents.append(max(tried, key=lambda document: judge(document, moment.date())))
        return documents
