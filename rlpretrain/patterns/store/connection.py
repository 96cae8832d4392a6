"""Opening a pattern store: reading its URL, connecting, upgrading its schema, and explaining failures."""

from __future__ import annotations

import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errors
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from rlpretrain.errors import DataError, DiskFullError, ServiceError, SettingsError
from rlpretrain.runs.full_disk import is_full

__all__ = ["connect", "explained", "migrate", "reading", "store_url", "writing"]

_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_LOCK = zlib.crc32(b"rlpretrain pattern store")
_BUSY_SECONDS = 60
_ROOM = 64 * 1024
"""Bytes: SQLite's index of its write-ahead log has 32 KiB at first, and it says only "disk I/O error" without room."""
_PERMANENT = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "unable to open",
    "read-only",
)
"""Parts of error messages after which a retry would not help."""
_FORMS = "sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE"


def store_url(url: str) -> URL:
    """Read a store's URL; ``postgresql://`` and ``postgres://`` mean the psycopg2 driver.

    Raises
    ------
    SettingsError
        The text is not a URL, or names another database. The message does not repeat it, as it may contain a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError("store_url is not a database URL", hint=_FORMS) from None
    if parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg2"):
        return parsed.set(drivername="postgresql+psycopg2")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return parsed
    raise SettingsError(f"store_url: {parsed.drivername!r} is not supported", hint=_FORMS)


def connect(url: URL) -> Engine:
    """Create an engine. SQLite waits for other writers and keeps a write-ahead log, so that readers never wait."""
    if url.get_backend_name() == "postgresql":
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    if url.database and url.database != ":memory:":
        Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # Transactions begin below, not where the driver would begin them.
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A reader that becomes a writer midway cannot wait for its turn; a writer therefore declares itself from the
        # start.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def open_engine(url: str) -> Engine:
    """Connect to the store at a URL, and create or upgrade its tables.

    Raises
    ------
    SettingsError
        The URL is not that of a store.
    ServiceError
        The database cannot be reached, or rejects the connection.
    DataError
        A newer version wrote the store.
    """
    engine = connect(store_url(url))
    try:
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; it is committed if the block succeeds."""
    with explained(engine.url), engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that only reads; all of its statements see the store as it was at the first one."""
    # SQLite does this by default. Postgres would show each statement what was committed before it, so rows could move
    # to an archive after the check that all of them are there and before they are read.
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with explained(engine.url), engine.execution_options(**options).begin() as connection:
        yield connection


def migrate(engine: Engine) -> None:
    """Apply the revisions that the database lacks; this is safe when several processes open it at once.

    Raises
    ------
    DataError
        The database was written by a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise DataError(
                f"{_shown(engine.url)}: {error}",
                hint="a newer version of rlpretrain wrote this store",
            ) from None


def _shown(url: URL) -> str:
    """Return the store's URL without what may be secret: its password, and its query, which may contain one."""
    return url.set(query={}).render_as_string(hide_password=True)


def _has_no_room(url: URL, driver: BaseException | None) -> bool:
    """Return whether SQLite failed to read, write or open one of its files on a disk that is full."""
    code = getattr(driver, "sqlite_errorcode", 0) & 0xFF
    if code not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) or not url.database:
        return False
    folder = Path(url.database).absolute().parent
    return folder.is_dir() and shutil.disk_usage(folder).free < _ROOM


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Convert a driver's failure into an error that names the store, without its password.

    Raises
    ------
    ServiceError
        The server cannot be reached or rejects the connection, or a file cannot be opened or stays locked.
    DataError
        The database rejects a statement or a row.
    DiskFullError
        The disk of the file or of the server is full; the transaction is undone.
    """
    try:
        yield
    except (DBAPIError, psycopg2.Error) as error:
        driver = error.orig if isinstance(error, DBAPIError) else error
        reason = str(driver).strip()
        for secret in (url.password, url.query.get("password")):
            if secret:
                reason = reason.replace(str(secret), "***")
        message = f"pattern store {_shown(url)}: {reason}"
        if is_full(error) or isinstance(driver, psycopg2.errors.DiskFull) or _has_no_room(url, driver):
            raise DiskFullError(
                f"the disk is full: {message}",
                hint="free some space where the store is and run the same command again",
            ) from None
        if isinstance(driver, (sqlite3.OperationalError, psycopg2.OperationalError)):
            permanent = any(words in reason for words in _PERMANENT)
            raise ServiceError(message, hint="check RLPRETRAIN_STORE_URL", retryable=not permanent) from None
        raise DataError(message) from None
