"""Many rows at once: binary COPY on Postgres, one executemany on SQLite; and a few rows of any types."""

# Statements below are put together from this package's own table and column names, never from data.
# ruff: noqa: S608

from __future__ import annotations

import io
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, Connection, Date, LargeBinary, String, Table, or_, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from rlpretrain.patterns.store.binary_copy import HEADER, decode, encode, row_type
from rlpretrain.patterns.store.columns import Columns, memory_type

__all__ = ["ROWS", "insert", "merge", "stage", "stream"]

ROWS = 65_536
"""Rows held at once; bounds the memory of a large read or write."""
_BLOCK = 1 << 20
"""Bytes handed over at once."""


def insert(connection: Connection, table: Table, columns: Columns) -> None:
    """Insert rows that are not there yet.

    Parameters
    ----------
    connection
        In a transaction, which the caller commits.
    table
        Of the types that `binary_copy` knows, no column NULL.
    columns
        Every column of `table`.
    """
    _insert(connection, table.name, list(table.columns), columns)


def stage(connection: Connection, table: Table, columns: Columns) -> Table:
    """Put rows into a temporary table with the columns of `table`; the caller drops it."""
    staging = table.to_metadata(type(table.metadata)(), name=f"staging_{table.name}")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE {staging.name} (LIKE {table.name} INCLUDING STORAGE) ON COMMIT DROP"
        )
    else:
        connection.exec_driver_sql(f"CREATE TEMP TABLE {staging.name} AS SELECT * FROM {table.name} WHERE 0")
    _insert(connection, staging.name, list(table.columns), columns)
    if connection.dialect.name == "postgresql":
        # Without statistics the planner may compare every row with every other.
        connection.exec_driver_sql(f"ANALYZE {staging.name} ({table.primary_key.columns.keys()[1]})")
    return staging


def stream(
    connection: Connection,
    columns: Sequence[Column[Any]],
    *conditions: ColumnElement[bool],
    order: Sequence[ColumnElement[Any]] = (),
) -> Generator[Columns, None, None]:
    """Read columns of the rows that meet all conditions, at most `ROWS` at a time."""
    if connection.dialect.name != "postgresql":
        yield from _stream_rows(connection, columns, conditions, order)
        return
    compiled = (
        select(*columns)
        .where(*conditions)
        .order_by(*order)
        .compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    )
    cursor: Any = connection.connection.cursor()
    query = f"COPY ({cursor.mogrify(compiled.string, compiled.params).decode()}) TO STDOUT (FORMAT binary)"
    # The server fills a pipe while the rows before are decoded; a reader that is slow, or leaves, stops it.
    source, sink = os.pipe()
    with ThreadPoolExecutor(1) as pool, open(source, "rb", buffering=0) as rows:  # noqa: PTH123 - a descriptor
        copying = pool.submit(_copy_out, cursor, query, sink)
        try:
            yield from _decoded(rows, columns)
        except BaseException:
            connection.invalidate()  # It is in the middle of a copy.
            raise
        copying.result()


def merge(
    connection: Connection, table: Table, key: str, values: list[dict[str, Any]], *, least: str | None = None
) -> None:
    """Insert a few rows of any types, or update those with the same key; equal rows are left alone.

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
    dialect = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement: Any = dialect(table)
    rest = {name: statement.excluded[name] for name in values[0] if name not in key.split()}
    if not rest:
        connection.execute(statement.on_conflict_do_nothing(index_elements=key.split()), values)
        return
    condition = or_(*(table.c[name].is_distinct_from(value) for name, value in rest.items()))
    if least is not None:
        condition = condition & (statement.excluded[least] <= table.c[least])
    connection.execute(
        statement.on_conflict_do_update(index_elements=key.split(), set_=rest, where=condition), values
    )


def _insert(connection: Connection, name: str, columns: list[Column[Any]], values: Columns) -> None:
    listed = ", ".join(column.name for column in columns)
    if connection.dialect.name == "postgresql":
        cursor: Any = connection.connection.cursor()
        copied = io.BytesIO(encode(columns, values))
        cursor.copy_expert(f"COPY {name} ({listed}) FROM STDIN (FORMAT binary)", copied, size=_BLOCK)
        return
    holes = ", ".join("?" * len(columns))
    rows = list(zip(*(_plain(column, values[column.name]) for column in columns), strict=True))
    if rows:
        connection.exec_driver_sql(f"INSERT INTO {name} ({listed}) VALUES ({holes})", rows)


def _copy_out(cursor: Any, query: str, sink: int) -> None:
    with open(sink, "wb", buffering=_BLOCK) as target:
        cursor.copy_expert(query, target)


def _decoded(rows: io.RawIOBase, columns: Sequence[Column[Any]]) -> Iterator[Columns]:
    layout = row_type(columns)
    _fill(rows, memoryview(bytearray(len(HEADER))))
    while True:
        block = memoryview(bytearray(ROWS * layout.itemsize))
        filled = _fill(rows, block)
        count = filled // layout.itemsize  # What is left over at the end is the trailer.
        if count:
            yield decode(columns, np.frombuffer(block, dtype=layout, count=count))
        if filled < len(block):
            return


def _fill(rows: io.RawIOBase, block: memoryview) -> int:
    filled = 0
    while filled < len(block) and (count := rows.readinto(block[filled:])):
        filled += count
    return filled


def _stream_rows(
    connection: Connection,
    columns: Sequence[Column[Any]],
    conditions: Sequence[ColumnElement[bool]],
    order: Sequence[ColumnElement[Any]],
) -> Iterator[Columns]:
    # Dates stay the text that they are in the file: numpy reads many at once.
    plain = [type_coerce(column, String) if isinstance(column.type, Date) else column for column in columns]
    found = connection.execute(select(*plain).where(*conditions).order_by(*order))
    for rows in found.partitions(ROWS):
        values = zip(*rows, strict=True)
        yield {c.name: np.array(v, dtype=memory_type(c)) for c, v in zip(columns, values, strict=True)}


def _plain(column: Column[Any], values: NDArray[Any]) -> Iterable[Any]:
    """Give the values as SQLite's driver takes them."""
    if isinstance(column.type, Date):
        return list(np.datetime_as_string(values, unit="D").tolist())
    if isinstance(column.type, LargeBinary):
        return (value.tobytes() for value in values)
    return list(values.tolist())
