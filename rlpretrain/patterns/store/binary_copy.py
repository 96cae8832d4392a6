"""Postgres's binary COPY format for rows of fixed length: numpy encodes and decodes many at once."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, Date

from rlpretrain.patterns.store.columns import Columns, memory_type, wire_type

__all__ = ["BLOCK_BYTES", "HEADER", "TRAILER", "RowsFile", "decode", "row_type"]

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Signature, no flags, no extension."""
TRAILER = b"\xff\xff"
BLOCK_BYTES = 1 << 20
"""Bytes of one block."""
_EPOCH = np.datetime64("2000-01-01", "D")
"""Day zero of a Postgres date."""


def row_type(columns: Sequence[Column[Any]]) -> np.dtype[np.void]:
    """Return the layout of one row: the number of fields, then each field's length and value."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for column in columns:
        fields += [(f"length {column.name}", ">i4"), (column.name, wire_type(column))]
    return np.dtype(fields)


class RowsFile(io.RawIOBase):
    """Rows as a file to read for ``COPY ... FROM STDIN (FORMAT binary)``.

    A block is encoded when it is requested, while the server still works on the previous one.
    """

    def __init__(self, columns: Sequence[Column[Any]], values: Columns) -> None:
        self._blocks = _encode(columns, values)

    def read(self, _size: int = -1, /) -> bytes:
        """Return the next block, of at most `BLOCK_BYTES`."""
        return next(self._blocks, b"")


def _encode(columns: Sequence[Column[Any]], values: Columns) -> Iterator[bytes]:
    layout = row_type(columns)
    count, step = len(values[columns[0].name]), BLOCK_BYTES // layout.itemsize
    rows = np.zeros(min(step, count), dtype=layout)
    rows["fields"] = len(columns)
    for column in columns:
        rows[f"length {column.name}"] = layout[column.name].itemsize
    yield HEADER
    for start in range(0, count, step):
        block = rows[: min(step, count - start)]
        for column in columns:
            value = values[column.name][start : start + step]
            if isinstance(column.type, Date):
                value = (value.astype("datetime64[D]") - _EPOCH).astype(np.int32)
            block[column.name] = value
        yield block.tobytes()
    yield TRAILER


def decode(columns: Sequence[Column[Any]], rows: NDArray[np.void]) -> Columns:
    """Decode rows of `row_type` from ``COPY (...) TO STDOUT (FORMAT binary)``; no value is NULL."""
    values: Columns = {column.name: np.empty(len(rows), dtype=memory_type(column)) for column in columns}
    step = (
        BLOCK_BYTES // rows.dtype.itemsize
    )  # Every column is read from a block while it is in the CPU cache.
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        for column in columns:
            value = block[column.name]
            if isinstance(column.type, Date):
                value = _EPOCH + value.astype("timedelta64[D]")
            values[column.name][start : start + step] = value
    return values
