"""The library's own figures with and without the strategies that were edited in the test window.

The agent is not trained again: the comparison is of the consensus that it learns from and sees in its state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlpretrain.errors import DataError
from rlpretrain.market import PricePanel
from rlpretrain.market.windows import Windows
from rlpretrain.patterns import (
    ConsensusRecord,
    StrategyRecord,
    follow_consensus,
    tally_votes,
)
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages.implementation.mine import elect, split_late_edits
from rlpretrain.validation.metrics import sharpe_ratio
from rlpretrain.validation.report import LateEdits, LateEditWindow, LibraryRecord
from rlpretrain.validation.sharpe import sharpe_difference
from rlpretrain.validation.statistics import Interval

__all__ = ["late_edits"]

_SESSIONS = 252


def late_edits(
    records: Sequence[StrategyRecord], panel: PricePanel, windows: Windows, config: PretrainingConfig
) -> LateEdits:
    """Compare the consensus of the whole library with that of the strategies last edited before the test window."""
    others, late = split_late_edits(records, windows.test_start)
    found = LateEdits(
        late=len(late),
        unknown=sum(record.last_edit is None for record in records),
        vote=config.allow_late_edits,
    )
    if not late:
        return found
    without, included = (_follow(part, panel, windows, config) for part in (others, records))
    return found.model_copy(update={"windows": tuple(
        LateEditWindow(
            name=name,
            without=_figures(*without[name]),
            included=_figures(*included[name]),
            difference=_difference(included[name][1], without[name][1], config),
        )
        for name in without
        if name in included
    )})  # fmt: skip


def _follow(
    records: Sequence[StrategyRecord], panel: PricePanel, windows: Windows, config: PretrainingConfig
) -> dict[str, tuple[int, ConsensusRecord]]:
    """Select voters among the records and follow their consensus on both windows; empty if there are no voters."""
    rules = config
    electorate = elect(records, config, windows.validation_start)
    try:
        tally = tally_votes(electorate.voters, panel, electorate.admitted)
    except DataError:
        return {}
    voters = sum(bool(admitted[-1]) for admitted in electorate.admitted)
    after = windows.end + np.timedelta64(1, "D")
    spans = {
        "Validation": (windows.validation_start, windows.test_start),
        "Test": (windows.test_start, after),
    }
    return {name: (voters, follow_consensus(tally, panel, rules, *span)) for name, span in spans.items()}


def _figures(voters: int, record: ConsensusRecord) -> LibraryRecord:
    decided = len(record.rewards) > 0
    return LibraryRecord(
        voters=voters,
        decisions=len(record.rewards),
        hit_rate=float((record.rewards > 0).mean()) if decided else None,
        mean_reward=float(record.rewards.mean()) if decided else None,
        sharpe=sharpe_ratio(record.returns, _SESSIONS),
        holding_sharpe=sharpe_ratio(record.holding, _SESSIONS),
    )


def _difference(
    included: ConsensusRecord, without: ConsensusRecord, config: PretrainingConfig
) -> Interval | None:
    """Compare the two Sharpe ratios on the window's sessions, which are the same for both."""
    found = sharpe_difference(
        included.returns,
        without.returns,
        _SESSIONS,
        level=config.promotion_confidence,
        samples=config.bootstrap_samples,
        rng=np.random.default_rng([config.seed, 6]),
    )
    return None if found is None else found.interval
