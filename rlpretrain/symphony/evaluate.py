"""Replay a symphony: compute the weights that it decides at every close, for all days at once.

The walk goes down from the root with the days on which each node is active. An `If` splits the days between
its branches, so that a tree with thousands of leaves costs only what its active leaves cost. Where weights depend
on what a sub-strategy earned (a filter or an inverse-volatility split over groups), its returns are
computed first, from the leaves upwards, once for each distinct subtree.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import SymphonyError
from rlpretrain.market.calendars import is_crypto
from rlpretrain.market.findings import left_out_because
from rlpretrain.market.panel import Dates, Floats, PricePanel
from rlpretrain.symphony.budget import check_cells
from rlpretrain.symphony.margins import Decision, DecisionTable, Margins, NearestDecisions, Witness
from rlpretrain.symphony.missing import (
    MissingTickers,
    UndecidedDays,
    lacking_tickers,
    missing_remark,
    undecided_days,
)
from rlpretrain.symphony.nodes import (
    Asset,
    Empty,
    EqualWeight,
    Filter,
    If,
    InverseVolatility,
    SpecifiedWeight,
    Symphony,
)
from rlpretrain.symphony.portions import Portion, branches, hold, selected
from rlpretrain.symphony.prices import PriceTable, first_known
from rlpretrain.symphony.rebalance import apply_rebalancing, period_starts
from rlpretrain.symphony.substrategy import Substrategies, indispensable_tickers

__all__ = ["Activity", "Evaluator", "Replay", "visit_counts"]


@dataclass(frozen=True)
class Replay:
    """What a symphony held.

    Weights of day t were decided with prices up to the close of day t and are held after that close.
    """

    symphony: Symphony
    dates: Dates
    """(D,) trading days from the first on which everything that the tree reads is known."""
    tickers: tuple[str, ...]
    """(n,) all tickers that the symphony can hold, but for those without any price."""
    closes: Floats
    """(D, n) their adjusted closes; NaN only where a ticker is not held after the day, or no longer has prices."""
    targets: Floats
    """(D, n) weights held after each close; the rest up to 1 is cash. Between rebalances they drift."""
    rebalanced: NDArray[np.bool_]
    """(D,) days on which the weights were set to what the tree wanted."""
    scores: NDArray[np.float32] | None = None
    """(D, n, K) weighted sum of each holding's active leaves' scores."""
    margins: Margins | None = None
    """How near the decisions were to turning; None unless asked for."""
    undecided: NDArray[np.bool_] | None = None
    """(D,) days on which it is unknown what is held, because a ticker lacks prices, see
    `rlpretrain.symphony.missing`; nothing is held there. None where nothing is missing."""
    remarks: tuple[str, ...] = ()
    """What the replay had to leave out."""

    def between(self, start: int, stop: int) -> Replay:
        """Return rows `start` to `stop` (excluded), with the portfolio bought on the first of them."""
        rebalanced = self.rebalanced[start:stop].copy()
        rebalanced[:1] = True
        return replace(
            self,
            dates=self.dates[start:stop],
            closes=self.closes[start:stop],
            targets=self.targets[start:stop],
            rebalanced=rebalanced,
            scores=None if self.scores is None else self.scores[start:stop],
            margins=None if self.margins is None else self.margins.take(slice(start, stop)),
            undecided=None if self.undecided is None else self.undecided[start:stop],
        )

    @property
    def cash(self) -> Floats:
        """Share held as cash after each close (D,); only empty nodes leave cash."""
        cash = 1.0 - self.targets.sum(axis=1)
        return np.where(np.abs(cash) < 1e-12, 0.0, cash)


@dataclass(frozen=True)
class Activity:
    """How much of the time, and with how much of the money, each node was active.

    A node has a row for every place where it occurs, in the order of the walk from the root, parents first:
    see `visit_counts`.
    """

    replay: Replay
    days: Floats
    """(V,) share of the days on which the node had a part of the portfolio."""
    weight: Floats
    """(V,) mean weight over all days, as decided at the last rebalance, without later drift."""


def visit_counts(symphony: Symphony) -> tuple[int, ...]:
    """Return the number of places in and under each node, counting a shared subtree wherever it occurs.

    In `Activity` a node at row v has its first child at row v + 1, and each further child after all places of
    the previous one.
    """
    counts: list[int] = []
    for node in symphony.nodes:
        children = () if isinstance(node, (Asset, Empty)) else node.children
        counts.append(1 + sum(counts[child] for child in children))
    return tuple(counts)


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
        crypto = all(
            is_crypto(ticker) if ticker in missing else self.panel.crypto[self.panel.column(ticker)]
            for ticker in symphony.tickers
        )
        return self._every_day if crypto else self._sessions

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
        scores = None if walk.scores is None else _carry(walk.scores, walk.wanted, targets, rebalanced)
        found = None
        if nearest is not None:
            # Without a calendar the tree is asked at every close; else the last rebalance decided.
            decides = np.full(len(dates), symphony.rebalance == "none") | rebalanced
            found = nearest.margins().take(np.maximum.accumulate(np.where(decides, np.arange(len(dates)), 0)))
        replay = Replay(symphony, dates, symphony.holdings, closes, targets, rebalanced, scores, found, lost)
        return replay if lost is None else _decided(replay, walk.table, lacking)

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
        """Count for each ticker whose level decides the days without a raw close; a vote needs 0.

        They are counted from its first raw close to the last replayed day, because sub-strategies begin earlier than
        the replay; if it has no raw close, all replayed days count.
        """
        table = self.table(replay.symphony)
        stop = int(np.searchsorted(table.dates, replay.dates[-1])) + 1
        missing: dict[str, int] = {}
        for ticker in sorted({ticker for rule in replay.symphony.level_rules for ticker in rule.tickers}):
            raw = table.raw_close(ticker)
            unknown = len(replay.dates) if raw is None else np.isnan(raw[first_known(raw) : stop]).sum()
            missing[ticker] = int(unknown)
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
        days = len(replay.dates)
        decided = np.flatnonzero(replay.rebalanced)
        in_force = np.zeros(days)
        in_force[decided] = np.diff(decided, append=days)
        if replay.undecided is not None:
            in_force[replay.undecided] = 0.0
        first, last = (day.astype(object) for day in replay.dates[[0, -1]])
        walk = self._walk(symphony, first, last, in_force=in_force)
        walk.run()
        return Activity(replay, walk.days / days, walk.weight / days)

    def _walk(
        self,
        symphony: Symphony,
        start: dt.date | None,
        end: dt.date | None,
        leaf_scores: NDArray[np.float32] | None = None,
        in_force: Floats | None = None,
        *,
        contests: bool = False,
    ) -> _Walk:
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
        return _Walk(symphony, table, strategies, first, stop, leaf_scores, in_force)


class _Walk:
    """One pass down the tree: wanted weights, active leaves and scores for the days from `start` to `stop`."""

    def __init__(
        self,
        symphony: Symphony,
        table: PriceTable,
        strategies: Substrategies,
        start: int,
        stop: int,
        leaf_scores: NDArray[np.float32] | None,
        in_force: Floats | None,
    ) -> None:
        self.symphony, self.table, self.strategies = symphony, table, strategies
        self.start, self.stop = start, stop
        shape = (stop - start, len(symphony.holdings))
        self.wanted = np.zeros(shape)
        self.signature = np.zeros(shape[0], np.uint64)
        """(D,) equal on two days exactly when the same leaves are active."""
        self.in_force = in_force
        """(D,) number of days for which each day's decision was in force; None when activity is not counted."""
        self.sizes = visit_counts(symphony)
        self.days = np.zeros(self.sizes[symphony.root] if in_force is not None else 0)
        self.weight = np.zeros_like(self.days)
        self.leaf_scores = None if leaf_scores is None else np.asarray(leaf_scores, np.float32)
        self.scores = None
        if self.leaf_scores is not None:
            leaves = symphony.leaf_counts[symphony.root]
            if self.leaf_scores.ndim != 2 or len(self.leaf_scores) != leaves:
                raise ValueError(f"leaf_scores has shape {self.leaf_scores.shape}, expected ({leaves}, K)")
            self.scores = np.zeros((*shape, self.leaf_scores.shape[1]), np.float32)

    def leave_out(self, rows: NDArray[np.bool_]) -> None:
        """Set the wanted weights to zero on some days (D,)."""
        self.wanted[rows] = 0.0
        if self.scores is not None:
            self.scores[rows] = 0.0

    def run(self, *witnesses: Witness) -> None:
        """Follow the active days down the tree; each witness is shown each active node."""
        columns = {ticker: i for i, ticker in enumerate(self.symphony.holdings)}
        nodes, counts = self.symphony.nodes, self.symphony.leaf_counts
        rng = np.random.default_rng(0)
        marks = rng.integers(0, 2**64, size=counts[self.symphony.root], dtype=np.uint64)
        rows = np.arange(self.start, self.stop)
        stack: list[tuple[int, int, int, Portion]] = [(self.symphony.root, 0, 0, (rows, np.ones(len(rows))))]
        while stack:
            position, visit, leaf, (rows, weight) = stack.pop()
            if not len(rows):
                continue
            if self.in_force is not None:
                days = self.in_force[rows - self.start]
                self.days[visit] = days.sum()
                self.weight[visit] = days @ weight
            node = nodes[position]
            for witness in witnesses:
                witness.meet(self.symphony, position, visit, rows)
            match node:
                case Asset(ticker):
                    column = columns[ticker]
                    hold(self.wanted, self.signature, self.start, column, marks[leaf], rows, weight)
                    if self.scores is not None and self.leaf_scores is not None:
                        at = rows - self.start
                        self.scores[at, column] += weight[:, None] * self.leaf_scores[leaf]
                    continue
                case Empty():
                    continue
                case EqualWeight(children):
                    share = weight / len(children)
                    parts = [(rows, share)] * len(children)
                case SpecifiedWeight(children, weights):
                    parts = [(rows, weight * w) if w > 0 else (rows[:0], weight[:0]) for w in weights]
                case If(_, children):
                    parts = list(branches(rows, weight, self.strategies.holds(position)))
                case Filter(_, _, _, children) | InverseVolatility(children, _):
                    split = self.strategies.split(position)
                    parts = [selected(rows, weight, split, j) for j in range(len(children))]
            visit += 1
            for child, part in zip(children, parts, strict=True):
                stack.append((child, visit, leaf, part))
                visit += self.sizes[child]
                leaf += counts[child]


