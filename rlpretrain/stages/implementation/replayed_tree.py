"""One tree of a symphony: its replay on all days of the market, compared with the service's backtest of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.composer import DailyValues
from rlpretrain.library.sources import BacktestTerms
from rlpretrain.market import Dates, PricePanel
from rlpretrain.patterns import Reject, StrategyRecord, TradeTable, leaf_scores, record_strategy
from rlpretrain.patterns.strategies.replaying import History, known_returns, net_backtest
from rlpretrain.patterns.strategies.version_records import VersionRecord
from rlpretrain.stages.extract import ReplaySettings
from rlpretrain.symphony import (
    MIN_COMMON_DAYS,
    DailyComparison,
    Evaluator,
    Fidelity,
    Replay,
    Symphony,
    backtest,
    compare_daily_values,
    equal_holdings,
)
from rlpretrain.symphony.evaluate import trades_every_day
from rlpretrain.symphony.levels import no_vote_reason

__all__ = ["ReplayedTree", "make_record", "replay_tree", "too_few_days"]


@dataclass(frozen=True)
class ReplayedTree:
    """A tree's replay, and how well it reproduces the service's backtest."""

    replay: Replay
    comparison: DailyComparison | None = None
    """None without a backtest."""
    fidelity: Fidelity | None = None
    """None without a backtest, or with too few days in common."""

    @property
    def symphony(self) -> Symphony:
        """The tree."""
        return self.replay.symphony

    def agreement(self, dates: Dates, settings: ReplaySettings) -> NDArray[np.int8]:
        """Return the verdict at each close, see `StrategyRecord.agreement`; 0 where the tree was not compared."""
        if self.comparison is None:
            return np.zeros(len(dates), np.int8)
        return self.comparison.agreement(
            dates, min_correlation=settings.min_fidelity, max_tracking_error=settings.max_tracking_error
        )

    def record(
        self, settings: ReplaySettings, panel: PricePanel, last_edit: dt.date | None
    ) -> tuple[StrategyRecord, TradeTable] | Reject:
        """Return the record and the trades of a strategy that is this tree on all days.

        One that disagrees is kept with its figures: the reviews decide which strategies vote, and when, by what was
        known then. The figures over all days decide nothing.
        """
        if self.fidelity is None:
            return too_few_days(self.symphony.symphony_id, self.comparison)
        agreement = self.agreement(self.replay.dates, settings)
        return make_record(settings, panel, self.replay, self.fidelity, agreement, last_edit)

    def version(
        self,
        settings: ReplaySettings,
        panel: PricePanel,
        *,
        version_id: str,
        number: int,
        first_close: np.datetime64,
        until: np.datetime64 | None,
    ) -> VersionRecord:
        """Return what the tree earned on all days, as a version of its symphony; see `VersionRecord`."""
        traded = net_backtest(
            self.replay,
            panel,
            fill=settings.fill,
            cost_bps=settings.cost_bps,
            crypto_cost_bps=settings.crypto_cost_bps,
        )
        undecided = self.replay.undecided
        decided = np.ones(len(self.replay.dates), np.bool_) if undecided is None else ~undecided
        return VersionRecord(
            symphony_id=self.symphony.symphony_id,
            version_id=version_id,
            content_hash=self.symphony.content_hash,
            number=number,
            first_close=first_close,
            until=until,
            nodes=self.symphony.node_count,
            bars_per_year=365 if trades_every_day(self.symphony, panel) else 252,
            dates=self.replay.dates[decided],
            returns=known_returns(traded)[decided].astype(np.float32),
            turnover=traded.turnover[decided].astype(np.float32),
        )


def replay_tree(
    settings: ReplaySettings,
    terms: BacktestTerms,
    evaluator: Evaluator,
    symphony: Symphony,
    theirs: DailyValues | None,
) -> ReplayedTree | Reject:
    """Replay a tree and compare it with the service's backtest of it, if there is one.

    Raises
    ------
    SymphonyError, DataError
        It cannot be replayed, or the backtest cannot be read.
    """
    replay = evaluator.replay(symphony, leaf_scores(symphony), margins=True)
    no_vote = no_vote_reason(symphony, evaluator.missing_raw_closes(replay))
    if no_vote is not None:
        return Reject(symphony.symphony_id, "level", no_vote)
    if theirs is None:
        return ReplayedTree(replay)
    ours = backtest(
        replay,
        evaluator.panel,
        terms.costs,
        "same_close",
        capital=terms.capital,
        whole_share_tickers=settings.whole_share_tickers,
    )
    comparison = compare_daily_values(
        ours.dates,
        ours.equity,
        theirs.dates,
        1.0 + theirs.symphony,
        near=None if replay.margins is None else replay.margins.within_noise,
        undecided=replay.undecided,
        resolution=theirs.resolution,
    )
    shared = None if theirs.weights is None else equal_holdings(replay, theirs.dates, theirs.weights)
    return ReplayedTree(replay, comparison, comparison.overall(shared))


def too_few_days(symphony_id: str, comparison: DailyComparison | None) -> Reject:
    """Return the reject of a strategy that cannot be compared with the service's backtest."""
    days = 0 if comparison is None else len(comparison.dates)
    reason = f"{days} days in common with the service's backtest, fewer than {MIN_COMMON_DAYS}"
    return Reject(symphony_id, "fidelity", reason)


def make_record(
    settings: ReplaySettings,
    panel: PricePanel,
    replay: Replay,
    fidelity: Fidelity,
    agreement: NDArray[np.int8],
    last_edit: dt.date | None,
    history: History | None = None,
) -> tuple[StrategyRecord, TradeTable]:
    """Return a replay's record and trades with the run's costs; see `record_strategy`."""
    return record_strategy(
        replay,
        panel,
        fidelity=fidelity,
        agreement=agreement,
        fill=settings.fill,
        cost_bps=settings.cost_bps,
        crypto_cost_bps=settings.crypto_cost_bps,
        last_edit=last_edit,
        history=history,
    )
