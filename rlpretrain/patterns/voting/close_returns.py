"""Pairs of strategies whose daily returns to date correlate highly, found block by block.

All pairs at all quarters would be some gigabytes for a few thousand strategies. So a block of strategies is compared
with another one over all quarters, and only the pairs that are above the limit at some quarter are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Dates, Floats
from rlpretrain.patterns.strategies.running_performance import MIN_OBSERVATIONS
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord

__all__ = ["ClosePairs", "close_pairs", "quarter_of"]

BLOCK = 256
"""Strategies of a block: the sums over its pairs then fit into a core's cache."""

_MARGIN = 1e-6
"""Distance from the limit within which a block's correlation is computed again from the pair alone, whose sums do not
depend on how strategies are divided into blocks."""


@dataclass(frozen=True)
class ClosePairs:
    """Which strategies correlate by more than a limit with which others, at the beginning of each of Q quarters."""

    voters: Sequence[StrategyRecord]
    starts: Dates
    """(Q,) first days of the quarters."""
    one: NDArray[np.int32]
    """(P,) positions, ascending; each pair is in both directions."""
    other: NDArray[np.int32]
    """(P,) positions of those that they correlate with."""
    above: NDArray[np.uint8]
    """(P, ceil(Q / 8)) whether by more than the limit on the days before each quarter, packed along the quarters."""
    _known: dict[tuple[int, int], Floats] = field(default_factory=dict)

    def at(self, quarter: int) -> Callable[[int], NDArray[np.int32]]:
        """Return a function that names those with which a strategy correlates at the beginning of a quarter."""
        pairs = (self.above[:, quarter // 8] >> (7 - quarter % 8)) & 1 == 1
        one, other = self.one[pairs], self.other[pairs]
        bounds = np.searchsorted(one, np.arange(len(self.voters) + 1))
        return lambda i: other[bounds[i] : bounds[i + 1]]

    def correlation(self, i: int, j: int, quarter: int) -> float:
        """Return the correlation of two strategies' returns on the days before a quarter that both have."""
        pair = (min(i, j), max(i, j))
        if pair not in self._known:
            self._known[pair] = _history(self.voters[pair[0]], self.voters[pair[1]], self.starts)
        return float(self._known[pair][quarter])


def close_pairs(
    voters: Sequence[StrategyRecord], until: np.datetime64, limit: float, *, block: int = BLOCK
) -> ClosePairs:
    """Find the pairs whose daily returns correlate by more than `limit` at the beginning of some quarter.

    Correlations are Pearson's, over the days before the quarter that both strategies have. They are unknown, and not
    above anything, where these are fewer than 63 or a strategy's returns do not vary.

    Parameters
    ----------
    voters
        Strategies.
    until
        Day before which the last quarter begins.
    limit
        Correlation above which a pair is found, greater than zero; at 1 or more there is none.
    block
        Number of strategies in a block; it does not affect the result.
    """
    days = _quarter_starts(voters, until)
    starts = days[:-1]
    found: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint8]]] = []
    if voters and limit < 1.0:
        calendar = _Calendar.of(voters, days)
        for first in range(0, len(voters), block):
            rows = calendar.returns(voters[first : first + block])
            for second in range(0, first + 1, block):
                columns = rows if second == first else calendar.returns(voters[second : second + block])
                above = np.zeros((len(starts), len(rows), len(columns)), np.bool_)
                for quarter, correlation in calendar.correlations(rows, columns, first, second):
                    above[quarter] = correlation > limit
                    for i, j in np.argwhere(np.abs(correlation - limit) <= _MARGIN):
                        exact = _history(voters[first + i], voters[second + j], starts)[quarter]
                        above[quarter, i, j] = exact > limit
                pairs = above.any(axis=0)
                i, j = np.nonzero(np.tril(pairs, -1) if first == second else pairs)
                found.append((first + i, second + j, np.packbits(above[:, i, j].T, axis=1)))
    width = (len(starts) + 7) // 8
    one = np.concatenate([pair[0] for pair in found] or [np.empty(0, np.intp)]).astype(np.int32)
    other = np.concatenate([pair[1] for pair in found] or [np.empty(0, np.intp)]).astype(np.int32)
    above = np.concatenate([pair[2] for pair in found] or [np.empty((0, width), np.uint8)])
    one, other, above = np.r_[one, other], np.r_[other, one], np.r_[above, above]
    order = np.lexsort((other, one))
    return ClosePairs(voters, starts, one[order], other[order], above[order])


