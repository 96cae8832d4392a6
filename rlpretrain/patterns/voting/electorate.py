"""Who may vote, and when: strategies that are reproduced and good enough so far, near-identical ones once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.patterns.strategies.running_performance import MIN_OBSERVATIONS, running_performance
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord
from rlpretrain.patterns.voting.near_duplicates import one_voice_each, quarter_starts
from rlpretrain.symphony import MIN_COMMON_DAYS

__all__ = ["MIN_ELECTORATE", "Electorate", "Reject", "admission", "select_voters", "sharpe_before"]

MIN_ELECTORATE = 3
"""Fewer strategies make no consensus."""


@dataclass(frozen=True)
class Reject:
    """A strategy that was left out, at which stage of the extraction, and why."""

    symphony_id: str
    stage: str
    """``fetch``, ``parse``, ``replay``, ``fidelity``, ``hindsight``, ``duplicate`` or ``quality``."""
    reason: str


@dataclass(frozen=True)
class Electorate:
    """The strategies that vote, ordered by content hash, and those that don't."""

    voters: tuple[StrategyRecord, ...]
    admitted: tuple[NDArray[np.bool_], ...]
    """(D,) for each voter the closes at which it votes."""
    sharpe: tuple[float, ...]
    """Of each voter, annualised, up to the end of the pre-training window."""
    rejects: tuple[Reject, ...]
    remarks: tuple[Reject, ...] = ()
    """Voters that were left out at some reviews, for another one that did the same."""


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
    """Tell at which closes a strategy votes, (D,).

    It is reviewed at the first close of each quarter before `validation_start`: until the next review it votes when
    so far its replay has agreed with the service's backtest and its annualised Sharpe ratio is at least `min_sharpe`.
    The last of these reviews stands from then on. So no vote rests on a day that came after it, and none from the
    validation window on chooses who is heard there.
    """
    performance = running_performance(record.returns.astype(np.float64), record.bars_per_year)
    seen = np.arange(1, len(record.dates) + 1) >= MIN_OBSERVATIONS
    good = seen & (performance.sharpe * np.sqrt(record.bars_per_year) >= min_sharpe)
    passes = good & (record.agreement > 0)
    last = np.full(len(record.dates), -1)
    reviews = quarter_starts(record.dates, validation_start)
    last[reviews] = reviews
    last = np.maximum.accumulate(last)
    return np.asarray((last >= 0) & passes[np.maximum(last, 0)])


def select_voters(
    records: Sequence[StrategyRecord],
    *,
    validation_start: np.datetime64,
    min_sharpe: float,
    max_correlation: float = 0.99,
) -> Electorate:
    """Drop copies and strategies that no review admits, and let near-identical ones vote once.

    Parameters
    ----------
    records
        The library, in any order.
    validation_start
        First day after the pre-training window.
    min_sharpe
        Least annualised Sharpe ratio at a review, see `admission`.
    max_correlation
        Correlation of daily returns so far above which two strategies count as one, see `one_voice_each`.
    """
    voters: list[StrategyRecord] = []
    admitted: list[NDArray[np.bool_]] = []
    sharpes: list[float] = []
    rejects: list[Reject] = []
    kept: StrategyRecord | None = None
    for record in sorted(records, key=lambda r: (r.content_hash, r.symphony_id)):
        if kept is not None and kept.content_hash == record.content_hash:
            reason = f"the same tree as {kept.symphony_id}: votes once"
            rejects.append(Reject(record.symphony_id, "duplicate", reason))
            continue
        kept = record
        sharpe = sharpe_before(record, validation_start)
        votes = admission(record, validation_start=validation_start, min_sharpe=min_sharpe)
        if sharpe is None:
            reason = f"fewer than {MIN_OBSERVATIONS} days of returns before {validation_start}"
            rejects.append(Reject(record.symphony_id, "quality", reason))
        elif not votes.any():
            rejects.append(_refusal(record, validation_start, min_sharpe))
        else:
            voters.append(record)
            admitted.append(votes)
            sharpes.append(sharpe)
    votes_now, silences = one_voice_each(
        voters, admitted, until=validation_start, max_correlation=max_correlation
    )
    remarks = {i: Reject(voters[i].symphony_id, "duplicate", str(said)) for i, said in silences.items()}
    heard = [i for i, votes in enumerate(votes_now) if votes.any()]
    return Electorate(
        voters=tuple(voters[i] for i in heard),
        admitted=tuple(votes_now[i] for i in heard),
        sharpe=tuple(sharpes[i] for i in heard),
        rejects=(*rejects, *(said for i, said in remarks.items() if not votes_now[i].any())),
        remarks=tuple(said for i, said in remarks.items() if votes_now[i].any()),
    )


def _refusal(record: StrategyRecord, validation_start: np.datetime64, min_sharpe: float) -> Reject:
    """Say why no review admits a strategy."""
    verdicts = record.agreement[quarter_starts(record.dates, validation_start)]
    never = f"at no review before {validation_start}"
    if (verdicts > 0).any():
        reason = f"{never} that its fidelity passed was its Sharpe ratio so far {min_sharpe:g} or more"
        return Reject(record.symphony_id, "quality", reason)
    if (verdicts < 0).any():
        reason = f"{never} did its replay agree with the service's backtest: {record.fidelity}"
    else:
        reason = f"{never} had it {MIN_COMMON_DAYS} days in common with the service's backtest"
    return Reject(record.symphony_id, "fidelity", reason)
