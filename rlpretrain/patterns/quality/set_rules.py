"""What must be true of all rows of an extraction together, and what is suspicious about them."""

from __future__ import annotations

import json
from collections import Counter
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from rlpretrain.patterns.decisions.pattern_set import ACTIONS, REGIMES
from rlpretrain.patterns.quality.findings import Expected, Finding
from rlpretrain.patterns.store import bulk, identities, schema
from rlpretrain.patterns.store.contents import Content
from rlpretrain.patterns.store.revisions import head

__all__ = ["counted", "duplicates", "feature_version", "one_sided", "revisions", "unfinite_states", "volume"]

_IDENTITY = {"patterns": "identity", "trades": "trade_identity"}
_REVISIONS = {"patterns": "revisions", "trades": "trade_revisions"}
_UNFINISHED = {"patterns": "unfinished", "trades": "trade_unfinished"}
_COUNT = {"patterns": "patterns_count", "trades": "trades_count"}
_LARGEST_SHARE = {"share_of_asset": 0.5, "share_of_action": 0.98, "share_of_regime": 0.9}
"""Share of the patterns with one value above which they are suspicious."""
_COLLAPSE = 0.5
"""Share of the usual number of patterns below which a run is suspicious."""
_TRAILING = 5
"""Number of earlier extractions that define the usual number."""
_EXAMPLES = 3
_STATE_BYTES = 256


def duplicates(connection: Connection, table: Table, conditions: list[ColumnElement[bool]]) -> list[Finding]:
    """Find decisions or trades that are stored more than once."""
    key = _identity(table)
    query = select(*key, func.count()).where(*conditions).group_by(*key).having(func.count() > 1)
    grouped = query.subquery()
    found = connection.execute(select(func.count()).select_from(grouped)).scalar_one()
    if not found:
        return []
    examples = connection.execute(query.limit(_EXAMPLES)).all()
    named = tuple(
        ", ".join(f"{column.name} {value}" for column, value in zip(key, row[:-1], strict=True))
        for row in examples
    )
    return [Finding(_IDENTITY[table.name], True, int(found), "the same identity more than once", named)]


def revisions(connection: Connection, table: Table, collection: int) -> list[Finding]:
    """Find rows whose revisions contradict each other, and rows that a killed writer left."""
    key = _identity(table)
    follower = func.lead(table.c.since).over(partition_by=key, order_by=table.c.since).label("follower")
    rows = (
        select(table.c.since, table.c.until, follower).where(table.c.collection_id == collection).subquery()
    )
    newest = head(connection, collection, table.name)
    impossible = or_(rows.c.since < 1, rows.c.since >= rows.c.until, rows.c.until > rows.c.follower)
    left = or_(rows.c.since > newest, and_(rows.c.until > newest, rows.c.until < schema.CURRENT))
    wrong, unfinished = connection.execute(
        select(func.count().filter(impossible), func.count().filter(left))
    ).one()
    findings = []
    if wrong:
        message = "revisions that overlap, or end before they begin"
        findings.append(Finding(_REVISIONS[table.name], True, int(wrong), message))
    if unfinished:
        message = (
            f"of a revision after {newest}, the last complete one: another run is writing, or was killed"
        )
        findings.append(Finding(_UNFINISHED[table.name], False, int(unfinished), message))
    return findings


def counted(content: Content | None, table: str, rows: int, expected: Expected) -> list[Finding]:
    """Compare the number of stored rows with what the store and the run recorded."""
    recorded = {
        "the run recorded": expected.counts[table],
        "the store's own list has": 0 if content is None else content.rows,
    }
    return [
        Finding(_COUNT[table], True, 0, f"{rows:,} rows are stored, but {source} {count:,}")
        for source, count in recorded.items()
        if count != rows
    ]


def feature_version(connection: Connection, collection: int, expected: Expected) -> list[Finding]:
    """Compare the version of the states with the program's."""
    table = schema.collections
    settings = json.loads(
        connection.execute(select(table.c.settings).where(table.c.id == collection)).scalar_one()
    )
    stored = settings.get("state_version")
    if stored == expected.state_version:
        return []
    return [
        Finding(
            "state_version",
            True,
            0,
            f"states are of version {stored}, the program's is {expected.state_version}",
        )
    ]


def unfinite_states(connection: Connection, conditions: list[ColumnElement[bool]]) -> list[Finding]:
    """Find states with a number that is not finite; neither database can read floats from bytes quickly."""
    state = schema.patterns.c.state
    rows = 0
    for part in bulk.stream(connection, [state], *conditions, func.length(state) == _STATE_BYTES):
        numbers = np.ascontiguousarray(part["state"]).view("<f4").reshape(-1, 64)
        rows += int((~np.isfinite(numbers)).any(axis=1).sum())
    return [Finding("state", True, rows, "states with a number that is not finite")] if rows else []


def one_sided(connection: Connection, conditions: list[ColumnElement[bool]], rows: int) -> list[Finding]:
    """Warn if one asset, action or regime has nearly all patterns."""
    row = schema.patterns.c
    query = select(row.asset_id, row.action, row.regime, func.count()).where(*conditions)
    groups = connection.execute(query.group_by(row.asset_id, row.action, row.regime)).all()
    symbols = identities.asset_symbols(connection)
    names: tuple[tuple[str, Any], ...] = (
        ("asset", symbols),
        ("action", dict(enumerate(ACTIONS))),
        ("regime", dict(enumerate(REGIMES))),
    )
    findings = []
    for place, (kind, known) in enumerate(names):
        counts: Counter[int] = Counter()
        for group in groups:
            counts[group[place]] += group[3]
        value, count = counts.most_common(1)[0]
        check = f"share_of_{kind}"
        if count > _LARGEST_SHARE[check] * rows:
            message = f"{count / rows:.0%} of the patterns have the {kind} {known.get(value, value)}"
            findings.append(Finding(check, False, 0, message))
    return findings


def volume(connection: Connection, collection: int, extraction: int, rows: int) -> list[Finding]:
    """Warn if there are far fewer patterns than in earlier runs; extractions that no run uses any more are ignored."""
    table = schema.contents
    query = (
        select(table.c.rows)
        .where(
            table.c.collection_id == collection,
            table.c.kind == "patterns",
            table.c.extraction_id < extraction,
            table.c.extraction_id.in_(select(schema.runs.c.extraction_id)),
        )
        .order_by(table.c.extraction_id.desc())
        .limit(_TRAILING)
    )
    before = [int(count) for count in connection.execute(query).scalars()]
    if not before or rows >= _COLLAPSE * median(before):
        return []
    message = f"{rows:,} patterns, compared with {median(before):,.0f} in the last {len(before)} runs"
    return [Finding("volume", False, 0, message)]


def _identity(table: Table) -> list[Any]:
    return [column for column in table.primary_key if column.name not in ("collection_id", "since")]
