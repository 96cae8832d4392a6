"""Near-identical strategies share one vote: the same tree, or trees whose daily returns to date hardly differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Dates
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord
from rlpretrain.patterns.voting.close_returns import ClosePairs, close_pairs, quarter_of

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
    left_out: dict[int, list[tuple[int, int | None]]] = {}
    pairs = close_pairs(voters, max(untils, default=validation_start), max_correlation)
    for quarter, start in enumerate(pairs.starts):
        seats = {
            i: seat
            for i, voter in enumerate(voters)
            if (seat := _seat(voter, reviews[i], start)) is not None and votes[i][seat.start]
        }
        lengths = {i: int(np.searchsorted(voters[i].dates, start)) for i in seats}
        keep = [i for i, voter in enumerate(voters) if untils[i] <= start <= voter.dates[-1] and votes[i][-1]]
        taken = {i: place for place, i in enumerate(keep)}
        trees = {voters[i].content_hash: i for i in keep}
        tree_of = {i: voters[i].tree_at(voters[i].dates[seat.start]) for i, seat in seats.items()}
        near = pairs.at(quarter)
        for i in _in_order(voters, seats, lengths, tree_of):
            tree = tree_of[i]
            alike = sorted((j for j in near(i).tolist() if j in taken), key=taken.__getitem__)
            if tree in trees:
                left_out.setdefault(i, []).append((trees[tree], None))
                votes[i][seats[i]] = False
            elif alike:
                nearest = _nearest(pairs, i, alike, quarter)
                left_out.setdefault(i, []).append((nearest, quarter))
                votes[i][seats[i]] = False
            else:
                taken[i] = len(taken)
                trees[tree] = i
    exclusions = {
        i: _exclusion(i, found, pairs, int(admitted[i][reviews[i]].sum()))
        for i, found in sorted(left_out.items())
    }
    return tuple(votes), exclusions


def _nearest(pairs: ClosePairs, i: int, alike: Sequence[int], quarter: int) -> int:
    """Return which of those taken a strategy correlates with most, of equal ones the first taken."""
    return alike[0] if len(alike) == 1 else max(alike, key=lambda j: pairs.correlation(i, j, quarter))


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
    if at == len(reviews) or quarter_of(voter.dates[reviews[at]]) != quarter_of(start):
        return None
    return slice(int(reviews[at]), int(reviews[at + 1]) if at + 1 < len(reviews) else len(voter.dates))


def _exclusion(i: int, found: list[tuple[int, int | None]], pairs: ClosePairs, admitted: int) -> Exclusion:
    nearest, _ = Counter(other for other, _ in found).most_common(1)[0]
    correlations = [
        pairs.correlation(i, nearest, quarter)
        for other, quarter in found
        if other == nearest and quarter is not None
    ]
    return Exclusion(
        reviews=len(found),
        admitted=admitted,
        duplicate_of=pairs.voters[nearest].symphony_id,
        correlation=max(correlations, default=None),
    )
