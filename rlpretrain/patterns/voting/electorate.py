"""Which strategies vote, and when: those whose replay agrees and whose record is good enough, duplicates once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.patterns.strategies.running_performance import MIN_OBSERVATIONS, running_performance
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord
from rlpretrain.patterns.voting.near_duplicates import one_vote_each, quarter_starts
from rlpretrain.symphony import MIN_COMMON_DAYS

__all__ = ["MIN_ELECTORATE", "Electorate", "Reject", "admission", "select_voters", "sharpe_before"]

MIN_ELECTORATE = 3
"""Minimum number of strategies for a consensus."""


@dataclass(frozen=True)
class Reject:
    """A strategy that was left out, at which stage of the extraction, and why."""

    symphony_id: str
    stage: str
    """``list``, ``fetch``, ``parse``, ``replay``, ``level``, ``fidelity``, ``hindsight``, ``duplicate``, ``quality``
    or, for an exception that the program does not know, ``unforeseen``."""
    reason: str


@dataclass(frozen=True)
class Electorate:
    """The strategies that vote, ordered by content hash, and those that do not."""

    voters: tuple[StrategyRecord, ...]
    admitted: tuple[NDArray[np.bool_], ...]
    """For each voter, (D,) closes at which it votes."""
    sharpe: tuple[float, ...]
    """Each voter's Sharpe ratio, annualised, over the days that reviews may see."""
    rejects: tuple[Reject, ...]
    remarks: tuple[Reject, ...] = ()
    """Voters that were left out at some reviews as near-identical to another."""


def sharpe_before(record: StrategyRecord, day: np.datetime64) -> float | None:
    """Return the annualised Sharpe ratio of the net returns before `day`; None if there are too few."""
    returns = record.returns[record.dates < day].astype(np.float64)
    if len(returns) < MIN_OBSERVATIONS:
        return None
    deviation = returns.std()
    if deviation < 1e-9:
        return 0.0
    return float(returns.mean() / deviation * np.sqrt(record.bars_per_year))


def admission(
    record: StrategyRecord, *, validation_start: np.datetime64, min_sharpe: float
) -> NDArray[np.bool_]:
    """Return at which closes a strategy votes, (D,).

    It is reviewed at the first close of each quarter before `StrategyRecord.reviewed_until`: until the next review it
    votes if to date its replay agrees with the service's backtest and its annualised Sharpe ratio is at least
    `min_sharpe`. The last of these reviews remains in force. So no vote depends on a later day, and where today's tree
    decides on all days, no day from the validation window on affects whether it votes there. A version that replaces
    another between two reviews has its own replay: it votes until the next review only if that replay agrees at the
    version's first close.
    """
    performance = running_performance(record.returns.astype(np.float64), record.bars_per_year)
    seen = np.arange(1, len(record.dates) + 1) >= MIN_OBSERVATIONS
    good = seen & (performance.sharpe * np.sqrt(record.bars_per_year) >= min_sharpe)
    agrees = record.agreement > 0
    reviews = quarter_starts(record.dates, record.reviewed_until(validation_start))
    reviewed = _last_of(reviews, len(record.dates))
    begun = _last_of(record.version_starts, len(record.dates))
    passed = (reviewed >= 0) & (good & agrees)[np.maximum(reviewed, 0)]
    replaced = begun > reviewed
    return np.asarray(passed & (~replaced | agrees[np.maximum(begun, 0)]))


def _last_of(rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return for each of `count` rows the last of `rows` up to it; -1 before the first."""
    last = np.full(count, -1)
    last[rows] = rows
    return np.maximum.accumulate(last)


def select_voters(
    records: Sequence[StrategyRecord],
    *,
    validation_start: np.datetime64,
    min_sharpe: float,
    max_correlation: float = 0.99,
) -> Electorate:
    """Select the voters: drop duplicates and strategies that no review admits; near-identical ones vote once.

    Of strategies with equal trees on all days the one with the oldest last edit votes, of equal histories the first by
    id.

    Parameters
    ----------
    records
        The library, in any order.
    validation_start
        First day after the pre-training window.
    min_sharpe
        Minimum annualised Sharpe ratio at a review, see `admission`.
    max_correlation
        Correlation of daily returns to date above which two strategies count as one, see `one_vote_each`.
    """
    voters: list[StrategyRecord] = []
    admitted: list[NDArray[np.bool_]] = []
    sharpes: list[float] = []
    rejects: list[Reject] = []
    kept: StrategyRecord | None = None
    # Of equal trees the one that is known for the longest time votes; the others may be copies of it.
    for record in sorted(records, key=lambda r: (r.content_hash, r.known_since(), r.symphony_id)):
        if kept is not None and kept.content_hash == record.content_hash:
            what = "history" if record.versions else "tree"
            reason = f"the same {what} as {kept.symphony_id}: votes once"
            rejects.append(Reject(record.symphony_id, "duplicate", reason))
            continue
        kept = record
        until = record.reviewed_until(validation_start)
        sharpe = sharpe_before(record, until)
        votes = admission(record, validation_start=validation_start, min_sharpe=min_sharpe)
        if sharpe is None:
            reason = f"fewer than {MIN_OBSERVATIONS} days of returns before {until}"
            rejects.append(Reject(record.symphony_id, "quality", reason))
        elif not votes.any():
            rejects.append(_rejection(record, until, min_sharpe))
        else:
            voters.append(record)
            admitted.append(votes)
            sharpes.append(sharpe)
    votes_now, exclusions = one_vote_each(
        voters, admitted, validation_start=validation_start, max_correlation=max_correlation
    )
    remarks = {i: Reject(voters[i].symphony_id, "duplicate", str(found)) for i, found in exclusions.items()}
    voting = [i for i, votes in enumerate(votes_now) if votes.any()]
    return Electorate(
        voters=tuple(voters[i] for i in voting),
        admitted=tuple(votes_now[i] for i in voting),
        sharpe=tuple(sharpes[i] for i in voting),
        rejects=(*rejects, *(remark for i, remark in remarks.items() if not votes_now[i].any())),
        remarks=tuple(remark for i, remark in remarks.items() if votes_now[i].any()),
    )


def _rejection(record: StrategyRecord, until: np.datetime64, min_sharpe: float) -> Reject:
    """Return the reason why no review admits a strategy."""
    verdicts = record.agreement[quarter_starts(record.dates, until)]
    never = f"at no review before {until}"
    if (verdicts > 0).any():
        reason = f"{never} that its fidelity passed was its Sharpe ratio to date {min_sharpe:g} or more"
        return Reject(record.symphony_id, "quality", reason)
    if (verdicts < 0).any():
        reason = f"{never} did its replay agree with the service's backtest: {record.fidelity}"
    else:
        reason = f"{never} had it {MIN_COMMON_DAYS} days in common with the service's backtest"
    return Reject(record.symphony_id, "fidelity", reason)
