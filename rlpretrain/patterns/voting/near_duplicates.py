"""Near-identical strategies share one vote: the same tree, or trees whose daily returns to date hardly differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Dates, Floats
from rlpretrain.patterns.strategies.running_performance import MIN_OBSERVATIONS
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord

__all__ = ["Exclusion", "one_vote_each", "quarter_starts"]


@dataclass(frozen=True)
class Exclusion:
    """How often a strategy that a review had admitted was left out as near-identical to another."""

    reviews: int
    """Number of reviews at which it was left out."""
    admitted: int
    """Number of reviews that admitted it."""
    duplicate_of: str
    """Symphony id of the strategy that voted instead, most often."""
    correlation: float | None
    """Largest correlation with that strategy; None where it was the same tree at each review."""

    def __str__(self) -> str:
        where = (
            "every review" if self.reviews == self.admitted else f"{self.reviews} of {self.admitted} reviews"
        )
        reason = (
            "the same tree then"
            if self.correlation is None
            else f"daily returns to date correlate {self.correlation:.4f}"
        )
        return f"duplicate of {self.duplicate_of} at {where}: {reason}"


def quarter_starts(dates: Dates, until: np.datetime64) -> NDArray[np.intp]:
    """Return the rows of the first closes of the quarters before `until`, at which strategies are reviewed."""
    quarters = dates.astype("datetime64[M]").astype(np.int64) // 3
    return np.flatnonzero(np.diff(quarters, prepend=quarters[:1] - 1).astype(bool) & (dates < until))


def one_vote_each(
    voters: Sequence[StrategyRecord],
    admitted: Sequence[NDArray[np.bool_]],
    *,
    validation_start: np.datetime64,
    max_correlation: float,
) -> tuple[tuple[NDArray[np.bool_], ...], dict[int, Exclusion]]:
    """Restrict near-identical strategies to one vote, quarter by quarter.

    At each review the admitted strategies are taken in the order of their records, the longest first, then in the
    order in which their trees of that day became known, then by id; of equal trees, the one that became known first
    comes first. A strategy is left out until its next review if it is then the same tree as one already taken, or
    if its daily returns correlate by more than `max_correlation` with those of one, on the days before the quarter
    that both have, at least 63 of them. So clusters form around the longest record, and no chain of small
    differences joins strategies that differ. A strategy that is no longer reviewed keeps its vote, and is taken
    before all others.

    Parameters
    ----------
    voters, admitted
        Strategies, and for each the closes (D,) at which it votes, constant between reviews.
    validation_start
        First day after the pre-training window, see `StrategyRecord.reviewed_until`.
    max_correlation
        Maximum correlation; at 1 only the same tree counts once.

    Returns
    -------
    tuple
        The closes (D,) at which each then votes, and the exclusions by position.
    """
    votes = [mask.copy() for mask in admitted]
    untils = [voter.reviewed_until(validation_start) for voter in voters]
    reviews = [quarter_starts(voter.dates, until) for voter, until in zip(voters, untils, strict=True)]
    left_out: dict[int, list[tuple[int, float]]] = {}
    for start, correlation in _correlations(voters, max(untils, default=validation_start)):
        seats = {
            i: seat
            for i, voter in enumerate(voters)
            if (seat := _seat(voter, reviews[i], start)) is not None and votes[i][seat.start]
        }
        lengths = {i: int(np.searchsorted(voters[i].dates, start)) for i in seats}
        taken = [
            i for i, voter in enumerate(voters) if untils[i] <= start <= voter.dates[-1] and votes[i][-1]
        ]
        trees = {voters[i].content_hash: i for i in taken}
        tree_of = {i: voters[i].tree_at(voters[i].dates[seat.start]) for i, seat in seats.items()}
        for i in _in_order(voters, seats, lengths, tree_of):
            tree = tree_of[i]
            alike = correlation[i, taken]
            if tree in trees:
                left_out.setdefault(i, []).append((trees[tree], np.nan))
                votes[i][seats[i]] = False
            elif len(taken) and np.nanmax(alike, initial=-1.0) > max_correlation:
                nearest = int(np.nanargmax(alike))
                left_out.setdefault(i, []).append((taken[nearest], float(alike[nearest])))
                votes[i][seats[i]] = False
            else:
                taken.append(i)
                trees[tree] = i
    exclusions = {
        i: _exclusion(found, voters, int(admitted[i][reviews[i]].sum()))
        for i, found in sorted(left_out.items())
    }
    return tuple(votes), exclusions


def _in_order(
    voters: Sequence[StrategyRecord],
    seats: Mapping[int, slice],
    lengths: Mapping[int, int],
    tree_of: Mapping[int, str],
) -> Iterator[int]:
    """Yield the strategies of a review: long records first, and of each tree the one that has been it the longest."""
    since = {i: voters[i].known_since(voters[i].dates[seat.start]) for i, seat in seats.items()}
    ranked = sorted(seats, key=lambda i: (-lengths[i], since[i], voters[i].symphony_id))
    alike: dict[str, list[int]] = {}
    for i in sorted(ranked, key=lambda i: since[i]):
        alike.setdefault(tree_of[i], []).append(i)
    following = {tree: iter(oldest_first) for tree, oldest_first in alike.items()}
    return (next(following[tree_of[i]]) for i in ranked)


def _seat(voter: StrategyRecord, reviews: NDArray[np.intp], start: np.datetime64) -> slice | None:
    """Return the rows from the review of the quarter that begins at `start` to the next; None if it has no review."""
    at = int(np.searchsorted(voter.dates[reviews], start))
    if at == len(reviews) or _quarter(voter.dates[reviews[at]]) != _quarter(start):
        return None
    return slice(int(reviews[at]), int(reviews[at + 1]) if at + 1 < len(reviews) else len(voter.dates))


def _exclusion(found: list[tuple[int, float]], voters: Sequence[StrategyRecord], admitted: int) -> Exclusion:
    nearest, _ = Counter(other for other, _ in found).most_common(1)[0]
    correlations = [
        correlation for other, correlation in found if other == nearest and not np.isnan(correlation)
    ]
    return Exclusion(
        reviews=len(found),
        admitted=admitted,
        duplicate_of=voters[nearest].symphony_id,
        correlation=max(correlations, default=None),
    )


def _correlations(
    voters: Sequence[StrategyRecord], until: np.datetime64
) -> Iterator[tuple[np.datetime64, Floats]]:
    """Yield for each quarter its first day and the correlations (S, S) of the returns before it, on shared days.

    Sums over days are added up quarter by quarter, so that the whole history costs one product of matrices.
    Unknown correlations, of too few shared days or of constant returns, are NaN.
    """
    if not voters:
        return
    first = min(_quarter(voter.dates[0]) for voter in voters)
    last = _quarter(until - np.timedelta64(1, "D"))
    size = len(voters)
    count, total, square, product = (np.zeros((size, size)) for _ in range(4))
    for quarter in range(first, last + 1):
        start, stop = (_first_day(q) for q in (quarter, quarter + 1))
        yield start, _correlation(count, total, square, product)
        returns = np.zeros((size, int((stop - start).astype(int))))
        known = np.zeros_like(returns)
        for i, voter in enumerate(voters):
            rows = slice(*np.searchsorted(voter.dates, [start, stop]))
            at = (voter.dates[rows] - start).astype(int)
            returns[i, at], known[i, at] = voter.returns[rows], 1.0
        count += known @ known.T
        total += returns @ known.T
        square += (returns * returns) @ known.T
        product += returns @ returns.T


def _correlation(count: Floats, total: Floats, square: Floats, product: Floats) -> Floats:
    """Convert sums over shared days to Pearson's correlations; (i, j) of `total` sums i's returns on j's days."""
    n = np.maximum(count, 1.0)
    variance = np.maximum(square / n - (total / n) ** 2, 0.0)
    spread = np.sqrt(variance * variance.T)
    known = (count >= MIN_OBSERVATIONS) & (spread > 1e-14)
    covariance = product / n - (total / n) * (total.T / n)
    return np.where(known, np.clip(covariance / np.where(known, spread, 1.0), -1.0, 1.0), np.nan)


def _quarter(day: np.datetime64) -> int:
    return int(day.astype("datetime64[M]").astype(np.int64)) // 3


def _first_day(quarter: int) -> np.datetime64:
    return np.datetime64(f"{1970 + quarter // 4}-{3 * (quarter % 4) + 1:02d}-01", "D")
