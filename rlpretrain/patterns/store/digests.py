"""Digests that show whether two tables contain the same rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RowsDigest"]


class RowsDigest:
    """SHA-256 of a table's columns, added in parts; it depends on the order of rows, but not on the parts."""

    def __init__(self) -> None:
        self._columns: dict[str, Any] = {}
        self.rows = 0

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Add rows, given as columns of the same names and types each time; texts must not contain line feeds."""
        for name, values in columns.items():
            column = self._columns.setdefault(name, hashlib.sha256())
            if values.dtype.kind == "U":
                column.update("".join(f"{text}\n" for text in values.tolist()).encode())
            elif values.dtype.kind == "M":
                column.update(values.astype("datetime64[D]").astype("<i8").data)
            else:
                column.update(np.ascontiguousarray(values).view(np.uint8).data)
        self.rows += len(next(iter(columns.values())))

    def hexdigest(self) -> str:
        """Return the digest of all rows added to date."""
        whole = hashlib.sha256(str(self.rows).encode())
        for name in sorted(self._columns):
            whole.update(name.encode() + self._columns[name].digest())
        return whole.hexdigest()
