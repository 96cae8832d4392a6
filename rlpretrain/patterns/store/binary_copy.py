"""Postgres's binary COPY format for rows of fixed length: numpy encodes all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import REAL, Boolean, Column, Date, Double, Integer, LargeBinary, SmallInteger, Text, types

from rlpretrain.errors import DataError
from rlpretrain.patterns.store.rows import Columns

__all__ = ["TEXT_WIDTH", "decode", "encode", "memory_type"]

TEXT_WIDTH = 32
"""Longest text, which is a ticker; on the wire texts are padded with blanks to this width."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Signature, no flags, no extension."""
_TRAILER = b"\xff\xff"
_EPOCH = np.datetime64("2000-01-01", "D")
"""Day zero of a Postgres date."""

_FORMS: tuple[tuple[type[types.TypeEngine[Any]], str, str], ...] = (
    (SmallInteger, ">i2", "i2"),
    (Integer, ">i4", "i4"),
    (REAL, ">f4", "f4"),
    (Double, ">f8", "f8"),
    (Boolean, "u1", "?"),
    (Date, ">i4", "datetime64[D]"),
    (Text, f"S{TEXT_WIDTH}", "U"),
    (LargeBinary, "V256", "V256"),
)
"""SQL type -> its form on the wire and in memory; the first that fits counts."""


def encode(columns: Sequence[Column[Any]], values: Columns) -> bytes:
    """Encode rows for ``COPY ... FROM STDIN (FORMAT binary)``.

    Raises
    ------
    DataError
        A text is longer than `TEXT_WIDTH` or not ASCII.
    """
    layout = _layout(columns)
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
    return _HEADER + rows.tobytes() + _TRAILER


def decode(columns: Sequence[Column[Any]], copied: memoryview) -> Columns:
    """Decode what ``COPY (...) TO STDOUT (FORMAT binary)`` gave; texts come padded, nothing is NULL."""
    layout = _layout(columns)
    count = (len(copied) - len(_HEADER) - len(_TRAILER)) // layout.itemsize
    rows = np.frombuffer(copied, dtype=layout, offset=len(_HEADER), count=count)
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
            values[column.name] = value.astype(memory_type(column))
    return values


def memory_type(column: Column[Any]) -> str:
    """Give the numpy type of a column's values."""
    return _forms(column)[1]


def _forms(column: Column[Any]) -> tuple[str, str]:
    return next((wire, memory) for kind, wire, memory in _FORMS if isinstance(column.type, kind))


def _layout(columns: Sequence[Column[Any]]) -> np.dtype[np.void]:
    """Give the layout of one row: the number of fields, then each field's length and value."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for column in columns:
        fields += [(f"length {column.name}", ">i4"), (column.name, _forms(column)[0])]
    return np.dtype(fields)


def _padded(texts: NDArray[np.str_]) -> NDArray[np.bytes_]:
    unique, inverse = np.unique(texts, return_inverse=True)
    for text in unique.tolist():
        if len(text) > TEXT_WIDTH or not text.isascii():
            raise DataError(f"{text!r} is not a ticker of at most {TEXT_WIDTH} ASCII characters")
    padded = [text.ljust(TEXT_WIDTH).encode("ascii") for text in unique.tolist()]
    return np.array(padded, dtype=f"S{TEXT_WIDTH}")[inverse]
