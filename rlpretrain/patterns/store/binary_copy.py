"""Postgres's binary COPY format for rows of fixed length: numpy encodes and decodes many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, Date

from rlpretrain.patterns.store.columns import Columns, memory_type, wire_type

__all__ = ["HEADER", "TRAILER", "decode", "encode", "row_type"]

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Signature, no flags, no extension."""
TRAILER = b"\xff\xff"
_EPOCH = np.datetime64("2000-01-01", "D")
"""Day zero of a Postgres date."""


def row_type(columns: Sequence[Column[Any]]) -> np.dtype[np.void]:
    """Give the layout of one row: the number of fields, then each field's length and value."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for column in columns:
        fields += [(f"length {column.name}", ">i4"), (column.name, wire_type(column))]
    return np.dtype(fields)


def encode(columns: Sequence[Column[Any]], values: Columns) -> bytes:
    """Encode rows for ``COPY ... FROM STDIN (FORMAT binary)``."""
    layout = row_type(columns)
    rows = np.zeros(len(values[columns[0].name]), dtype=layout)
    rows["fields"] = len(columns)
    for column in columns:
        value = values[column.name]
        if isinstance(column.type, Date):
            value = (value.astype("datetime64[D]") - _EPOCH).astype(np.int32)
        rows[f"length {column.name}"] = layout[column.name].itemsize
        rows[column.name] = value
    return HEADER + rows.tobytes() + TRAILER


def decode(columns: Sequence[Column[Any]], rows: NDArray[np.void]) -> Columns:
    """Decode rows, of `row_type`, that ``COPY (...) TO STDOUT (FORMAT binary)`` gave; nothing is NULL."""
    values: Columns = {}
    for column in columns:
        value = rows[column.name]
        if isinstance(column.type, Date):
            values[column.name] = _EPOCH + value.astype("timedelta64[D]")
        else:
            values[column.name] = value.astype(memory_type(column))
    return values
