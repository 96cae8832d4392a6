"""Strategies that do the same under another tree: told by their daily returns so far, they vote once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Dates, Floats
from rlpretrain.patterns.strategies.running_performance import MIN_OBSERVATIONS
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord

__all__ = ["Silence", "one_voice_each", "quarter_starts"]


@dataclass(frozen=True)
class Silence:
    """How often a strategy that a review had admitted was left out for one that does the same."""

    reviews: int
    """Reviews at which it was left out."""
    admitted: int
    """Reviews that admitted it."""
    twin: str
    """Symphony id of the one that voted instead, most often."""
    correlation: float
    """Largest one seen with that one."""

    def __str__(self) -> str:
        where = (
            "every review" if self.reviews == self.admitted else f"{self.reviews} of {self.admitted} reviews"
        )
        return f"duplicate of {self.twin} at {where}: daily returns so far correlate {self.correlation:.4f}"


def quarter_starts(dates: Dates, until: np.datetime64) -> NDArray[np.intp]:
    """Return the row of the first close of each quarter before `until`: when strategies are reviewed."""
    quarters = dates.astype("datetime64[M]").astype(np.int64) // 3
    return np.flatnonzero(np.diff(quarters, prepend=quarters[:1] - 1).astype(bool) & (dates < until))


def one_voice_each(
    voters: Sequence[StrategyRecord],
    admitted: Sequence[NDArray[np.bool_]],
    *,
    until: np.datetime64,
    max_correlation: float,
) -> tuple[tuple[NDArray[np.bool_], ...], dict[int, Silence]]:
    """Let of near-identical strategies only one vote, quarter by quarter.

    At each review those admitted are taken in the order of their records, the longest first, then by id. One
    is left out until its next review when its daily returns correlate by more than `max_correlation` with
    those of one already taken, on the days before the quarter that both have, at least 63 of them. So clusters
    form around the longest record and no chain of small differences joins strategies that differ.

    Parameters
    ----------
    voters, admitted
        Strategies, and for each the closes (D,) at which it votes, constant between reviews.
    until
        Day from which there is no review: the last one stands.
    max_correlation
        At 1 nobody is left out.

    Returns
    -------
    tuple
        The closes (D,) at which each votes now, and what is to be said of those left out, by position.
    """
    if max_correlation >= 1.0:
        return tuple(admitted), {}
    votes = [mask.copy() for mask in admitted]
    reviews = [quarter_starts(voter.dates, until) for voter in voters]
    left_out: dict[int, list[tuple[int, float]]] = {}
    for start, correlation in _correlations(voters, until):
        seats = {i: _seat(voters[i], reviews[i], start) for i in range(len(voters))}
        candidates = [i for i, seat in seats.items() if seat is not None and votes[i][seat.start]]
        lengths = {i: int(np.searchsorted(voters[i].dates, start)) for i in candidates}
        taken: list[int] = []
        for i in sorted(candidates, key=lambda i: (-lengths[i], voters[i].symphony_id)):
            alike = correlation[i, taken]
            seat = seats[i]
            if seat is not None and len(taken) and np.nanmax(alike, initial=-1.0) > max_correlation:
                nearest = int(np.nanargmax(alike))
                left_out.setdefault(i, []).append((taken[nearest], float(alike[nearest])))
                votes[i][seat] = False
            else:
                taken.append(i)
    silences = {
        i: _silence(found, voters, int(admitted[i][reviews[i]].sum()))
        for i, found in sorted(left_out.items())
    }
    return tuple(votes), silences


def _seat(voter: StrategyRecord, reviews: NDArray[np.intp], start: np.datetime64) -> slice | None:
    """Return the rows from the review of the quarter that begins at `start` to the next; None without one."""
    at = int(np.searchsorted(voter.dates[reviews], start))
    if at == len(reviews) or _quarter(voter.dates[reviews[at]]) != _quarter(start):
        return None
    return slice(int(reviews[at]), int(reviews[at + 1]) if at + 1 < len(reviews) else len(voter.dates))


def _silence(found: list[tuple[int, float]], voters: Sequence[StrategyRecord], admitted: int) -> Silence:
    twin, _ = Counter(twin for twin, _ in found).most_common(1)[0]
    return Silence(
        reviews=len(found),
        admitted=admitted,
        twin=voters[twin].symphony_id,
        correlation=max(correlation for other, correlation in found if other == twin),
    )


def _correlations(
    voters: Sequence[StrategyRecord], until: np.datetime64
) -> Iterator[tuple[np.datetime64, Floats]]:
    """Yield for each quarter its first day and the correlations (S, S) of the returns before it, on shared days.

    Sums over days are added up quarter by quarter, so that the whole history costs one product of matrices.
    Unknown correlations, of few shared days or of returns that never move, are NaN.
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
    """Turn sums over shared days into Pearson's correlations; (i, j) of `total` sums i's returns on j's days."""
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
