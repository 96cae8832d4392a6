"""Which revision of which collection contains an extraction's patterns and trades."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from rlpretrain.errors import DataError
from rlpretrain.patterns.store import bulk, identities, schema

__all__ = ["Content", "find_content", "publish", "require_content"]


@dataclass(frozen=True)
class Content:
    """Where an extraction's rows of one kind are."""

    collection: int
    revision: int
    rows: int
    digest: str
    archived: bool


def find_content(connection: Connection, extraction: int, kind: str) -> Content | None:
    """Find an extraction's patterns or trades; None if they were never completely written."""
    table = schema.contents
    columns = (table.c.collection_id, table.c.revision, table.c.rows, table.c.digest, table.c.archived)
    query = select(*columns).where(table.c.extraction_id == extraction, table.c.kind == kind)
    found = connection.execute(query).first()
    return None if found is None else Content(*found)


def require_content(connection: Connection, digest: str, kind: str) -> Content:
    """Find an extraction's patterns or trades to read.

    Raises
    ------
    DataError
        There is no such extraction, its rows were never completely written, or they are archived.
    """
    found = find_content(connection, identities.extraction_id(connection, digest), kind)
    if found is None:
        raise DataError(
            f"extraction {digest[:12]} has no {kind}", hint="the run that writes them has not finished"
        )
    if found.archived:
        raise DataError(
            f"some {kind} of extraction {digest[:12]} are archived",
            hint=f"rlpretrain patterns restore --extraction {digest[:12]}",
        )
    return found


def publish(connection: Connection, extraction: int, kind: str, content: Content) -> None:
    """Record where an extraction's rows are; from now on they can be read."""
    values = {
        "extraction_id": extraction,
        "kind": kind,
        "collection_id": content.collection,
        "revision": content.revision,
        "rows": content.rows,
        "digest": content.digest,
        "archived": content.archived,
    }
    bulk.merge(connection, schema.contents, "extraction_id kind", [values])
