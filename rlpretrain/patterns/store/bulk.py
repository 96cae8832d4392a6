"""Many rows at once: binary COPY on Postgres, one executemany on SQLite; both upsert on the primary key."""

# Statements below are put together from this package's own table and column names, never from data.
# ruff: noqa: S608

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    CHAR,
    Column,
    Connection,
    Date,
    LargeBinary,
    String,
    Table,
    Text,
    cast,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from rlpretrain.patterns.store.binary_copy import TEXT_WIDTH, decode, encode, memory_type
from rlpretrain.patterns.store.rows import Columns

__all__ = ["merge", "read", "upsert"]

_CHUNK = 65_536
"""Rows encoded at once; bounds the memory of a large write."""


def upsert(connection: Connection, table: Table, columns: Columns) -> None:
    """Insert rows, or replace those with the same primary key.

    Parameters
    ----------
    connection
        In a transaction, which the caller commits.
    table
        Of the types that `binary_copy` knows, no column NULL.
    columns
        Every column of `table`; of rows with the same key one is kept.

    Raises
    ------
    DataError
        A text is too long or not ASCII.
    """
    rows = len(next(iter(columns.values())))
    chunks = (
        {name: values[start : start + _CHUNK] for name, values in columns.items()}
        for start in range(0, rows, _CHUNK)
    )
    if connection.dialect.name == "postgresql":
        _upsert_by_copy(connection, table, chunks)
    else:
        _upsert_by_row(connection, table, chunks)


def read(connection: Connection, columns: Sequence[Column[Any]], *conditions: ColumnElement[bool]) -> Columns:
    """Read columns of the rows that meet all conditions, in no particular order."""
    if connection.dialect.name != "postgresql":
        # Dates stay the text that they are in the file: numpy reads many at once.
        plain = [
            type_coerce(column, String) if isinstance(column.type, Date) else column for column in columns
        ]
        rows = connection.execute(select(*plain).where(*conditions)).all()
        values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
        return {c.name: np.array(v, dtype=memory_type(c)) for c, v in zip(columns, values, strict=True)}
    padded = [
        cast(column, CHAR(TEXT_WIDTH)) if isinstance(column.type, Text) else column for column in columns
    ]
    compiled = (
        select(*padded)
        .where(*conditions)
        .compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    )
    cursor: Any = connection.connection.cursor()
    query = cursor.mogrify(compiled.string, compiled.params).decode()
    copied = io.BytesIO()
    cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", copied)
    return decode(columns, copied.getbuffer())


def merge(
    connection: Connection, table: Table, key: str, values: list[dict[str, Any]], *, least: str | None = None
) -> None:
    """Insert a few rows of any types, or update those with the same key.

    Parameters
    ----------
    key
        Names of the columns that identify a row, separated by blanks.
    least
        Column that must not grow: a row with a greater value does not replace a row with a smaller one, so
        that the order of several writers does not matter.
    """
    if not values:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement: Any = insert(table)
    rest = {name: statement.excluded[name] for name in values[0] if name not in key.split()}
    condition = None if least is None else statement.excluded[least] <= table.c[least]
    connection.execute(
        statement.on_conflict_do_update(index_elements=key.split(), set_=rest, where=condition)
        if rest
        else statement.on_conflict_do_nothing(index_elements=key.split()),
        values,
    )


def _upsert_by_copy(connection: Connection, table: Table, chunks: Iterable[Columns]) -> None:
    """COPY into a staging table, and from there in one statement."""
    columns = list(table.columns)
    listed = ", ".join(column.name for column in columns)
    key = ", ".join(column.name for column in table.primary_key)
    staging = f"staging_{table.name}"
    cursor: Any = connection.connection.cursor()
    cursor.execute(f"CREATE TEMP TABLE {staging} (LIKE {table.name}) ON COMMIT DROP")
    for column in columns:
        if isinstance(column.type, Text):  # A char loses its padding on the way to a text.
            cursor.execute(f"ALTER TABLE {staging} ALTER {column.name} TYPE char({TEXT_WIDTH})")
    for chunk in chunks:
        cursor.copy_expert(
            f"COPY {staging} ({listed}) FROM STDIN (FORMAT binary)", io.BytesIO(encode(columns, chunk))
        )
    # One order for all writers, so that two of them can't wait for each other.
    chosen = f"SELECT DISTINCT ON ({key}) {listed} FROM {staging} ORDER BY {key}"
    cursor.execute(f"INSERT INTO {table.name} ({listed}) {chosen} {_on_conflict(table)}")
    cursor.execute(f"DROP TABLE {staging}")


def _upsert_by_row(connection: Connection, table: Table, chunks: Iterable[Columns]) -> None:
    columns = list(table.columns)
    listed, holes = ", ".join(column.name for column in columns), ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table.name} ({listed}) VALUES ({holes}) {_on_conflict(table)}"
    for chunk in chunks:
        values = [_plain(column, chunk[column.name]) for column in columns]
        connection.exec_driver_sql(statement, list(zip(*values, strict=True)))


def _on_conflict(table: Table) -> str:
    key = [column.name for column in table.primary_key]
    rest = ", ".join(f"{c.name} = excluded.{c.name}" for c in table.columns if c.name not in key)
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {rest}"


def _plain(column: Column[Any], values: NDArray[Any]) -> Iterable[Any]:
    """Give the values as SQLite's driver takes them."""
    if isinstance(column.type, Date):
        return list(np.datetime_as_string(values, unit="D").tolist())
    if isinstance(column.type, LargeBinary):
        return (value.tobytes() for value in values)
    return list(values.tolist())
