"""Which patterns a reader requests, as conditions on the store's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.sql.elements import ColumnElement

from rlpretrain.patterns.store import schema
from rlpretrain.patterns.store.columns import calendar_day
from rlpretrain.patterns.store.contents import Content
from rlpretrain.patterns.store.revisions import visible

__all__ = ["PatternFilters"]


@dataclass(frozen=True)
class PatternFilters:
    """What to read; None means no limit. See `PatternStore.patterns`."""

    min_confidence: float
    start: np.datetime64 | None
    settled_before: np.datetime64 | None
    assets: Sequence[str] | None

    def conditions(self, content: Content, symbols: Mapping[int, str]) -> list[ColumnElement[bool]]:
        """Return the conditions of the rows of an extraction's content; `symbols` names assets by number."""
        table = schema.patterns
        conditions = visible(table, content.collection, content.revision)
        conditions.append(table.c.confidence >= float(np.float32(self.min_confidence)))
        if self.start is not None:
            conditions.append(table.c.date >= calendar_day(self.start))
        if self.settled_before is not None:
            conditions.append(table.c.settled < calendar_day(self.settled_before))
        if self.assets is not None:
            wanted = set(self.assets)
            conditions.append(table.c.asset_id.in_([n for n, symbol in symbols.items() if symbol in wanted]))
        return conditions
