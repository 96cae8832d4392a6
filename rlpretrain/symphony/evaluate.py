"""Replay symphonies: compute the weights that they decide at every close, for all days at once.

Each replay is a walk down the tree (see `rlpretrain.symphony.walk`). Where weights depend on what a sub-strategy earned
(a filter or an inverse-volatility split over groups), its returns are computed first, from the leaves upwards, once for
each distinct subtree.
"""

from __future__ import annotations

import datetime as dt
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import SymphonyError
from rlpretrain.market.calendars import is_crypto
from rlpretrain.market.findings import left_out_because
from rlpretrain.market.panel import PricePanel
from rlpretrain.symphony.activity import Activity, ActivityCounter
from rlpretrain.symphony.budget import check_cells
from rlpretrain.symphony.margins import Decision, DecisionTable, NearestDecisions
from rlpretrain.symphony.missing import (
    MissingTickers,
    UndecidedDays,
    decided_part,
    lacking_tickers,
    undecided_days,
)
from rlpretrain.symphony.nodes import Symphony
from rlpretrain.symphony.prices import PriceTable, first_known
from rlpretrain.symphony.rebalance import apply_rebalancing, carry_scores, period_starts
from rlpretrain.symphony.replay import Replay
from rlpretrain.symphony.substrategy import Substrategies, indispensable_tickers
from rlpretrain.symphony.walk import Walk

__all__ = ["Evaluator", "trades_every_day"]


def trades_every_day(symphony: Symphony, panel: PricePanel) -> bool:
    """Return whether all the tickers that a symphony holds or reads are crypto, which trades every calendar day."""
    return all(
        bool(panel.crypto[panel.column(ticker)]) if ticker in panel else is_crypto(ticker)
        for ticker in symphony.tickers
    )


