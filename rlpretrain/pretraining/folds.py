"""Purged walk-forward folds: train on the past, validate on what follows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError

__all__ = ["purged_folds"]

Rows = NDArray[np.intp]


def purged_folds(
    dates: NDArray[np.datetime64], settled: NDArray[np.datetime64], count: int
) -> list[tuple[Rows, Rows]]:
    """Split time into `count` + 1 blocks of equally many days; each except the first validates a fit on earlier ones.

    A row belongs to a fold's training part if it was decided *and settled* before the fold's block begins (López de
    Prado 2018, ch. 7, with an expanding window), and to its validation part if it was settled before the next block
    begins. So neither the weight nor the value of a training row depends on a day of validation, except through the
    scale of rewards, one number that the whole training window shares.

    Parameters
    ----------
    dates, settled
        (n,) day of each row's decision, and day on which its outcome was known.
    count
        Number of folds.

    Returns
    -------
    list of (train, validation)
        Positions of rows, ascending.

    Raises
    ------
    DataError
        There are too few days, or a fold has no row on one side.
    """
    days = np.unique(dates)
    if count < 1 or len(days) < 2 * (count + 1):
        raise DataError(f"{len(days)} days are too few for {count} folds", hint="ask for fewer folds")
    blocks = [part[0] for part in np.array_split(days, count + 1)]
    ends = [*blocks[2:], np.datetime64(settled.max()) + 1]
    folds = []
    for number, (start, end) in enumerate(zip(blocks[1:], ends, strict=True), start=1):
        train = np.flatnonzero((dates < start) & (settled < start))
        validation = np.flatnonzero((dates >= start) & (dates < end) & (settled < end))
        if not len(train) or not len(validation):
            raise DataError(
                f"fold {number} has {len(train)} rows to train on and {len(validation)} to validate on",
                hint="ask for fewer folds",
            )
        folds.append((train, validation))
    return folds
