"""How far decisions were from turning, for all days at once.

A decision turns when the difference of two operands crosses zero: of both sides of a comparison, or of the last child
that a filter selects and the first that it does not. The size of the difference is therefore the distance, and it is
measured in two units that can be compared between rules: in standard deviations of the difference's daily change, and
in standard deviations of the error that the noise of closes causes in it. Every figure of a day uses only days up to
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.compiled import compiled

__all__ = [
    "CLOSE_NOISE",
    "WINDOW",
    "Contest",
    "Distance",
    "compound_distance",
    "noise_of",
    "trailing_deviation",
]

WINDOW = 63
"""Daily changes from which a deviation is computed, a quarter of a year up to the day itself."""
_FEWEST = 21
"""Known changes below which a deviation is unknown."""

CLOSE_NOISE = 0.3e-4
"""Standard deviation of the difference between two vendors' closes of one asset and day, as a fraction."""


@dataclass(frozen=True)
class Distance:
    """Distances of one decision from turning, (T,) each; 0 exactly where the operands are equal, NaN if unknown."""

    deviations: NDArray[np.float32]
    """In standard deviations of the daily change of the operands' difference; infinite if it did not change."""
    noise: NDArray[np.float32]
    """In standard deviations of the error that `CLOSE_NOISE` on every close causes in the difference."""

    @classmethod
    def of(cls, difference: Floats, deviation: Floats, noise: Floats) -> Distance:
        """Divide the size of a difference by its daily deviation and by its noise, all (T,)."""
        return cls(_ratio(difference, deviation), _ratio(difference, noise))

    @classmethod
    def never(cls, days: int) -> Distance:
        """Return the distance of a decision that no prices can turn."""
        infinite = np.full(days, np.inf, np.float32)
        return cls(infinite, infinite)


def compound_distance(every: bool, holds: NDArray[np.bool_], parts: Sequence[Distance]) -> Distance:
    """Combine the distances of the parts of a condition that joins them by all (`every`) or any.

    One true part decides an `any`, and one false part an `all`: all parts that decide must turn for the whole to turn,
    so that it is no nearer than the farthest of them. Where no part decides, the nearest part alone turns the whole.
    With k parts, every change that turns the whole moves at least one part by at least this distance.

    Parameters
    ----------
    every
        Whether all parts must hold.
    holds
        (k, T) whether each part holds.
    parts
        k distances.
    """
    deciding = holds != every
    decided = deciding.any(axis=0)

    def combine(distances: NDArray[np.float32]) -> NDArray[np.float32]:
        farthest = np.where(deciding, distances, np.float32(-np.inf)).max(axis=0)
        return np.asarray(np.where(decided, farthest, distances.min(axis=0)), np.float32)

    return Distance(
        combine(np.stack([part.deviations for part in parts])),
        combine(np.stack([part.noise for part in parts])),
    )


@compiled
def trailing_deviation(changes: Floats) -> Floats:
    """Compute the root mean square of the known changes among the last 63, (T,); NaN where fewer than 21 are known.

    It is taken about zero: a difference that grows steadily by 1 a day moves by 1 a day.
    """
    days = len(changes)
    out = np.full(days, np.nan)
    # Sums run forwards only, so that no day depends on what follows it.
    squares = np.zeros(days + 1)
    counts = np.zeros(days + 1, np.int64)
    for t in range(days):
        known = np.isfinite(changes[t])
        squares[t + 1] = squares[t] + (changes[t] * changes[t] if known else 0.0)
        counts[t + 1] = counts[t] + (1 if known else 0)
        first = max(t + 1 - WINDOW, 0)
        count = counts[t + 1] - counts[first]
        if count >= _FEWEST:
            out[t] = np.sqrt((squares[t + 1] - squares[first]) / count)
    return out