def _decided(replay: Replay, table: PriceTable, lacking: tuple[str, ...]) -> Replay:
    """Return a replay of the tickers with prices, from its first decided day to its last one, with a remark.

    Raises
    ------
    SymphonyError
        No day is decided.
    """
    assert replay.undecided is not None  # noqa: S101 - as the caller computed it
    name, days = replay.symphony.symphony_id, len(replay.dates)
    remark = missing_remark(replay.symphony, table, lacking, int(replay.undecided.sum()), days)
    decided = np.flatnonzero(~replay.undecided)
    if not len(decided):
        raise SymphonyError(f"{name}: {remark}")
    priced = [i for i, ticker in enumerate(replay.tickers) if ticker in table]
    return replace(
        replay.between(int(decided[0]), int(decided[-1]) + 1),
        tickers=tuple(replay.tickers[i] for i in priced),
        closes=replay.closes[decided[0] : decided[-1] + 1, priced],
        targets=replay.targets[decided[0] : decided[-1] + 1, priced],
        scores=None if replay.scores is None else replay.scores[decided[0] : decided[-1] + 1, priced],
        remarks=(remark,),
    )


def _carry(
    scores: NDArray[np.float32], wanted: Floats, targets: Floats, rebalanced: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Carry each holding's scores forward from the last rebalance, in proportion to its drifted weight."""
    if rebalanced.all():
        return scores
    days = np.arange(len(wanted))
    last = np.maximum.accumulate(np.where(rebalanced, days, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(wanted[last] > 0, targets / wanted[last], 0.0)
    return scores[last] * ratio[:, :, None].astype(np.float32)
