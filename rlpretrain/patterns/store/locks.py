"""One writer of a collection at a time, across processes; the lock of a killed writer is released at once."""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from rlpretrain.patterns.store.connection import explained

__all__ = ["exclusive"]

_KIND = zlib.crc32(b"rlpretrain collection") & 0x7FFFFFFF


@contextmanager
def exclusive(engine: Engine, collection: int) -> Iterator[None]:
    """Wait for the other writers of a collection to finish, and keep new ones waiting.

    On Postgres a separate connection holds an advisory lock; for SQLite a file next to the database is locked, for
    the whole store.
    """
    if engine.dialect.name == "postgresql":
        with explained(engine.url), engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            key = {"kind": _KIND, "collection": collection}
            alone.execute(text("SELECT pg_advisory_lock(:kind, :collection)"), key)
            try:
                yield
            finally:
                alone.execute(text("SELECT pg_advisory_unlock(:kind, :collection)"), key)
        return
    if not engine.url.database or engine.url.database == ":memory:":
        yield
        return
    with Path(f"{engine.url.database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