class Evaluator:
    """Replays symphonies on one panel of prices; indicator columns are shared between them.

    Parameters
    ----------
    panel
        Adjusted prices.
    missing_tickers
        ``reject`` rejects a symphony that holds or reads a ticker which is not in the panel, and stops at the last day
        on which all tickers have prices. ``replay_without`` leaves out the days that need a ticker without a price;
        where a sub-strategy needs it, every day does.
    """

    def __init__(self, panel: PricePanel, *, missing_tickers: MissingTickers = "reject") -> None:
        self.panel = panel
        self._missing_tickers = missing_tickers

    @cached_property
    def _sessions(self) -> PriceTable:
        return PriceTable(self.panel, self.panel.sessions)

    @cached_property
    def _every_day(self) -> PriceTable:
        return PriceTable(self.panel, np.arange(len(self.panel.dates)))

    def with_missing_tickers(self, missing_tickers: MissingTickers) -> Evaluator:
        """Return an evaluator that shares the columns of this one and treats missing tickers otherwise."""
        other = Evaluator(self.panel, missing_tickers=missing_tickers)
        # Both tables are computed on access, and kept under these names.
        vars(other).update(_sessions=self._sessions, _every_day=self._every_day)
        return other

    def table(self, symphony: Symphony) -> PriceTable:
        """Return the prices on a symphony's calendar.

        The calendar is every day if all the tickers that it holds or reads are crypto, else the exchange's sessions.

        Raises
        ------
        SymphonyError
            The panel lacks a ticker; with ``replay_without``, one that a sub-strategy needs, or all.
        """
        missing = [ticker for ticker in symphony.tickers if ticker not in self.panel]
        needed = set(missing)
        if self._missing_tickers == "replay_without" and len(missing) < len(symphony.tickers):
            needed &= indispensable_tickers(symphony)
        if needed:
            places = "; ".join(
                f"{ticker} at {symphony.first_use[ticker]}{left_out_because(self.panel.findings, ticker)}"
                for ticker in sorted(needed)
            )
            raise SymphonyError(f"{symphony.symphony_id}: no prices of {places}")
        return self._every_day if trades_every_day(symphony, self.panel) else self._sessions

    def replay(
        self,
        symphony: Symphony,
        leaf_scores: NDArray[np.float32] | None = None,
        *,
        start: dt.date | None = None,
        end: dt.date | None = None,
        margins: bool = False,
    ) -> Replay:
        """Compute the weights of every day.

        The first day is the first one on which every ticker and window of the tree is known; the last day is the last
        one on which every ticker has a price.

        Parameters
        ----------
        symphony
            A parsed symphony.
        leaf_scores
            (L, K) one vector for each of `symphony.leaves`; `Replay.scores` is their sum by the leaves' weights.
        start, end
            Buy on the first day from `start` on, and stop after `end`; indicators still look back before `start`.
        margins
            Whether to compute `Replay.margins`.

        Raises
        ------
        SymphonyError
            A ticker has no prices, or there is no day on which everything that the tree reads is known.
        """
        walk = self._walk(symphony, start, end, leaf_scores, contests=margins)
        nearest = NearestDecisions(walk.table, walk.strategies, walk.start, walk.stop) if margins else None
        lacking: tuple[str, ...] = ()
        if self._missing_tickers == "replay_without":
            lacking = lacking_tickers(symphony, walk.table, walk.stop)
        unknown = UndecidedDays(walk.table, walk.strategies, walk.start, walk.stop) if lacking else None
        walk.run(*(witness for witness in (nearest, unknown) if witness is not None))
        dates = walk.table.dates[walk.start : walk.stop]
        span = slice(walk.start, walk.stop)
        closes = np.stack([walk.table.close(ticker)[span] for ticker in symphony.holdings], axis=1)
        due = period_starts(dates, symphony.rebalance)
        corridor = np.inf
        if symphony.rebalance == "none":
            due[1:] |= walk.signature[1:] != walk.signature[:-1]
            corridor = np.inf if symphony.corridor_width is None else symphony.corridor_width
        lost = None
        if unknown is not None:
            lost = undecided_days(unknown.days, due, symphony.rebalance, walk.wanted, closes)
            due |= lost
            walk.leave_out(lost)
        targets, rebalanced = apply_rebalancing(walk.wanted, closes, due, corridor)
        scores = None if walk.scores is None else carry_scores(walk.scores, walk.wanted, targets, rebalanced)
        found = None
        if nearest is not None:
            # Without a calendar the tree is asked at every close; else the last rebalance decided.
            decides = np.full(len(dates), symphony.rebalance == "none") | rebalanced
            found = nearest.margins().take(np.maximum.accumulate(np.where(decides, np.arange(len(dates)), 0)))
        replay = Replay(symphony, dates, symphony.holdings, closes, targets, rebalanced, scores, found, lost)
        return replay if lost is None else decided_part(replay, walk.table, lacking)

    def decisions(self, symphony: Symphony, day: dt.date) -> tuple[Decision, ...]:
        """Return the decisions that are active at the close of one day, nearest to turning first.

        Raises
        ------
        SymphonyError
            See `replay`; or the symphony decides nothing on this day.
        """
        walk = self._walk(symphony, day, day, contests=True)
        table = DecisionTable(walk.table, walk.strategies, walk.start)
        walk.run(table)
        return table.decisions()

    def missing_raw_closes(self, replay: Replay) -> dict[str, int]:
        """Count for each ticker whose level decides the days with a close and no raw one; a vote needs 0.

        They are counted from its first raw close to the last replayed day, because sub-strategies begin earlier than
        the replay; if it has no raw close, from the first replayed day. Days without any close do not count: where
        they are needed, `Replay.undecided` has them.
        """
        table = self.table(replay.symphony)
        begin, last = np.searchsorted(table.dates, replay.dates[[0, -1]])
        missing: dict[str, int] = {}
        for ticker in sorted({ticker for rule in replay.symphony.level_rules for ticker in rule.tickers}):
            lacking, raw = np.isfinite(table.close(ticker)), table.raw_close(ticker)
            first = int(begin) if raw is None else first_known(raw)
            if raw is not None:
                lacking &= np.isnan(raw)
            missing[ticker] = int(lacking[first : last + 1].sum())
        return missing

    def activity(
        self, symphony: Symphony, *, start: dt.date | None = None, end: dt.date | None = None
    ) -> Activity:
        """Count for each node of the tree the days on which it was active.

        Raises
        ------
        SymphonyError
            See `replay`.
        """
        replay = self.replay(symphony, start=start, end=end)
        first, last = (day.astype(object) for day in replay.dates[[0, -1]])
        walk = self._walk(symphony, first, last)
        counter = ActivityCounter(replay, walk.start)
        walk.run(counter)
        return counter.activity()

    def _walk(
        self,
        symphony: Symphony,
        start: dt.date | None,
        end: dt.date | None,
        leaf_scores: NDArray[np.float32] | None = None,
        *,
        contests: bool = False,
    ) -> Walk:
        table = self.table(symphony)
        check_cells(symphony, len(table))
        ends = {ticker: table.span(ticker)[1] for ticker in symphony.tickers}
        stop = 1 + min(ends.values())
        absent = None
        if self._missing_tickers == "replay_without":
            stop = 1 + min([max(ends.values()), *(ends[name] for name in indispensable_tickers(symphony))])
            absent = frozenset(ticker for ticker, end in ends.items() if end < 0)
        strategies = Substrategies(symphony, table, stop, contests=contests, absent=absent)
        first = strategies.starts[symphony.root]
        if first >= stop:
            left_out = "".join(
                f"; {ticker}{reason}"
                for ticker in symphony.tickers
                if (reason := left_out_because(self.panel.findings, ticker))
            )
            raise SymphonyError(
                f"{symphony.symphony_id}: there is no day on which all its tickers and windows are known{left_out}",
                hint=strategies.bottleneck(),
            )
        whole = f"from {table.dates[first]} to {table.dates[stop - 1]}"
        if start is not None:
            first = max(first, int(np.searchsorted(table.dates, np.datetime64(start, "D"))))
        if end is not None:
            stop = min(stop, int(np.searchsorted(table.dates, np.datetime64(end, "D"), side="right")))
        if first >= stop:
            raise SymphonyError(
                f"{symphony.symphony_id}: it cannot be replayed on any day from {start or 'the beginning'} "
                f"to {end or 'the end'}",
                hint=f"it can be replayed {whole}",
            )
        return Walk(symphony, table, strategies, first, stop, leaf_scores)
