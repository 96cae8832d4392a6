"""Who may vote, and when: strategies that are reproduced and good enough so far, each tree once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Dates
from rlpretrain.patterns.performance import MIN_OBSERVATIONS, running_performance
from rlpretrain.patterns.records import StrategyRecord
from rlpretrain.symphony import MIN_COMMON_DAYS

__all__ = ["Electorate", "Reject", "admission", "select_voters", "sharpe_before"]


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


def sharpe_before(record: StrategyRecord, day: np.datetime64) -> float | None:
    """Give the annualised Sharpe ratio of the net returns before `day`; None if there are too few."""
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
    review = _reviews(record.dates, validation_start)
    last = np.maximum.accumulate(np.where(review, np.arange(len(review)), -1))
    return np.asarray((last >= 0) & passes[np.maximum(last, 0)])


def _reviews(dates: Dates, validation_start: np.datetime64) -> NDArray[np.bool_]:
    """Mark the first close of each quarter before `validation_start`, (D,)."""
    quarters = dates.astype("datetime64[M]").astype(np.int64) // 3
    return np.diff(quarters, prepend=quarters[:1] - 1).astype(bool) & (dates < validation_start)


def select_voters(
    records: Sequence[StrategyRecord], *, validation_start: np.datetime64, min_sharpe: float
) -> Electorate:
    """Drop copies and strategies that no review admits.

    Parameters
    ----------
    records
        The library, in any order.
    validation_start
        First day after the pre-training window.
    min_sharpe
        Least annualised Sharpe ratio at a review, see `admission`.
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
    return Electorate(tuple(voters), tuple(admitted), tuple(sharpes), tuple(rejects))


def _refusal(record: StrategyRecord, validation_start: np.datetime64, min_sharpe: float) -> Reject:
    """Say why no review admits a strategy."""
    verdicts = record.agreement[_reviews(record.dates, validation_start)]
    never = f"at no review before {validation_start}"
    if (verdicts > 0).any():
        reason = f"{never} that its fidelity passed was its Sharpe ratio so far {min_sharpe:g} or more"
        return Reject(record.symphony_id, "quality", reason)
    if (verdicts < 0).any():
        reason = f"{never} did its replay agree with the service's backtest: {record.fidelity}"
    else:
        reason = f"{never} had it {MIN_COMMON_DAYS} days in common with the service's backtest"
    return Reject(record.symphony_id, "fidelity", reason)
