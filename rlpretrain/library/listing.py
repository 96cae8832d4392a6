"""The library as a run has listed it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rlpretrain.composer import SymphonySummary

__all__ = ["Listing", "rows_as_json", "rows_from_json"]


@dataclass(frozen=True)
class Listing:
    """The library as a run has listed it."""

    rows: tuple[SymphonySummary, ...]
    as_of: dt.date
    """The service's last day when it was listed."""
    name: str
    """Distinguishes this listing from all others, of this run and of others."""


def rows_as_json(rows: Sequence[SymphonySummary]) -> list[dict[str, Any]]:
    """Return the rows as JSON values."""
    return [{**asdict(row), "last_edit": row.last_edit and row.last_edit.isoformat()} for row in rows]


def rows_from_json(values: Sequence[Mapping[str, Any]]) -> tuple[SymphonySummary, ...]:
    """Read what `rows_as_json` returned."""
    return tuple(
        SymphonySummary(
            **{**value, "last_edit": value["last_edit"] and dt.date.fromisoformat(value["last_edit"])}
        )
        for value in values
    )
