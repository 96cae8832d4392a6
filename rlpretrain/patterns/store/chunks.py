"""Cutting a stream of rows at suitable places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from rlpretrain.errors import DataError
from rlpretrain.patterns.store import bulk
from rlpretrain.patterns.store.columns import Columns

__all__ = ["whole_steps"]


def whole_steps(parts: Iterable[Columns], axis: str) -> Iterator[Columns]:
    """Cut rows into chunks of about `bulk.ROWS`, so that rows with equal values of a column stay together.

    Parameters
    ----------
    parts
        Rows ordered by `axis`, cut anywhere.
    axis
        Column, for example the date.

    Raises
    ------
    DataError
        The rows are not ordered.
    """
    pending: Columns | None = None
    for part in parts:
        pending = (
            part
            if pending is None
            else {name: np.concatenate([column, part[name]]) for name, column in pending.items()}
        )
        values = pending[axis]
        if (values[1:] < values[:-1]).any():
            raise DataError(f"rows to store are not ordered by {axis}")
        while len(values) > bulk.ROWS:
            cut = np.searchsorted(values, values[bulk.ROWS], side="left")
            if cut == 0:
                cut = np.searchsorted(values, values[0], side="right")
            if cut == len(values):
                break  # This step may continue in the next part.
            yield {name: column[:cut] for name, column in pending.items()}
            pending = {name: column[cut:] for name, column in pending.items()}
            values = pending[axis]
    if pending is not None and len(pending[axis]):
        yield pending
