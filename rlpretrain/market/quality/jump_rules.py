"""Rules about jumps of the close: missing splits, moves that nothing makes, and jumps undone the next day.

What leaves bars out judges a bar by itself and by those before it. A break lasts until the price comes back as abruptly
as it left, so that a single wrong bar costs one bar; a split that the file lacks is never undone, and then the prices
after it have another unit than those before.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import AssetSeries, Floats
from rlpretrain.market.quality.moves import largest_moves, log_moves, typical_moves, unchanged_share
from rlpretrain.market.quality.rule import Found

__all__ = [
    "FACTORS",
    "GREATEST_MOVE",
    "MOST_BREAKS",
    "impossible_move",
    "missing_split",
    "possible_split",
    "undone_jump",
]

Booleans = NDArray[np.bool_]

_NAMED_BREAKS = 3

FACTORS = (1.5, 2, 3, 4, 5, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100)
"""Ratios of splits and, inverted, of reverse splits."""
CLOSE, SIGMAS = 0.1, 3.0
"""A split's day may differ from the ratio by three typical moves, but not by more than 10 %."""
WITH_RANGE, ALONE = 12.0, 25.0
"""Typical moves that the ratio is worth, where the day's range tells a split from a fall, and for a close alone."""
CALM = 5.0
"""Times the largest move of the last 20 bars that the ratio is worth: after a storm a fall is a fall."""
STILL = 0.75
"""Share of the last 20 closes that may be those of the day before: where nobody trades, the next trade is a jump."""
NARROW = 0.25
"""Share of the jump that the range of the day may have: a split leaves the day itself as it was."""
POSSIBLE_WITH_RANGE, POSSIBLE_ALONE, POSSIBLE_SIGMAS = 8.0, 15.0, 1.5
"""The same for jumps that are only named: what an author of the file should look up."""
GREATEST_MOVE = 20.0
"""Factor of a day's move that no asset is believed to make."""
UNDONE_WITHIN, COME_BACK, ABRUPT = 250, 0.25, 0.3
"""A break is undone within so many bars by a close nearer to the last good one than this share of the jump, after a
move of at least that share."""
MOST_BREAKS = 50
"""Breaks of a ticker that may be undone; the next one is taken to last, as a price that breaks so often is none."""
UNDONE_JUMP, UNDONE_SIGMAS = 0.05, 10.0


def missing_split(series: AssetSeries, trusted: Booleans) -> Found:
    """Find the bars after a jump that is a split's ratio and nothing that the ticker would do by itself."""
    if not series.crypto:
        yield from _broken(series, trusted, _splits, "a split's ratio")


def impossible_move(series: AssetSeries, trusted: Booleans) -> Found:
    """Find the bars after a move that no asset makes in a day."""
    yield from _broken(series, trusted, _impossible, "no move of a day")


def possible_split(series: AssetSeries, trusted: Booleans) -> Found:
    """Find jumps near a split's ratio that may as well be a fall or a rise."""
    if series.crypto or not _may_jump(series):
        return
    moves = log_moves(series.close)
    typical, (ratio, rest) = typical_moves(moves), _nearest_split(moves)
    has_range, quiet = _has_range(series), _quiet(series, ratio, typical)
    size = np.where(has_range, np.where(quiet, POSSIBLE_WITH_RANGE, np.inf), POSSIBLE_ALONE)
    near = np.abs(rest) <= np.where(has_range, 1.0, POSSIBLE_SIGMAS / SIGMAS) * _allowed(typical)
    doubted = near & (np.abs(ratio) >= size * typical) & _abnormal(moves, ratio) & ~_splits(series) & ~trusted
    for row in np.flatnonzero(doubted):
        yield (
            np.array([row]),
            f"{_step(series, row)} is near {_in_words(ratio[row])}, and may be a split that is not adjusted for",
        )


def undone_jump(series: AssetSeries, trusted: Booleans) -> Found:
    """Find jumps that the next day undoes."""
    moves = log_moves(series.close)
    undone = np.abs(moves[:-1] + moves[1:]) <= COME_BACK * np.abs(moves[:-1])
    doubted = np.flatnonzero(undone & (np.abs(moves[:-1]) >= UNDONE_JUMP))
    if not len(doubted):
        return
    typical = typical_moves(moves)
    for row in doubted[(np.abs(moves[doubted]) >= UNDONE_SIGMAS * typical[doubted]) & ~trusted[doubted]]:
        yield (
            np.array([row]),
            f"{_step(series, row)} is undone the next day, {series.close[row + 1]:g}",
        )


