"""Moving patterns from the store to an archive, and back.

A pattern is old when no run since a given time used a revision that contains it: superseded versions, and whole
collections whose settings are no longer used. Its own date does not make it old: tonight's run also trains on
decisions of years ago.

A command may be interrupted at any step: the rows are deleted from the store in the transaction that records the
archive, after its files were read back; what an interrupted command left is removed by the next one.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from alembic.migration import MigrationContext
from sqlalchemy import ColumnElement, Connection, and_, delete, func, not_, or_, select, true, update

from rlpretrain.errors import DataError
from rlpretrain.patterns.archive import register
from rlpretrain.patterns.archive.folder import Manifest, read_manifest, read_rows, write_archive
from rlpretrain.patterns.store import bulk, identities
from rlpretrain.patterns.store.columns import Columns
from rlpretrain.patterns.store.connection import reading, writing
from rlpretrain.patterns.store.pattern_store import PatternStore
from rlpretrain.patterns.store.revisions import drop_unpublished, head, visible
from rlpretrain.patterns.store.schema import CURRENT, contents, extractions, patterns, runs

__all__ = ["Moved", "archive", "restore", "stream_archives"]


@dataclass(frozen=True)
class Moved:
    """Archives that were written or restored, and the rows of the store before and after."""

    archives: list[dict[str, Any]]
    rows: int
    in_store_before: int
    in_store: int


def archive(store: PatternStore, folder: Path, unused_since: dt.datetime) -> Moved:
    """Move the patterns that no run since a time uses into archives, one for each collection.

    Parameters
    ----------
    folder
        Folder of the archives, which are folders in it.
    unused_since
        Time with a time zone; a run that began at or after it keeps its extraction's patterns in the store.
    """
    before = _count(store)
    made = []
    for collection in register.collection_rows(store):
        with register.alone(store, folder, collection.id):
            manifest = _archive_collection(store, folder, collection, unused_since)
        if manifest is not None:
            made.append(manifest)
    return _moved(store, made, before)


def restore(store: PatternStore, folder: Path, extraction: str | None = None) -> Moved:
    """Restore archived patterns: those that an extraction needs, or all.

    Parameters
    ----------
    extraction
        Beginning of the extraction's digest.

    Raises
    ------
    DataError
        There is no such extraction, or an archive is missing or damaged; that archive's rows are then not restored.
    """
    before = _count(store)
    wanted = None if extraction is None else _find_extraction(store, extraction)
    made = []
    for collection in register.collection_rows(store):
        with register.alone(store, folder, collection.id):
            with reading(store.engine) as connection:
                stored = register.archive_rows(connection, collection.id)
            for one in stored:
                if wanted is None or (
                    wanted[0] == collection.id and one.first_revision <= wanted[1] <= one.last_revision
                ):
                    made.append(_restore_one(store, folder, one))
    return _moved(store, made, before)


def stream_archives(folder: Path, names: list[str]) -> Iterator[Columns]:
    """Read the rows of several archives, each checked against its manifest."""
    for name in names:
        yield from read_rows(folder / name, read_manifest(folder / name))


def new_name(digest: str) -> str:
    """Return a name for an archive, unique also among other stores that share the folder."""
    return f"{digest[:12]}-{uuid.uuid4().hex[:12]}"


def described(connection: Connection, name: str, collection: Any) -> dict[str, Any]:
    """Return what a manifest records about the origin of its rows."""
    return {
        "name": name,
        "collection": collection.digest,
        "settings": json.loads(collection.settings),
        "schema": MigrationContext.configure(connection).get_current_revision(),
    }


def _archive_collection(
    store: PatternStore, folder: Path, collection: Any, unused_since: dt.datetime
) -> Manifest | None:
    with writing(store.engine) as connection:
        drop_unpublished(connection, patterns, collection.id)
        newest = head(connection, collection.id, "patterns")
        kept = _used_revisions(connection, collection.id, unused_since)
        old = and_(patterns.c.collection_id == collection.id, not_(_counts_in(kept)))
        if connection.execute(select(patterns.c.since).where(old).limit(1)).first() is None:
            return None
    name = new_name(collection.digest)
    register.claim(store, name, collection.id)
    with reading(store.engine) as connection:
        origin = described(connection, name, collection)
        with closing(_stream(connection, old, newest)) as parts:
            manifest = write_archive(folder / name, parts, origin)
    with writing(store.engine) as connection:
        removed = connection.execute(delete(patterns).where(old)).rowcount
        if removed != manifest.rows:
            raise DataError(
                f"archive {name} has {manifest.rows} rows, but the store has {removed}: nothing was removed"
            )
        _mark_contents(connection, collection.id)
        register.record(connection, manifest)
    return manifest


def _used_revisions(connection: Connection, collection: int, since: dt.datetime) -> list[int]:
    query = (
        select(contents.c.revision)
        .distinct()
        .join(runs, runs.c.extraction_id == contents.c.extraction_id)
        .where(contents.c.collection_id == collection, contents.c.kind == "patterns", runs.c.used >= since)
        .order_by(contents.c.revision)
    )
    return list(connection.execute(query).scalars())


def _counts_in(revisions: list[int]) -> ColumnElement[bool]:
    """Return the condition of rows that belong to any of the revisions; consecutive ones form one interval."""
    conditions = []
    for _, run in groupby(enumerate(revisions), key=lambda pair: pair[1] - pair[0]):
        spell = [revision for _, revision in run]
        conditions.append(and_(patterns.c.since <= spell[-1], patterns.c.until > spell[0]))
    return or_(*conditions) if conditions else not_(true())


def _stream(
    connection: Connection, condition: ColumnElement[bool], newest: int
) -> Generator[Columns, None, None]:
    symbols = identities.asset_symbols(connection)
    names = np.full(max(symbols, default=0) + 1, "", dtype=f"U{max(map(len, symbols.values()), default=1)}")
    names[list(symbols)] = list(symbols.values())
    columns = [column for column in patterns.columns if column.name != "collection_id"]
    with closing(bulk.stream(connection, columns, condition, order=list(patterns.primary_key))) as found:
        for part in found:
            asset = names[part.pop("asset_id")]
            # Rows that were never replaced belong to revisions up to the newest; later ones do not contain them.
            yield part | {"asset": asset, "until": np.minimum(part["until"], newest + 1)}


def _restore_one(store: PatternStore, folder: Path, row: Any) -> Manifest:
    manifest = read_manifest(folder / row.name)
    if (manifest.rows, manifest.digest) != (row.rows, row.digest):
        raise DataError(f"{folder / row.name} is not the archive that this store wrote")
    with writing(store.engine) as connection:
        # A killed writer may have left current rows of the same decisions, which would then be duplicates.
        drop_unpublished(connection, patterns, row.collection_id)
        newest = head(connection, row.collection_id, "patterns")
        before = _count_rows(connection, row.collection_id)
        for part in read_rows(folder / row.name, manifest):
            numbers = identities.asset_ids(connection, np.unique(part["asset"]).tolist())
            count = len(part["date"])
            asset = part.pop("asset")
            known, place = np.unique(asset, return_inverse=True)
            rows = part | {
                "collection_id": np.full(count, row.collection_id, dtype=np.int32),
                "asset_id": np.array([numbers[name] for name in known.tolist()], dtype=np.int32)[place],
                "until": np.where(part["until"] == newest + 1, CURRENT, part["until"]).astype(np.int32),
            }
            bulk.insert(connection, patterns, rows)
        restored = _count_rows(connection, row.collection_id) - before
        if restored != manifest.rows:
            raise DataError(f"archive {row.name} has {manifest.rows} rows, but {restored} were restored")
        _mark_contents(connection, row.collection_id)
        register.mark(connection, [row.name], "leaving")
    return manifest


def _mark_contents(connection: Connection, collection: int) -> None:
    """Record for each extraction whether the store has all of its rows."""
    found = connection.execute(
        select(contents.c.extraction_id, contents.c.revision, contents.c.rows).where(
            contents.c.collection_id == collection, contents.c.kind == "patterns"
        )
    ).all()
    for extraction, revision, rows in found:
        query = select(func.count()).select_from(patterns).where(*visible(patterns, collection, revision))
        there = connection.execute(query).scalar_one()
        connection.execute(
            update(contents)
            .where(contents.c.extraction_id == extraction, contents.c.kind == "patterns")
            .values(archived=there != rows)
        )


def _find_extraction(store: PatternStore, beginning: str) -> tuple[int, int]:
    with reading(store.engine) as connection:
        query = (
            select(extractions.c.digest, contents.c.collection_id, contents.c.revision)
            .join(contents, contents.c.extraction_id == extractions.c.id)
            .where(contents.c.kind == "patterns", extractions.c.digest.startswith(beginning, autoescape=True))
        )
        found = connection.execute(query).all()
    if len(found) != 1:
        raise DataError(f"{len(found) or 'no'} extractions of the store begin with {beginning!r}")
    return found[0].collection_id, found[0].revision


def _count(store: PatternStore) -> int:
    with reading(store.engine) as connection:
        return int(connection.execute(select(func.count()).select_from(patterns)).scalar_one())


def _count_rows(connection: Connection, collection: int) -> int:
    query = select(func.count()).select_from(patterns).where(patterns.c.collection_id == collection)
    return int(connection.execute(query).scalar_one())


def _moved(store: PatternStore, manifests: list[Manifest], before: int) -> Moved:
    summary = [
        {name: getattr(m, name) for name in ("name", "collection", "rows", "first_date", "last_date")}
        for m in manifests
    ]
    return Moved(summary, sum(m.rows for m in manifests), before, _count(store))
