"""Rows with a history: an extraction is a revision of its collection and writes only what differs from the last.

A row belongs to the revisions from its `since` up to, but not including, its `until`. Writing revision r closes the
current rows that changed or vanished (`until` = r) and adds the new ones (`since` = r); unchanged rows are not
touched. Readers of older revisions see what they always saw. No reader sees the rows of a revision before it is
published, so a writer may commit part by part, be killed, and resume.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sqlalchemy import Column, Connection, Engine, Table, and_, delete, exists, func, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from rlpretrain.errors import DataError
from rlpretrain.patterns.store import bulk
from rlpretrain.patterns.store.chunks import whole_steps
from rlpretrain.patterns.store.columns import Columns
from rlpretrain.patterns.store.connection import reading, writing
from rlpretrain.patterns.store.schema import CURRENT, collections, contents

__all__ = ["drop_unpublished", "head", "visible", "write_revision"]


def head(connection: Connection, collection: int, kind: str) -> int:
    """Return the newest published revision of a collection's patterns or trades; 0 before the first."""
    query = select(func.coalesce(func.max(contents.c.revision), 0)).where(
        contents.c.collection_id == collection, contents.c.kind == kind
    )
    return int(connection.execute(query).scalar_one())


def visible(table: Table, collection: int, revision: int) -> list[ColumnElement[bool]]:
    """Return the conditions of the rows that belong to a revision."""
    return [table.c.collection_id == collection, table.c.since <= revision, table.c.until > revision]


def drop_unpublished(connection: Connection, table: Table, collection: int) -> None:
    """Undo what a killed writer left; the caller must hold the collection's lock."""
    newest = head(connection, collection, table.name)
    mine = table.c.collection_id == collection
    connection.execute(delete(table).where(mine, table.c.since > newest))
    reopened = and_(mine, table.c.until > newest, table.c.until < CURRENT)
    connection.execute(update(table).where(reopened).values(until=CURRENT))


def write_revision(engine: Engine, table: Table, collection: int, parts: Iterable[Columns]) -> int:
    """Replace the current rows of a collection by the given ones, in one transaction for each chunk.

    Parameters
    ----------
    engine
        Engine of the store; the caller must hold the collection's lock.
    table
        ``patterns`` or ``trades``.
    parts
        All rows, ordered by the first column of the key after the collection; without `collection_id`, `since`
        and `until`.

    Returns
    -------
    The revision of the rows: the last one if nothing changed and none of its rows are in an archive.

    Raises
    ------
    DataError
        Parts are out of order, or a row occurs twice or breaks a constraint.
    """
    axis = _axis(table)
    with reading(engine) as connection:
        revision = head(connection, collection, table.name) + 1
    changed = 0
    low: Any = None
    for chunk in whole_steps(parts, axis.name):
        high = chunk[axis.name][-1].item()
        with writing(engine) as connection:
            _hold(connection, collection)
            changed += _replace(connection, table, collection, revision, _span(axis, low, high), chunk)
        low = high
    with writing(engine) as connection:
        _hold(connection, collection)
        changed += _close(connection, table, collection, revision, [] if low is None else [axis > low])
        changed = (
            changed
            or _touched(connection, table, collection, revision)
            or _archived(connection, table, collection, revision - 1)
        )
    return revision if changed or revision == 1 else revision - 1


def _axis(table: Table) -> Column[Any]:
    return list(table.primary_key.columns)[1]


def _span(axis: Column[Any], low: Any, high: Any) -> list[ColumnElement[bool]]:
    return [axis <= high] if low is None else [axis > low, axis <= high]


def _hold(connection: Connection, collection: int) -> None:
    """Lock the collection's row, once for each transaction, as a foreign key would for each row."""
    query = select(collections.c.id).where(collections.c.id == collection)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(key_share=True)
    connection.execute(query).scalar_one()


def _current(table: Table, collection: int) -> ColumnElement[bool]:
    return and_(table.c.collection_id == collection, table.c.until == CURRENT)


def _replace(
    connection: Connection,
    table: Table,
    collection: int,
    revision: int,
    span: list[ColumnElement[bool]],
    chunk: Columns,
) -> int:
    """Update one span of the axis to the revision; return the number of rows written."""
    key = [column.name for column in table.primary_key if column.name not in ("collection_id", "since")]
    _reject_duplicates(chunk, key)
    count = len(chunk[key[0]])
    chunk = chunk | {
        "collection_id": np.full(count, collection, dtype=np.int32),
        "since": np.full(count, revision, dtype=np.int32),
        "until": np.full(count, CURRENT, dtype=np.int32),
    }
    current = _current(table, collection)
    if connection.execute(select(table.c.since).where(current, *span).limit(1)).first() is None:
        bulk.insert(connection, table, chunk)
        return count
    staging = bulk.stage(connection, table, chunk)
    rest = [c.name for c in table.columns if c.name not in (*key, "collection_id", "since", "until")]
    same_key = and_(*(table.c[name] == staging.c[name] for name in key))
    differs = tuple_(*(table.c[name] for name in rest)).is_distinct_from(
        tuple_(*(staging.c[name] for name in rest))
    )
    stays = exists().where(same_key, ~differs)
    changed = _close(connection, table, collection, revision, [*span, ~stays])
    # The span is redundant. Postgres needs it to read no more than the span; SQLite would prefer it to the key as a
    # search condition, and compare every row with every other.
    near = span if connection.dialect.name == "postgresql" else []
    fresh = select(*staging.columns).where(~exists().where(current, *near, same_key))
    changed += connection.execute(table.insert().from_select(list(table.columns.keys()), fresh)).rowcount
    connection.exec_driver_sql(f"DROP TABLE {staging.name}")
    return changed


def _reject_duplicates(chunk: Columns, key: list[str]) -> None:
    order = np.lexsort([chunk[name] for name in key])
    duplicates = np.all([np.diff(chunk[name][order].astype(np.int64)) == 0 for name in key], axis=0)
    if duplicates.any():
        row = order[int(np.argmax(duplicates))]
        named = ", ".join(f"{name} {chunk[name][row]}" for name in key)
        raise DataError(f"a row to store is not unique: {named}")


def _close(
    connection: Connection,
    table: Table,
    collection: int,
    revision: int,
    conditions: list[ColumnElement[bool]],
) -> int:
    """Close current rows; delete those that a killed writer left under the same revision."""
    chosen = and_(_current(table, collection), *conditions)
    left = connection.execute(delete(table).where(chosen, table.c.since == revision)).rowcount
    closed = connection.execute(
        update(table).where(chosen, table.c.since < revision).values(until=revision)
    ).rowcount
    return left + closed


def _touched(connection: Connection, table: Table, collection: int, revision: int) -> int:
    """Return whether anything was written under this revision, for example by a killed writer."""
    query = select(table.c.since).where(
        table.c.collection_id == collection, (table.c.since == revision) | (table.c.until == revision)
    )
    return int(connection.execute(query.limit(1)).first() is not None)


def _archived(connection: Connection, table: Table, collection: int, revision: int) -> bool:
    """Return whether rows of a revision are in an archive; once restored they must not belong to other revisions."""
    query = select(contents.c.extraction_id).where(
        contents.c.collection_id == collection,
        contents.c.kind == table.name,
        contents.c.revision == revision,
        contents.c.archived,
    )
    return connection.execute(query.limit(1)).first() is not None