@dataclass(frozen=True)
class _Calendar:
    """The days that strategies have: within a quarter there are few different sets of them."""

    start: np.datetime64
    end: np.datetime64
    columns: NDArray[np.intp]
    """Column of each calendar day from `start` until `end`; -1 on those that nobody has."""
    edges: NDArray[np.intp]
    """(Q + 1,) column with which each quarter begins."""
    sets: tuple[Floats, ...]
    """For each quarter, (s, d) ones on the days of each set."""
    chosen: NDArray[np.int32]
    """(Q, S) which set each strategy has."""

    @classmethod
    def of(cls, voters: Sequence[StrategyRecord], days: Dates) -> _Calendar:
        """Find the days of some strategies before the last of `days`, the first days of quarters."""
        seen = np.zeros(int((days[-1] - days[0]).astype(int)), np.bool_)
        for voter in voters:
            seen[_elapsed(voter, days[0], days[-1])] = True
        columns = np.where(seen, np.cumsum(seen) - 1, -1)
        edges = np.r_[0, np.cumsum(seen)][(days - days[0]).astype(int)]
        sets: list[dict[bytes, int]] = [{} for _ in days[:-1]]
        chosen = np.empty((len(sets), len(voters)), np.int32)
        for i, voter in enumerate(voters):
            own = columns[_elapsed(voter, days[0], days[-1])]
            cuts = np.searchsorted(own, edges)
            for quarter, known in enumerate(sets):
                key = own[cuts[quarter] : cuts[quarter + 1]].tobytes()
                chosen[quarter, i] = known.setdefault(key, len(known))
        ones = tuple(_as_ones(known, *edges[q : q + 2]) for q, known in enumerate(sets))
        return cls(days[0], days[-1], columns, edges, ones, chosen)

    def returns(self, voters: Sequence[StrategyRecord]) -> Floats:
        """Return the returns (B, D) of a block on the days of the calendar, zero where a strategy has none."""
        returns = np.zeros((len(voters), int(self.edges[-1])))
        for row, voter in zip(returns, voters, strict=True):
            own = _elapsed(voter, self.start, self.end)
            row[self.columns[own]] = voter.returns[: len(own)]
        return returns

    def correlations(
        self, rows: Floats, columns: Floats, first: int, second: int
    ) -> Iterator[tuple[int, Floats]]:
        """Yield for each quarter the correlations (B, C) of two blocks, of which `first` and `second` are the first.

        Sums over days are added up quarter by quarter. Of i's returns on j's days they depend on j only through its set
        of days, so only the products of returns need as many multiplications as there are pairs.
        """
        count, row, row_square, column, column_square, product = np.zeros((6, len(rows), len(columns)))
        for quarter, days in enumerate(self.sets):
            yield quarter, _correlation(count, row, column, row_square, column_square, product)
            span = slice(*self.edges[quarter : quarter + 2])
            x, y = rows[:, span], columns[:, span]
            (a, ours), (b, theirs) = (
                np.unique(self.chosen[quarter, at : at + size], return_inverse=True)
                for at, size in ((first, len(rows)), (second, len(columns)))
            )
            own, their = days[a], days[b]
            count += (own @ their.T)[np.ix_(ours, theirs)]
            row += (x @ their.T)[:, theirs]
            row_square += (x * x @ their.T)[:, theirs]
            column += (own @ y.T)[ours]
            column_square += (own @ (y * y).T)[ours]
            product += x @ y.T


def _correlation(
    count: Floats, one: Floats, other: Floats, one_square: Floats, other_square: Floats, product: Floats
) -> Floats:
    """Convert sums over shared days to Pearson's correlations, NaN where unknown."""
    n = np.maximum(count, 1.0)
    one, other = one / n, other / n
    variance = np.maximum(one_square / n - one * one, 0.0) * np.maximum(other_square / n - other * other, 0.0)
    spread = np.sqrt(variance)
    known = (count >= MIN_OBSERVATIONS) & (spread > 1e-14)
    covariance = product / n - one * other
    return np.where(known, np.clip(covariance / np.where(known, spread, 1.0), -1.0, 1.0), np.nan)


def _history(one: StrategyRecord, other: StrategyRecord, starts: Dates) -> Floats:
    """Compute the correlation (Q,) of two strategies' returns on the days before each of `starts` that both have."""
    shared, at, there = np.intersect1d(one.dates, other.dates, assume_unique=True, return_indices=True)
    x, y = one.returns[at].astype(np.float64), other.returns[there].astype(np.float64)
    sums = np.cumsum([np.ones(len(shared)), x, y, x * x, y * y, x * y], axis=1)
    return _correlation(*np.pad(sums, ((0, 0), (1, 0)))[:, np.searchsorted(shared, starts)])


def _elapsed(voter: StrategyRecord, start: np.datetime64, end: np.datetime64) -> NDArray[np.intp]:
    """Return a strategy's days before `end` as numbers of days since `start`."""
    return (voter.dates[: np.searchsorted(voter.dates, end)] - start).astype(np.intp)


def _as_ones(known: dict[bytes, int], start: int, stop: int) -> Floats:
    """Convert sets of columns to rows of ones."""
    days = np.zeros((len(known), stop - start))
    for row, key in zip(days, known, strict=True):
        row[np.frombuffer(key, np.intp) - start] = 1.0
    return days


def _quarter_starts(voters: Sequence[StrategyRecord], until: np.datetime64) -> Dates:
    """Return the first day of each quarter from the first strategy's to that before `until`, and of the one after."""
    if not voters:
        return np.empty(1, "datetime64[D]")
    first = min(quarter_of(voter.dates[0]) for voter in voters)
    last = quarter_of(until - np.timedelta64(1, "D"))
    quarters = np.arange(first, max(last, first - 1) + 2)
    return (3 * quarters).astype("datetime64[M]").astype("datetime64[D]")


def quarter_of(day: np.datetime64) -> int:
    """Return the number of quarters between the beginning of 1970 and that of a day's quarter."""
    return int(day.astype("datetime64[M]").astype(np.int64)) // 3