def _splits(series: AssetSeries) -> Booleans:
    """Return at which bars a missing split begins, (n,)."""
    moves = log_moves(series.close)
    typical, (ratio, rest) = typical_moves(moves), _nearest_split(moves)
    size = np.where(_has_range(series), np.where(_quiet(series, ratio, typical), WITH_RANGE, np.inf), ALONE)
    near = np.abs(rest) <= _allowed(typical)
    begins: Booleans = near & (np.abs(ratio) >= size * typical) & _abnormal(moves, ratio)
    return begins


def _allowed(typical: Floats) -> Floats:
    """Return how much a move may differ from a split's ratio, (n,)."""
    allowed: Floats = np.minimum(SIGMAS * typical, CLOSE)
    return allowed


def _quiet(series: AssetSeries, ratio: Floats, typical: Floats) -> Booleans:
    """Return at which bars the open has moved by the ratio, and the range is that of a usual day, (n,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.log(series.open / np.r_[np.nan, series.close[:-1]])
        narrow = np.log(series.high / series.low) <= NARROW * np.abs(ratio)
    quiet: Booleans = narrow & (np.abs(gap - ratio) <= _allowed(typical))
    return quiet


def _impossible(series: AssetSeries) -> Booleans:
    """Return at which bars a close that moves does so as no close does, (n,)."""
    moves = log_moves(series.close)
    impossible: Booleans = (np.abs(moves) >= np.log(GREATEST_MOVE)) & (unchanged_share(moves) <= STILL)
    return impossible


def _broken(
    series: AssetSeries, trusted: Booleans, begins: Callable[[AssetSeries], Booleans], what: str
) -> Found:
    """Yield the bars of all breaks together; each break is looked for without the bars of those before."""
    if not _may_jump(series):
        return
    out = np.zeros(len(series), dtype=bool)
    breaks: list[str] = []
    while not out[-1]:
        kept = np.flatnonzero(~out)
        starts = kept[begins(series.take(~out)) & ~trusted[kept]]
        if not len(starts):
            break
        start = int(starts[0])
        before = float(series.close[kept[np.searchsorted(kept, start) - 1]])
        stop = _undone(series.close, start, before) if len(breaks) < MOST_BREAKS else len(series)
        out[start:stop] = True
        end = f"until {series.dates[stop]}" if stop < len(series) else "and not undone"
        breaks.append(
            f"close {before:g} to {series.close[start]:g} on {series.dates[start]} is {what}, {end}"
        )
    if breaks:
        more = len(breaks) - _NAMED_BREAKS
        others = [f"{more:,} more such break{'s' if more > 1 else ''}"] if more > 0 else []
        yield np.flatnonzero(out), "; ".join([*breaks[:_NAMED_BREAKS], *others])


def _undone(close: Floats, start: int, before: float) -> int:
    """Return the first bar after a break that is back at the level before it; the number of bars if there is none."""
    last = min(start + UNDONE_WITHIN + 1, len(close))
    jump = abs(np.log(close[start] / before))
    level = np.abs(np.log(close[start + 1 : last] / before)) <= COME_BACK * jump
    abrupt = np.abs(np.diff(np.log(close[start:last]))) >= ABRUPT * jump
    back = np.flatnonzero(level & abrupt)
    return start + 1 + int(back[0]) if len(back) else len(close)


def _may_jump(series: AssetSeries) -> bool:
    """Return whether any move is as large as the smallest split, which most tickers' never are."""
    return len(series) > 1 and bool(np.nanmax(np.abs(log_moves(series.close))) >= np.log(FACTORS[0]) - CLOSE)


def _nearest_split(moves: Floats) -> tuple[Floats, Floats]:
    """Return the logarithm of the split's ratio nearest to each move, and what the move has beside it, (n,) each."""
    logs = np.log(FACTORS)
    ratios = np.r_[-logs, logs]
    nearest = ratios[np.argmin(np.abs(np.nan_to_num(moves)[:, None] - ratios), axis=1)]
    return nearest, moves - nearest


def _abnormal(moves: Floats, ratio: Floats) -> Booleans:
    """Return where a ratio stands out from recent moves of a price that moves, (n,)."""
    return (np.abs(ratio) >= CALM * largest_moves(moves)) & (unchanged_share(moves) <= STILL)


def _has_range(series: AssetSeries) -> Booleans:
    return np.isfinite(series.open) & np.isfinite(series.high) & np.isfinite(series.low)


def _step(series: AssetSeries, row: np.intp) -> str:
    return f"close {series.close[row - 1]:g} to {series.close[row]:g} on {series.dates[row]}"


def _in_words(ratio: float) -> str:
    factor = np.exp(abs(ratio))
    pair = ("3", "2") if factor < 1.75 else (f"{factor:.0f}", "1")
    return ":".join(pair if ratio < 0 else pair[::-1])
