"""Hindsight, measured: what the library's consensus gains from rules that were written after the days they decide on.

The consensus is followed three times: of each strategy as it was on the day, of today's rules without the strategies
that were edited in the test window, and of today's rules of all. The agent is not trained again: the comparison is of
the consensus that it learns from and sees in its state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlpretrain.market import PricePanel
from rlpretrain.market.windows import Windows
from rlpretrain.patterns import (
    ConsensusRecord,
    StrategyRecord,
    follow_consensus,
    tally_votes,
)
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages.implementation.mine import elect, split_late_edits, standing_on
from rlpretrain.validation.metrics import sharpe_ratio
from rlpretrain.validation.report import (
    FollowedLibrary,
    Hindsight,
    HindsightWindow,
    LibraryRecord,
    LibraryState,
)
from rlpretrain.validation.sharpe import sharpe_difference
from rlpretrain.validation.statistics import Interval

__all__ = ["measure_hindsight"]

_SESSIONS = 252


def measure_hindsight(
    records: Sequence[StrategyRecord],
    last: Sequence[StrategyRecord],
    panel: PricePanel,
    windows: Windows,
    config: PretrainingConfig,
) -> Hindsight:
    """Compare the consensus of the strategies as they were with that of their last versions.

    Parameters
    ----------
    records
        The library as the run reads it.
    last
        The last versions, on all days, of the records that follow versions; empty where none does.
    """
    now = [*last, *(record for record in records if not record.versions)]
    others, late = split_late_edits(now, windows.test_start)
    found = Hindsight(
        with_versions=sum(bool(record.versions) for record in records),
        without_versions=sum(not record.versions for record in records),
        late=len(late),
        unknown=sum(record.last_edit is None for record in now),
        vote=config.allow_late_edits,
    )
    libraries: dict[LibraryState, Sequence[StrategyRecord]] = {}
    if found.with_versions:
        edited = {record.symphony_id for record in late}
        libraries["point in time"] = [
            record for record in records if record.versions or record.symphony_id not in edited
        ]
    if late:
        libraries["no late edits"] = others
    libraries["last versions"] = now
    if len(libraries) == 1:
        return found
    followed = {state: _follow(part, panel, windows, config) for state, part in libraries.items()}
    reference = next(iter(followed))
    voting = {state: windows_followed for state, windows_followed in followed.items() if windows_followed}
    if reference not in voting or len(voting) == 1:
        return found
    return found.model_copy(
        update={"windows": tuple(_compare(name, voting, config) for name in voting[reference])}
    )


_Followed = dict[str, tuple[int, ConsensusRecord]]
"""Window -> strategies that vote at its last close, and the consensus on it."""


def _follow(
    records: Sequence[StrategyRecord], panel: PricePanel, windows: Windows, config: PretrainingConfig
) -> _Followed:
    """Select voters among the records and follow their consensus on both windows; empty if there are no voters."""
    electorate = elect(records, config, windows.validation_start)
    if not electorate.voters:
        return {}
    tally = tally_votes(electorate.voters, panel, electorate.admitted)
    after = windows.end + np.timedelta64(1, "D")
    spans = {
        "Validation": (windows.validation_start, windows.test_start),
        "Test": (windows.test_start, after),
    }
    followed: _Followed = {}
    for name, (start, stop) in spans.items():
        record = follow_consensus(tally, panel, config, start, stop)
        followed[name] = standing_on(electorate, record.dates[-1:])[0].voters, record
    return followed


def _compare(
    name: str, followed: dict[LibraryState, _Followed], config: PretrainingConfig
) -> HindsightWindow:
    """Compare each library with the first on a window."""
    first = next(iter(followed.values()))[name][1]
    return HindsightWindow(
        name=name,
        libraries=tuple(
            FollowedLibrary(
                state=state,
                record=_figures(*found[name]),
                difference=None if found[name][1] is first else _difference(found[name][1], first, config),
            )
            for state, found in followed.items()
        ),
    )


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
    record: ConsensusRecord, reference: ConsensusRecord, config: PretrainingConfig
) -> Interval | None:
    """Compare two Sharpe ratios on the window's sessions, which are the same for both."""
    found = sharpe_difference(
        record.returns,
        reference.returns,
        _SESSIONS,
        level=config.promotion_confidence,
        samples=config.bootstrap_samples,
        rng=np.random.default_rng([config.seed, 6]),
    )
    return None if found is None else found.interval
