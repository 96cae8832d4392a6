"""The entries of a catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Catalogue", "CatalogueEntry"]


@dataclass(frozen=True)
class CatalogueEntry:
    """One symphony of a catalogue."""

    symphony_id: str
    document: Mapping[str, Any] | None = field(repr=False)
    """The raw tree; None if it cannot be read."""
    last_edit: dt.date | None = None
    """Day of the author's last change; None where unknown."""
    defect: str | None = None
    """Reason why there is no tree."""


class Catalogue(Protocol):
    """Symphonies to serve."""

    def entries(self) -> Sequence[CatalogueEntry]:
        """Return every symphony, in a fixed order."""
