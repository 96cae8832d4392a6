"""Tables in memory, as one array for each column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import REAL, Boolean, Column, Date, Double, Integer, LargeBinary, SmallInteger, types

__all__ = ["Columns", "calendar_day", "joined", "memory_type", "wire_type"]

Columns: TypeAlias = dict[str, NDArray[Any]]
"""Arrays by column name, of equal length: int16, int32, float32, float64, bool, datetime64[D], or bytes of
fixed length as void."""

_FORMS: tuple[tuple[type[types.TypeEngine[Any]], str, str], ...] = (
    (SmallInteger, ">i2", "i2"),
    (Integer, ">i4", "i4"),
    (REAL, ">f4", "f4"),
    (Double, ">f8", "f8"),
    (Boolean, "u1", "?"),
    (Date, ">i4", "datetime64[D]"),
    (LargeBinary, "V256", "V256"),
)
"""SQL type -> its form in Postgres's protocol and in memory; the first match counts."""


def memory_type(column: Column[Any]) -> str:
    """Return the numpy type of a column's values."""
    return _forms(column)[1]


def wire_type(column: Column[Any]) -> str:
    """Return the numpy type of a column's values in binary COPY."""
    return _forms(column)[0]


def calendar_day(day: np.datetime64) -> dt.date:
    """Return a day in the form that the databases' drivers take."""
    return dt.date.fromisoformat(str(day.astype("datetime64[D]")))


def joined(parts: Sequence[Columns], columns: Sequence[Column[Any]]) -> Columns:
    """Join parts with equal columns; without parts there are no rows."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return {column.name: np.array([], dtype=memory_type(column)) for column in columns}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _forms(column: Column[Any]) -> tuple[str, str]:
    return next((wire, memory) for kind, wire, memory in _FORMS if isinstance(column.type, kind))
