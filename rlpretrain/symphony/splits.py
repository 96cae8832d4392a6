"""How filters and inverse-volatility nodes split between their children, for all days at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.compiled import compiled
from rlpretrain.symphony.nodes import Filter, InverseVolatility

__all__ = ["Split", "divide"]


class Split(NamedTuple):
    """The fraction that each of m children gets."""

    fractions: Floats
    """(m, T), 0 before `start`."""
    start: int
    """First row on which it can be decided."""


def divide(node: Filter | InverseVolatility, values: Floats, start: int, stop: int) -> Floats:
    """Split each day from `start` to `stop` between m children by their values (m, T); the fractions are (m, T)."""
    if isinstance(node, Filter):
        return _select(values, node.count, node.highest, start, stop)
    return _inverse(values, start, stop)


@compiled
def _select(values: Floats, count: int, highest: bool, start: int, stop: int) -> Floats:
    """Split equally among the `count` highest or lowest values.

    Ties go to the first in order; NaN is never selected.
    """
    m, days = values.shape
    out = np.zeros((m, days))
    best, place = np.empty(min(count, m)), np.empty(min(count, m), np.intp)
    for t in range(start, stop):
        chosen = 0
        for j in range(m):
            value = values[j, t] if highest else -values[j, t]
            if np.isnan(value):
                continue
            if chosen < len(best):
                chosen += 1
            elif not value > best[chosen - 1]:
                continue
            k = chosen - 1
            while k > 0 and value > best[k - 1]:
                best[k], place[k] = best[k - 1], place[k - 1]
                k -= 1
            best[k], place[k] = value, j
        for k in range(chosen):
            out[place[k], t] = 1.0 / chosen
    return out


@compiled
def _inverse(deviations: Floats, start: int, stop: int) -> Floats:
    """Split in proportion to 1 / deviation; children that did not move take everything, equally.

    On days on which a deviation is NaN nobody gets anything.
    """
    m, days = deviations.shape
    out = np.zeros((m, days))
    for t in range(start, stop):
        still, total = 0, 0.0
        for j in range(m):
            if deviations[j, t] == 0.0:
                still += 1
            else:
                total += 1.0 / deviations[j, t]  # NaN if one of them is.
        if np.isnan(total):
            continue
        for j in range(m):
            if still > 0:
                out[j, t] = 1.0 / still if deviations[j, t] == 0.0 else 0.0
            elif total > 0.0:
                out[j, t] = 1.0 / deviations[j, t] / total
    return out
