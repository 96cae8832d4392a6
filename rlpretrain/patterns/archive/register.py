"""The store's list of its archives, and tidying up after interrupted commands."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from rlpretrain.patterns.archive.folder import Manifest
from rlpretrain.patterns.store.connection import reading, writing
from rlpretrain.patterns.store.locks import exclusive
from rlpretrain.patterns.store.pattern_store import PatternStore
from rlpretrain.patterns.store.schema import archives, collections

__all__ = ["alone", "archive_rows", "claim", "collection_rows", "mark", "record"]


def collection_rows(store: PatternStore) -> list[Any]:
    """Return every collection's id, digest and settings."""
    with reading(store.engine) as connection:
        return list(connection.execute(select(collections).order_by(collections.c.id)))


@contextmanager
def alone(store: PatternStore, folder: Path, collection: int) -> Iterator[None]:
    """Exclude other writers of a collection; tidy its archives before the block and, if it succeeds, after it."""
    with exclusive(store.engine, collection):
        _tidy(store, folder, collection)
        yield
        _tidy(store, folder, collection)


def archive_rows(connection: Connection, collection: int, state: str = "stored") -> list[Any]:
    """Return a collection's archives in one state, oldest revisions first."""
    query = select(archives).where(archives.c.collection_id == collection, archives.c.state == state)
    return list(connection.execute(query.order_by(archives.c.first_revision, archives.c.name)))


def claim(store: PatternStore, name: str, collection: int) -> None:
    """Register an archive before it is written, so that its folder is known to be this store's in any case."""
    with writing(store.engine) as connection:
        connection.execute(
            insert(archives).values(
                name=name, collection_id=collection, state="writing", rows=0, first_revision=0,
                last_revision=0, digest="",
            )
        )  # fmt: skip


def record(connection: Connection, manifest: Manifest) -> None:
    """Record that an archive has rows which the store no longer has."""
    connection.execute(
        update(archives)
        .where(archives.c.name == manifest.name)
        .values(
            state="stored",
            rows=manifest.rows,
            first_revision=manifest.first_revision,
            last_revision=manifest.last_revision,
            digest=manifest.digest,
        )
    )


def mark(connection: Connection, names: list[str], state: str) -> None:
    """Change the state of archives."""
    connection.execute(update(archives).where(archives.c.name.in_(names)).values(state=state))


def _tidy(store: PatternStore, folder: Path, collection: int) -> None:
    """Remove folders that were never finished, were restored, or were merged into another."""
    with reading(store.engine) as connection:
        names = [
            row.name
            for state in ("writing", "leaving")
            for row in archive_rows(connection, collection, state)
        ]
    for name in names:
        if (folder / name).exists():
            shutil.rmtree(folder / name)
        with writing(store.engine) as connection:
            connection.execute(delete(archives).where(archives.c.name == name))
