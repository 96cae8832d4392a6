"""Many rows at once: binary COPY on Postgres, one executemany on SQLite; both upsert on the primary key."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    REAL,
    Boolean,
    Column,
    Connection,
    Date,
    Double,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    Table,
    Text,
    cast,
    types,
)

from rlpretrain.errors import DataError
from rlpretrain.patterns.store.rows import Columns

__all__ = ["read", "upsert"]

_CHUNK = 65_536
"""Rows encoded at once; bounds the memory of a large write."""
_TEXT_WIDTH = 32
"""Longest text in bulk rows, which are tickers; on the wire they are padded, so that every row has one length."""
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Header of a binary COPY, without flags or extension."""
_END = b"\xff\xff"
_EPOCH = np.datetime64("2000-01-01", "D")
"""Day zero of a Postgres date."""

_WIRE: tuple[tuple[type[types.TypeEngine[Any]], str, str], ...] = (
    (SmallInteger, ">i2", "i2"),
    (Integer, ">i4", "i4"),
    (REAL, ">f4", "f4"),
    (Double, ">f8", "f8"),
    (Boolean, "u1", "?"),
    (Date, ">i4", "datetime64[D]"),
    (Text, f"S{_TEXT_WIDTH}", "U"),
    (LargeBinary, "V256", "V256"),
)
"""SQL type -> its form in a binary COPY, and in memory. The first that fits counts."""


def upsert(connection: Connection, table: Table, columns: Columns) -> None:
    """Insert rows, or replace those with the same primary key.

    Parameters
    ----------
    connection
        In a transaction, which the caller commits.
    columns
        Every column of `table`; no two rows with the same key.

    Raises
    ------
    DataError
        A text is no ticker: longer than 32 characters, or not ASCII.
    """
    names = [column.name for column in table.columns]
    rows = len(columns[names[0]])
    listed = ", ".join(names)
    # The names below are this package's own table and column names.
    if connection.dialect.name == "postgresql":
        staging = f"staging_{table.name}"
        cursor = connection.connection.cursor()
        cursor.execute(f"CREATE TEMP TABLE {staging} (LIKE {table.name}) ON COMMIT DROP")
        for column in table.columns:
            if isinstance(column.type, Text):
                cursor.execute(f"ALTER TABLE {staging} ALTER {column.name} TYPE char({_TEXT_WIDTH})")
        for start in range(0, rows, _CHUNK):
            part = {name: columns[name][start : start + _CHUNK] for name in names}
            copied = io.BytesIO(_SIGNATURE + _encode(table.columns, part) + _END)
            cursor.copy_expert(f"COPY {staging} ({listed}) FROM STDIN (FORMAT binary)", copied)  # type: ignore[attr-defined]
        # One order for all writers, so that two of them can't wait for each other.
        key = ", ".join(column.name for column in table.primary_key)
        cursor.execute(
            f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {staging} ORDER BY {key} {_on_conflict(table)}"  # noqa: S608
        )
        cursor.execute(f"DROP TABLE {staging}")
    else:
        holes = ", ".join("?" * len(names))
        statement = f"INSERT INTO {table.name} ({listed}) VALUES ({holes}) {_on_conflict(table)}"  # noqa: S608
        for start in range(0, rows, _CHUNK):
            part = [_python(column, columns[column.name][start : start + _CHUNK]) for column in table.columns]
            connection.exec_driver_sql(statement, list(zip(*part, strict=True)))


def read(connection: Connection, statement: Select[Any]) -> Columns:
    """Run a query and give its columns as arrays, rows in no particular order.

    Parameters
    ----------
    statement
        Of columns without NULL, of the types that bulk tables have.
    """
    selected = list(statement.selected_columns)
    if connection.dialect.name == "postgresql":
        padded = [cast(c, types.CHAR(_TEXT_WIDTH)) if isinstance(c.type, Text) else c for c in selected]
        compiled = statement.with_only_columns(*padded).compile(
            dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
        )
        cursor = connection.connection.cursor()
        query = cursor.mogrify(compiled.string, compiled.params).decode()  # type: ignore[attr-defined]
        copied = io.BytesIO()
        cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", copied)  # type: ignore[attr-defined]
        return _decode(selected, copied.getbuffer())
    rows = connection.execute(statement).all()
    values = list(zip(*rows, strict=True)) if rows else [()] * len(selected)
    return {c.name: np.array(v, dtype=_memory(c)) for c, v in zip(selected, values, strict=True)}


def _on_conflict(table: Table) -> str:
    key = [column.name for column in table.primary_key]
    rest = ", ".join(f"{c.name} = excluded.{c.name}" for c in table.columns if c.name not in key)
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {rest}"


def _forms(column: Column[Any]) -> tuple[str, str]:
    return next((wire, memory) for kind, wire, memory in _WIRE if isinstance(column.type, kind))


def _memory(column: Column[Any]) -> str:
    return _forms(column)[1]


def _record(columns: Iterable[Column[Any]]) -> np.dtype[np.void]:
    """Give the layout of one row: the number of fields, then each field's length and value."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for column in columns:
        fields += [(f"length {column.name}", ">i4"), (column.name, _forms(column)[0])]
    return np.dtype(fields)


def _encode(columns: Iterable[Column[Any]], values: Columns) -> bytes:
    columns = list(columns)
    layout = _record(columns)
    rows = np.zeros(len(values[columns[0].name]), dtype=layout)
    rows["fields"] = len(columns)
    for column in columns:
        value = values[column.name]
        if isinstance(column.type, Date):
            value = (value.astype("datetime64[D]") - _EPOCH).astype(np.int32)
        elif isinstance(column.type, Text):
            value = _padded(value)
        rows[f"length {column.name}"] = layout[column.name].itemsize
        rows[column.name] = value
    return rows.tobytes()


def _decode(columns: list[Column[Any]], copied: memoryview) -> Columns:
    layout = _record(columns)
    start = len(_SIGNATURE)
    rows = np.frombuffer(copied, dtype=layout, offset=start, count=(len(copied) - start) // layout.itemsize)
    values: Columns = {}
    for column in columns:
        value = rows[column.name]
        if isinstance(column.type, Date):
            values[column.name] = _EPOCH + value.astype("timedelta64[D]")
        elif isinstance(column.type, Text):
            texts, inverse = np.unique(value, return_inverse=True)
            names = [text.decode("ascii").rstrip(" ") for text in texts.tolist()]
            values[column.name] = np.array(names, dtype=np.str_)[inverse]
        else:
            values[column.name] = value.astype(_memory(column))
    return values


def _padded(texts: NDArray[np.str_]) -> NDArray[np.bytes_]:
    unique, inverse = np.unique(texts, return_inverse=True)
    for text in unique.tolist():
        if len(text) > _TEXT_WIDTH or not text.isascii():
            raise DataError(f"{text!r} is not a ticker of at most {_TEXT_WIDTH} ASCII characters")
    padded = [text.ljust(_TEXT_WIDTH).encode("ascii") for text in unique.tolist()]
    return np.array(padded, dtype=f"S{_TEXT_WIDTH}")[inverse]


def _python(column: Column[Any], values: NDArray[Any]) -> Iterator[Any]:
    """Give the values as SQLite's driver takes them."""
    if isinstance(column.type, Date):
        return iter(np.datetime_as_string(values, unit="D").tolist())
    if isinstance(column.type, LargeBinary):
        return (value.tobytes() for value in values)
    return iter(values.tolist())
