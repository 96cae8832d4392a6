"""Who may vote: strategies good enough up to the end of the pre-training window, each tree once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlpretrain.patterns.performance import MIN_OBSERVATIONS
from rlpretrain.patterns.records import StrategyRecord

__all__ = ["Electorate", "Reject", "select_voters", "sharpe_before"]


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


def select_voters(
    records: Sequence[StrategyRecord], *, validation_start: np.datetime64, min_sharpe: float
) -> Electorate:
    """Drop copies and weak strategies.

    The choice looks at returns before `validation_start` and no further. For votes inside the pre-training
    window that is a choice made with hindsight, as any selection of a model on its training set is; votes
    after it, by which models are judged, know nothing that came later.

    Parameters
    ----------
    records
        The library, in any order.
    validation_start
        First day after the pre-training window.
    min_sharpe
        Least annualised Sharpe ratio.
    """
    voters: list[StrategyRecord] = []
    sharpes: list[float] = []
    rejects: list[Reject] = []
    for record in sorted(records, key=lambda r: (r.content_hash, r.symphony_id)):
        if voters and voters[-1].content_hash == record.content_hash:
            rejects.append(
                Reject(
                    record.symphony_id, "duplicate", f"the same tree as {voters[-1].symphony_id}: votes once"
                )
            )
            continue
        sharpe = sharpe_before(record, validation_start)
        if sharpe is None:
            reason = f"fewer than {MIN_OBSERVATIONS} days of returns before {validation_start}"
        elif not sharpe >= min_sharpe:
            reason = f"Sharpe ratio {sharpe:.2f} before {validation_start} is below {min_sharpe:g}"
        else:
            voters.append(record)
            sharpes.append(sharpe)
            continue
        rejects.append(Reject(record.symphony_id, "quality", reason))
    return Electorate(tuple(voters), tuple(sharpes), tuple(rejects))
