"""The entries of a catalogue, and their versions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Author", "Catalogue", "CatalogueEntry", "CatalogueVersion", "Judge"]


class Judge(Protocol):
    """Judges trees by what they would have earned."""

    def __call__(self, document: Mapping[str, Any], before: dt.date) -> float:
        """Return a figure of the days before a day, of which more is better."""


@dataclass(frozen=True)
class CatalogueVersion:
    """A symphony as it was from one edit to the next."""

    version_id: str
    created_at: dt.datetime
    """With its time zone."""
    document: Mapping[str, Any] = field(repr=False)


class Author(Protocol):
    """Who made a symphony, and edited it."""

    @property
    def hindsight(self) -> bool:
        """Whether edits are chosen by past prices, so that nothing of the symphony is known without a judge."""

    def versions(self, judge: Judge | None) -> Sequence[CatalogueVersion]:
        """Return all versions, first to last; the last one is the tree that the server serves."""

    def last_moment(self) -> dt.datetime:
        """Return when the last version was saved."""


@dataclass(frozen=True)
class CatalogueEntry:
    """One symphony of a catalogue."""

    symphony_id: str
    document: Mapping[str, Any] | None = field(repr=False)
    """The raw tree; None if it cannot be read. An author with hindsight begins with it."""
    last_edit: dt.date | None = None
    """Day of the author's last change; None where unknown."""
    defect: str | None = None
    """Reason why there is no tree."""
    author: Author | None = field(default=None, repr=False)
    """Knows the versions; None where nothing but the tree is known."""


class Catalogue(Protocol):
    """Symphonies to serve."""

    def entries(self) -> Sequence[CatalogueEntry]:
        """Return every symphony, in a fixed order."""
