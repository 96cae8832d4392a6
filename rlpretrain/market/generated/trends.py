"""The planted rule: trends that persist for months and then turn."""

from __future__ import annotations

import numpy as np

from rlpretrain.market.generated.assets import MIRROR
from rlpretrain.market.generated.streams import stream
from rlpretrain.market.panel import Floats

__all__ = ["trend_path"]

_SHORTEST, _LONGEST = 60, 100
"""Bounds of a trend's length in the asset's own bars."""

_NO_TREND = ("cash",)
"""Groups without a trend: bills move too little for any strategy on them to survive costs."""


def trend_path(seed: int, group: str, days: int) -> Floats:
    """Return the direction of a group's trend on each day, (days,): +1 or -1; zero for cash.

    Rises and falls alternate, each lasting 60 to 100 bars: long enough that a 20-day average or return shows
    the direction at the close, and so regular that holding through a rise and a fall earns nothing on
    average.
    """
    if group in _NO_TREND:
        return np.zeros(days)
    if group in MIRROR:
        return -trend_path(seed, MIRROR[group], days)
    rng = stream(seed, "trend", group)
    count = days // _SHORTEST + 2
    lengths = rng.integers(_SHORTEST, _LONGEST, size=count, endpoint=True)
    # Part of the first trend has already passed, so that groups do not turn together.
    lengths[0] -= int(stream(seed, "offset", group).integers(0, _SHORTEST))
    first = 1.0 if stream(seed, "direction", group).random() < 0.5 else -1.0
    signs = first * np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    return np.repeat(signs, lengths)[:days]
