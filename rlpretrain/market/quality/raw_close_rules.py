"""Rules about raw closes, which decide where a symphony compares the level of a price."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import AssetSeries, Floats
from rlpretrain.market.quality.moves import log_moves
from rlpretrain.market.quality.rule import Found

__all__ = ["RAW_BACK", "RAW_JUMP", "raw_close_jump", "unknown_raw_close"]

RAW_JUMP, RAW_BACK = 0.05, 0.25
"""Jump of raw over adjusted close, and the share of it that may be left the day after. Those of splits and dividends
stay, and those of rounded prices are smaller."""


def unknown_raw_close(series: AssetSeries) -> Found:
    """Find raw closes that are no price, and bars that lack one after the first that has one."""
    if series.raw_close is None:
        return
    usable = _usable(series.raw_close)
    blank = np.isnan(series.raw_close)
    rows = np.flatnonzero(~usable & (~blank | np.logical_or.accumulate(usable)))
    if len(rows):
        first = rows[0]
        found = "no raw close" if blank[first] else f"raw close {series.raw_close[first]:g}"
        yield rows, f"{found} on {series.dates[first]}{_others(rows)}"


def raw_close_jump(series: AssetSeries, trusted: NDArray[np.bool_]) -> Found:
    """Find raw closes that jump against the adjusted ones and come back the next day."""
    if series.raw_close is None:
        return
    known = np.flatnonzero(_usable(series.raw_close))
    raw, close = series.raw_close[known], series.close[known]
    moves = log_moves(raw / close)
    back = np.abs(moves[:-1] + moves[1:]) <= RAW_BACK * np.abs(moves[:-1])
    places = np.flatnonzero((np.abs(moves[:-1]) >= RAW_JUMP) & back & ~trusted[known[:-1]])
    if len(places):
        first = places[0]
        yield (
            known[places],
            f"raw close {raw[first - 1]:g} to {raw[first]:g} on {series.dates[known[first]]} and back to "
            f"{raw[first + 1]:g}, while the adjusted close is {close[first - 1]:g}, {close[first]:g} and "
            f"{close[first + 1]:g}{_others(places)}",
        )


def _usable(raw: Floats) -> NDArray[np.bool_]:
    usable: NDArray[np.bool_] = np.isfinite(raw) & (raw > 0)
    return usable


def _others(rows: NDArray[np.intp]) -> str:
    return f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""
