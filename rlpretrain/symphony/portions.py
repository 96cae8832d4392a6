"""Handing a node's portion, the days on which it is active and its weights on them, to its children.

A tree is walked node by node, mostly with few days at a time, so each of these is one compiled pass.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.compiled import compiled

__all__ = ["Portion", "branches", "hold", "selected"]

Portion = tuple[NDArray[np.intp], Floats]
"""Rows of the days (k,), ascending, and the weight on each (k,)."""


@compiled
def branches(rows: NDArray[np.intp], weight: Floats, holds: NDArray[np.bool_]) -> tuple[Portion, Portion]:
    """Return the portions of the branch where a condition holds (T,) and of the other one."""
    count = 0
    for row in rows:
        count += holds[row]
    then, other = np.empty(count, np.intp), np.empty(len(rows) - count, np.intp)
    then_weight, other_weight = np.empty(count), np.empty(len(rows) - count)
    met = missed = 0
    for i in range(len(rows)):
        if holds[rows[i]]:
            then[met], then_weight[met] = rows[i], weight[i]
            met += 1
        else:
            other[missed], other_weight[missed] = rows[i], weight[i]
            missed += 1
    return (then, then_weight), (other, other_weight)


def selected(rows: NDArray[np.intp], weight: Floats, fractions: Floats) -> list[Portion]:
    """Return the portions of m children by their fractions (m, T), each of the days on which it is not zero."""
    active, shares, ends = _shares(rows, weight, fractions)
    return [(active[start:end], shares[start:end]) for start, end in pairwise((0, *ends.tolist()))]


@compiled
def _shares(
    rows: NDArray[np.intp], weight: Floats, fractions: Floats
) -> tuple[NDArray[np.intp], Floats, NDArray[np.intp]]:
    """Return the children's rows and weights, one child after another, and where each of them ends (m,)."""
    children = len(fractions)
    ends = np.zeros(children, np.intp)
    count = 0
    for j in range(children):
        for row in rows:
            count += fractions[j, row] > 0.0
        ends[j] = count
    active, shares = np.empty(count, np.intp), np.empty(count)
    count = 0
    for j in range(children):
        for i in range(len(rows)):
            fraction = fractions[j, rows[i]]
            if fraction > 0.0:
                active[count], shares[count] = rows[i], weight[i] * fraction
                count += 1
    return active, shares, ends


@compiled
def hold(
    wanted: Floats,
    signature: NDArray[np.uint64],
    start: int,
    column: int,
    mark: np.uint64,
    rows: NDArray[np.intp],
    weight: Floats,
) -> None:
    """Add a leaf's portion to the weights (D, n) and its mark to the signatures (D,); both begin at row `start`."""
    for i in range(len(rows)):
        wanted[rows[i] - start, column] += weight[i]
        signature[rows[i] - start] ^= mark
