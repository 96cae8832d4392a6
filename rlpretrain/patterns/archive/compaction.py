"""Reclaiming space: many small archives become one, and the database frees the space of deleted rows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from rlpretrain.patterns.archive import register
from rlpretrain.patterns.archive.folder import write_archive
from rlpretrain.patterns.archive.moving import described, new_name, stream_archives
from rlpretrain.patterns.store.connection import explained, reading, writing
from rlpretrain.patterns.store.pattern_store import PatternStore

__all__ = ["Compaction", "compact"]

SMALL_ROWS = 1 << 20
"""Archives below this size are merged until they reach it."""


@dataclass(frozen=True)
class Compaction:
    """Result of a compaction."""

    archives_before: int
    archives: int
    bytes_before: int
    """Size of the store before; `bytes` is its size after."""
    bytes: int


def compact(store: PatternStore, folder: Path, *, full: bool = False) -> Compaction:
    """Merge small archives of each collection, and vacuum the store.

    Parameters
    ----------
    full
        On Postgres, rewrite the tables to return all space to the system; they cannot be read or written
        meanwhile. Otherwise the space is kept for new rows. An SQLite file is always rewritten.
    """
    before = _size(store), _archives(store)
    for collection in register.collection_rows(store):
        with register.alone(store, folder, collection.id):
            _merge(store, folder, collection)
    _vacuum(store, full=full)
    return Compaction(before[1], _archives(store), before[0], _size(store))


def _merge(store: PatternStore, folder: Path, collection: Any) -> None:
    with reading(store.engine) as connection:
        small = [row for row in register.archive_rows(connection, collection.id) if row.rows < SMALL_ROWS]
        name = new_name(collection.digest)
        origin = described(connection, name, collection)
    if len(small) < 2:
        return
    sources = [row.name for row in small]
    register.claim(store, name, collection.id)
    manifest = write_archive(folder / name, stream_archives(folder, sources), origin)
    with writing(store.engine) as connection:
        register.record(connection, manifest)
        register.mark(connection, sources, "leaving")


def _vacuum(store: PatternStore, *, full: bool) -> None:
    with explained(store.engine.url), closing(store.engine.raw_connection()) as connection:
        # This bypasses the engine's transactions, because a vacuum cannot run in one.
        cursor = connection.cursor()
        if store.engine.dialect.name == "postgresql":
            driver: Any = connection.driver_connection
            driver.autocommit = True
            cursor.execute(f"VACUUM ({'FULL, ANALYZE' if full else 'ANALYZE'}) patterns, trades")
            connection.invalidate()
        else:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _size(store: PatternStore) -> int:
    if store.engine.dialect.name == "postgresql":
        query = "SELECT pg_total_relation_size('patterns') + pg_total_relation_size('trades')"
    else:
        query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with reading(store.engine) as connection:
        return int(connection.execute(text(query)).scalar_one())


def _archives(store: PatternStore) -> int:
    collections = register.collection_rows(store)
    with reading(store.engine) as connection:
        return sum(len(register.archive_rows(connection, row.id)) for row in collections)