def noise_of(values: Floats, volatility: Floats) -> Floats:
    """Estimate the standard deviation of the error in values (T,) that come from closes with `CLOSE_NOISE`.

    What moves a value from day to day is a move of the closes by their volatility (T,), a fraction a day; noise moves
    it by as much less as it is smaller than that. On generated prices the estimate is within a quarter of the measured
    error for most functions; it is half of it for drawdowns, and a third to a seventh for deviations of returns, in
    which the errors of all closes of the window add up.
    """
    deviation = trailing_deviation(np.diff(values, prepend=np.nan))
    moves = volatility != 0.0
    return np.where(moves, deviation * CLOSE_NOISE / np.where(moves, volatility, 1.0), 0.0)


@dataclass(frozen=True)
class Contest:
    """What a filter sorted its m children by, and which of them it selected."""

    subtrees: tuple[int, ...]
    """Position of each child in `Symphony.nodes`; equal subtrees have one position."""
    values: Floats
    """(m, T) values; NaN where unknown."""
    split: Floats
    """(m, T) share of each child; 0 where it is not selected."""
    highest: bool
    noise: Floats
    """(m, T) error of each value, see `noise_of`."""

    @cached_property
    def boundary(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Selected and rejected child that are the nearest to changing places, (T,) each; -1 where there are none.

        Without equal subtrees they are the last child selected and the first one not selected. A subtree that changes
        places with an equal one changes nothing, so such pairs are passed over.
        """
        rank = self.values if self.highest else -self.values
        known, selected = np.isfinite(rank), self.split > 0.0
        inside = np.where(known & selected, rank, np.inf)
        outside = np.where(known & ~selected, rank, -np.inf)
        subtree, days = np.asarray(self.subtrees), np.arange(rank.shape[1])
        last, first = inside.argmin(axis=0), outside.argmax(axis=0)
        if len(set(self.subtrees)) < len(self.subtrees):
            same = subtree[last] == subtree[first]
            others_in = np.where(subtree[:, None] == subtree[first], np.inf, inside)
            others_out = np.where(subtree[:, None] == subtree[last], -np.inf, outside)
            other_last, other_first = others_in.argmin(axis=0), others_out.argmax(axis=0)
            leaves = others_in[other_last, days] - outside[first, days]
            enters = inside[last, days] - others_out[other_first, days]
            last, first = (
                np.where(same & (leaves < enters), other_last, last),
                np.where(same & (leaves >= enters), other_first, first),
            )
        contested = np.isfinite(inside[last, days]) & np.isfinite(outside[first, days])
        contested &= subtree[last] != subtree[first]
        return np.where(contested, last, -1), np.where(contested, first, -1)

    @cached_property
    def distance(self) -> Distance:
        """Distance of the selection; infinite where no two children can change places."""
        last, first = self.boundary
        days = np.arange(len(last))
        contested = last >= 0
        difference = self.values[last, days] - self.values[first, days]
        deviation = _pair_deviation(self.values, last, first, contested)
        found = Distance.of(difference, deviation, np.hypot(self.noise[last, days], self.noise[first, days]))
        never = np.float32(np.inf)
        return Distance(np.where(contested, found.deviations, never), np.where(contested, found.noise, never))


def _ratio(difference: Floats, scale: Floats) -> NDArray[np.float32]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0.0, 0.0, np.abs(difference) / scale).astype(np.float32)


@compiled
def _pair_deviation(
    values: Floats, one: NDArray[np.intp], two: NDArray[np.intp], wanted: NDArray[np.bool_]
) -> Floats:
    """Compute on each wanted day the trailing deviation of the difference of two rows of `values`, (T,)."""
    out = np.full(len(one), np.nan)
    for t in range(len(one)):
        if not wanted[t]:
            continue
        a, b = values[one[t]], values[two[t]]
        total, count = 0.0, 0
        for s in range(max(1, t - WINDOW + 1), t + 1):
            change = (a[s] - b[s]) - (a[s - 1] - b[s - 1])
            if np.isfinite(change):
                total += change * change
                count += 1
        if count >= _FEWEST:
            out[t] = np.sqrt(total / count)
    return out
