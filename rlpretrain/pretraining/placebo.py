"""What the placebo learns from: what the library said, with the prices of another time."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlpretrain.features import ASSET, MARKET
from rlpretrain.pretraining.dataset_files import DataSet
from rlpretrain.runs.full_disk import naming_full_disks

__all__ = ["move_prices"]

_ROWS = 1 << 16


def move_prices(data: DataSet, share: float, folder: Path) -> DataSet:
    """Return patterns with the asset's and the market's numbers of another time.

    They are those of a later pattern of the same asset, going round at the end.

    Votes, position, label, weight and value stay together: a network learns from them what it would have learned
    anyway, as surely and as fast, but nothing of when prices rise.

    Parameters
    ----------
    share
        How far the numbers move, as a share of each asset's patterns.
    folder
        Where the moved states of a mapped data set are stored, in a file without a name that ends with them.

    Raises
    ------
    DiskFullError
        The folder's disk has no room for them.
    """
    source = np.arange(len(data))
    for asset in np.unique(data.assets):
        rows = np.flatnonzero(data.assets == asset)
        source[rows] = np.roll(rows, -round(share * len(rows)))
    states = _room_for(data.states, folder)
    for start in range(0, len(data), _ROWS):
        block = slice(start, start + _ROWS)
        moved = np.array(data.states[block])
        for numbers in (ASSET, MARKET):
            moved[:, numbers] = data.states[source[block], numbers]
        states[block] = moved
    return replace(data, states=states)


def _room_for(states: NDArray[np.float32], folder: Path) -> NDArray[np.float32]:
    """Return an empty array like these states, mapped from a file if they are."""
    if not isinstance(states, np.memmap):
        return np.empty_like(states)
    with naming_full_disks(folder / "moved states"), tempfile.TemporaryFile(dir=folder) as file:
        # Otherwise a full disk would end the process by a signal when the array is filled.
        os.posix_fallocate(file.fileno(), 0, states.nbytes)
        return np.memmap(file, np.float32, mode="w+", shape=states.shape)
