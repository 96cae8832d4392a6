"""Writing and reading many rows at once (binary COPY on Postgres, executemany on SQLite), or a few of any types."""

# Statements below are built from this package's own table and column names, never from data.
# ruff: noqa: S608

from __future__ import annotations

import io
import queue
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, Connection, Date, LargeBinary, String, Table, or_, select, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from rlpretrain.patterns.store.binary_copy import BLOCK_BYTES, HEADER, RowsFile, decode, row_type
from rlpretrain.patterns.store.columns import Columns, memory_type

__all__ = ["ROWS", "insert", "merge", "stage", "stream"]

ROWS = 65_536
"""Maximum number of rows in memory at once in a large read or write."""
_BLOCKS_HELD = 32
"""Blocks that a copy may be ahead of its reader."""


def insert(connection: Connection, table: Table, columns: Columns) -> None:
    """Insert new rows.

    Parameters
    ----------
    connection
        Connection in a transaction, which the caller commits.
    table
        Table with the types that `binary_copy` supports; no column may be NULL.
    columns
        Every column of `table`.
    """
    _insert(connection, table.name, list(table.columns), columns)


def stage(connection: Connection, table: Table, columns: Columns) -> Table:
    """Write rows to a temporary table with the columns of `table`; the caller drops it."""
    staging = table.to_metadata(type(table.metadata)(), name=f"staging_{table.name}")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE {staging.name} (LIKE {table.name} INCLUDING STORAGE) ON COMMIT DROP"
        )
    else:
        connection.exec_driver_sql(f"CREATE TEMP TABLE {staging.name} AS SELECT * FROM {table.name} WHERE 0")
    _insert(connection, staging.name, list(table.columns), columns)
    # Without these, the database may compare every row with every other.
    key = table.primary_key.columns.keys()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE {staging.name} ({key[1]})")
    else:
        connection.exec_driver_sql(
            f"CREATE INDEX temp.ix_{staging.name} ON {staging.name} ({', '.join(key[1:])})"
        )
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
    if order:
        # Read in the order of an index, because a sort would write everything to the disk first.
        connection.exec_driver_sql("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
    compiled = (
        select(*columns)
        .where(*conditions)
        .order_by(*order)
        .compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    )
    cursor: Any = connection.connection.cursor()
    query = f"COPY ({cursor.mogrify(compiled.string, compiled.params).decode()}) TO STDOUT (FORMAT binary)"
    # Rows are copied from the server while the previous ones are decoded; a slow or departed reader stops the copy.
    blocks = _Blocks()
    with ThreadPoolExecutor(1) as pool:
        copying = pool.submit(_copy_out, cursor, query, blocks)
        try:
            yield from _decoded(blocks, columns)
        except BaseException:
            connection.invalidate()  # The connection is in the middle of a copy.
            raise
        finally:
            blocks.leave()
        copying.result()


def merge(
    connection: Connection,
    table: Table,
    key: str,
    values: list[dict[str, Any]],
    *,
    minimum: str | None = None,
) -> None:
    """Insert a few rows of any types, or update those with the same key; equal rows are left alone.

    Parameters
    ----------
    key
        Names of the columns that identify a row, separated by blanks.
    minimum
        Column whose minimum wins: a row with a greater value does not replace a row with a smaller one, so
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
    if minimum is not None:
        condition = condition & (statement.excluded[minimum] <= table.c[minimum])
    connection.execute(
        statement.on_conflict_do_update(index_elements=key.split(), set_=rest, where=condition), values
    )


def _insert(connection: Connection, name: str, columns: list[Column[Any]], values: Columns) -> None:
    listed = ", ".join(column.name for column in columns)
    if connection.dialect.name == "postgresql":
        cursor: Any = connection.connection.cursor()
        copied = RowsFile(columns, values)
        cursor.copy_expert(f"COPY {name} ({listed}) FROM STDIN (FORMAT binary)", copied, size=BLOCK_BYTES)
        return
    holes = ", ".join("?" * len(columns))
    rows = list(zip(*(_plain(column, values[column.name]) for column in columns), strict=True))
    if rows:
        connection.exec_driver_sql(f"INSERT INTO {name} ({listed}) VALUES ({holes})", rows)


class _Blocks(io.RawIOBase):
    """A file that one thread writes and another reads block by block; it buffers few blocks."""

    def __init__(self) -> None:
        self._blocks: queue.Queue[bytes] = queue.Queue(_BLOCKS_HELD)
        self._left = False

    def writable(self) -> bool:
        return True

    def write(self, block: Any, /) -> int:
        if self._left:
            raise BrokenPipeError("the reader has stopped")
        self._blocks.put(bytes(block))
        return len(block)

    def end(self) -> None:
        """Signal the end of the file."""
        self._blocks.put(b"")

    def take(self) -> bytes:
        """Wait for the next block; empty at the end."""
        return self._blocks.get()

    def leave(self) -> None:
        """Stop reading; the writer gets an error when it writes next."""
        self._left = True
        with suppress(queue.Empty):
            while True:
                self._blocks.get_nowait()


def _copy_out(cursor: Any, query: str, blocks: _Blocks) -> None:
    try:
        with io.BufferedWriter(blocks, BLOCK_BYTES) as target:
            cursor.copy_expert(query, target)
    finally:
        blocks.end()


def _decoded(blocks: _Blocks, columns: Sequence[Column[Any]]) -> Iterator[Columns]:
    layout = row_type(columns)
    size = ROWS * layout.itemsize
    held = memoryview(
        bytearray(len(HEADER) + size + BLOCK_BYTES)
    )  # One buffer for all blocks, because allocating memory costs most.
    filled, skipped, ended = 0, len(HEADER), False
    while not ended:
        while filled - skipped < size and not ended:
            block = blocks.take()
            held[filled : filled + len(block)] = block
            filled += len(block)
            ended = not block
        count = min(ROWS, (filled - skipped) // layout.itemsize)  # The trailer follows the last row.
        if count > 0:
            yield decode(columns, np.frombuffer(held, dtype=layout, offset=skipped, count=count))
            used = skipped + count * layout.itemsize
            held[: filled - used] = bytes(held[used:filled])
            filled, skipped = filled - used, 0


def _stream_rows(
    connection: Connection,
    columns: Sequence[Column[Any]],
    conditions: Sequence[ColumnElement[bool]],
    order: Sequence[ColumnElement[Any]],
) -> Iterator[Columns]:
    # Dates are read as the text that SQLite stores, because numpy parses many at once.
    plain = [type_coerce(column, String) if isinstance(column.type, Date) else column for column in columns]
    found = connection.execute(select(*plain).where(*conditions).order_by(*order))
    for rows in found.partitions(ROWS):
        values = zip(*rows, strict=True)
        yield {c.name: np.array(v, dtype=memory_type(c)) for c, v in zip(columns, values, strict=True)}


def _plain(column: Column[Any], values: NDArray[Any]) -> Iterable[Any]:
    """Return the values in the form that SQLite's driver takes."""
    if isinstance(column.type, Date):
        return list(np.datetime_as_string(values, unit="D").tolist())
    if isinstance(column.type, LargeBinary):
        return (value.tobytes() for value in values)
    return list(values.tolist())
