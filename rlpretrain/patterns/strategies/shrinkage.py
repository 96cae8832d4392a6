"""How much of a version's record to believe, learned from what earlier versions delivered.

A record of the days before a version existed is what its author chose it by. How much of it holds afterwards differs:
a version that trades often, has many nodes, is new, or is the last of many tries keeps less. At every review the share
is fitted on outcomes that were complete by then, so nothing that comes later has any influence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Dates, Floats
from rlpretrain.patterns.strategies.running_performance import MIN_OBSERVATIONS
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord
from rlpretrain.patterns.strategies.version_records import VersionRecord, VersionRecords

__all__ = ["MIN_WEIGHT", "TRAITS", "shrinkage_weights", "weights_in_force"]

TRAITS = ("turnover", "nodes", "age", "versions_before")
"""What is known of a version at a review, in logarithms of one plus the figure: yearly turnover to date, nodes of its
tree, days since its first close, and number of versions that its author had saved before."""
MIN_WEIGHT = 0.1
"""A record is never worth nothing, as a strategy never loses its vote altogether."""

_OUTCOME = np.timedelta64(365, "D")
"""What a record is compared with: the year after the review, or the time until the version was replaced."""
_PRIOR = 25.0
"""Versions with a Sharpe ratio of one that count as much as the belief that all of a record holds."""
_LARGEST = 4.0
"""Sharpe ratio beyond which more is luck: larger ones count as this."""
_FLAT = 1e-12


class _Sight(NamedTuple):
    """One version as it was known at one review, and what followed."""

    symphony_id: str
    review: int
    """Number of the review."""
    version: tuple[str, np.datetime64]
    """Hash of the rules and the first close: copies of a version by other authors are the same version. When a copy was
    replaced plays no part, because at a review nobody knows which one will be."""
    traits: Floats
    """(4,) see `TRAITS`."""
    record: float
    """Sharpe ratio to date; NaN if unknown."""
    outcome: float
    """Sharpe ratio afterwards; NaN if unknown."""
    known_from: np.datetime64
    """First day on which the outcome is complete."""


def shrinkage_weights(versions: VersionRecords, reviews: Dates) -> Mapping[tuple[str, np.datetime64], float]:
    """Compute at every review how much of each strategy's record is expected to hold.

    Of a record with a Sharpe ratio p, ``p * (b0 + b . x)`` is expected to follow, where x are the standardised traits.
    The coefficients are fitted by ridge regression towards b0 = 1 and b = 0, which is to believe all of it, on
    earlier reviews' records whose outcome was complete before the review. Every version counts once, however many
    reviews saw it and however many authors copied it.

    Parameters
    ----------
    versions
        All versions of the library, with the days before they existed.
    reviews
        (R,) days at whose closes records are judged, ascending.

    Returns
    -------
    Mapping
        Symphony id and review -> weight in [`MIN_WEIGHT`, 1], for every strategy that existed at the review.
    """
    sights = [sight for record in versions.records for sight in _sights(record, reviews)]
    weights: dict[tuple[str, np.datetime64], float] = {}
    for review, day in enumerate(reviews):
        present = [sight for sight in sights if sight.review == review]
        past = [sight for sight in sights if sight.review < review and sight.known_from <= day]
        found = _fit(past, [sight.traits for sight in present])
        weights |= {(sight.symphony_id, day): weight for sight, weight in zip(present, found, strict=True)}
    return weights


def weights_in_force(
    records: Sequence[StrategyRecord],
    versions: VersionRecords,
    reviews: Dates,
    *,
    validation_start: np.datetime64,
) -> tuple[Floats, ...]:
    """Return each strategy's weight at its closes, (D,): that of the last review, and 1 where there is none.

    Parameters
    ----------
    records
        Strategies; those without a version in `versions` weigh 1.
    versions, reviews
        As for `shrinkage_weights`.
    validation_start
        First day after the pre-training window, see `StrategyRecord.reviewed_until`.
    """
    weights = shrinkage_weights(versions, reviews)
    found = []
    for record in records:
        own = reviews[reviews < record.reviewed_until(validation_start)]
        reviewed = [weights.get((record.symphony_id, day), 1.0) for day in own]
        found.append(np.array([1.0, *reviewed])[np.searchsorted(own, record.dates, side="right")])
    return tuple(found)


def _sights(record: VersionRecord, reviews: Dates) -> list[_Sight]:
    dates, returns = record.dates, record.returns.astype(np.float64)
    known = np.concatenate(
        [np.zeros((3, 1)), np.cumsum([returns, returns**2, record.turnover], axis=1)], axis=1
    )
    annual = float(np.sqrt(record.bars_per_year))

    def sharpe(first: int, last: int) -> float:
        count = last - first
        if count < MIN_OBSERVATIONS:
            return np.nan
        mean, square = (known[:2, last] - known[:2, first]) / count
        variance = square - mean**2
        return (
            float(np.clip(mean / np.sqrt(variance) * annual, -_LARGEST, _LARGEST))
            if variance > _FLAT
            else np.nan
        )

    found = []
    for review, day in enumerate(reviews):
        if day < record.first_close or (record.until is not None and day >= record.until):
            continue
        # What is decided at a close is earned up to the next one.
        end = day + _OUTCOME if record.until is None else min(day + _OUTCOME, record.until)
        now, later = (int(np.searchsorted(dates, one, side="right")) for one in (day, end))
        traded = (known[2, now] - known[2, min(1, now)]) / max(now - 1, 1) * record.bars_per_year / 2.0
        age = (day - record.first_close) / np.timedelta64(1, "D")
        found.append(
            _Sight(
                symphony_id=record.symphony_id,
                review=review,
                version=(record.content_hash, record.first_close),
                traits=np.log1p(np.array([traded, record.nodes, age, record.number])),
                record=sharpe(min(1, now), now),
                outcome=sharpe(now, later),
                known_from=end,
            )
        )
    return found


def _fit(past: list[_Sight], present: list[Floats]) -> NDArray[np.float64]:
    """Fit the share on past outcomes, and return that of some traits; 1 without outcomes."""
    usable = [sight for sight in past if np.isfinite(sight.record) and np.isfinite(sight.outcome)]
    if not usable or not present:
        return np.ones(len(present))
    traits = np.array([sight.traits for sight in usable])
    seen = Counter(sight.version for sight in usable)
    share = np.array([1.0 / seen[sight.version] for sight in usable])
    centre = np.average(traits, axis=0, weights=share)
    spread = np.sqrt(np.average((traits - centre) ** 2, axis=0, weights=share))
    scale = np.where(spread > _FLAT, spread, 1.0)

    def design(rows: Floats) -> Floats:
        return np.column_stack([np.ones(len(rows)), np.where(spread > _FLAT, (rows - centre) / scale, 0.0)])

    record, outcome = (np.array([getattr(sight, name) for sight in usable]) for name in ("record", "outcome"))
    root = np.sqrt(share)
    x = design(traits) * (record * root)[:, None]
    belief = np.eye(x.shape[1])[0]
    change = np.linalg.solve(x.T @ x + _PRIOR * np.eye(x.shape[1]), x.T @ (outcome * root - x @ belief))
    shares: NDArray[np.float64] = np.clip(design(np.array(present)) @ (belief + change), MIN_WEIGHT, 1.0)
    return shares
