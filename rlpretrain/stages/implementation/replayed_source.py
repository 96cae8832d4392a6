"""A symphony's replay: today's tree on all days or, where its versions are known, each of them on its own days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError, SymphonyError
from rlpretrain.library.answers import Answers
from rlpretrain.library.boundary import UNFORESEEN, unforeseen_version
from rlpretrain.library.history import Remark
from rlpretrain.library.sources import BacktestTerms, Source, VersionSource
from rlpretrain.market import Dates
from rlpretrain.patterns import Reject, StrategyRecord, TradeTable, asset_reasons, classify_leaves
from rlpretrain.patterns.strategies.replaying import History
from rlpretrain.patterns.strategies.strategy_records import VersionSpan
from rlpretrain.patterns.strategies.version_records import VersionRecord
from rlpretrain.stages.extract import ReplaySettings
from rlpretrain.stages.implementation.replayed_tree import (
    ReplayedTree,
    make_record,
    replay_tree,
    too_few_days,
)
from rlpretrain.symphony import Evaluator, Fidelity, Replay, ReplayedVersion, parse_symphony, stitch
from rlpretrain.symphony.evaluate import trades_every_day

__all__ = ["Replayed", "SourceReplayer"]


@dataclass(frozen=True)
class Replayed:
    """What is kept of a symphony."""

    record: StrategyRecord
    """What votes."""
    trades: TradeTable
    by_level: bool
    """Whether a tree of it decides by the level of a price."""
    last: StrategyRecord | None = None
    """Today's tree on all days, where `record` is stitched from versions and today's tree can be replayed."""
    versions: tuple[VersionRecord, ...] = ()
    remarks: tuple[Remark, ...] = ()
    """What became of versions that cannot be replayed or compared."""


@dataclass(frozen=True)
class SourceReplayer:
    """Replays symphonies on one market.

    Parameters
    ----------
    settings
        What a replay depends on.
    terms
        Terms of the service's backtests.
    answers
        Where trees and backtests are kept.
    evaluator
        Evaluator of the market.
    """

    settings: ReplaySettings
    terms: BacktestTerms
    answers: Answers
    evaluator: Evaluator

    def replay(self, source: Source) -> Replayed | Reject:
        """Replay a symphony.

        Raises
        ------
        DamagedError
            A tree or backtest is no longer in the cache.
        """
        if source.versions:
            return self._versions(source)
        if source.reject is not None:
            return source.reject
        today = self._today(source)
        return today if isinstance(today, Reject) else self._one_tree(source, today)

    def _today(self, source: Source) -> ReplayedTree | Reject:
        """Replay today's tree."""
        symphony, theirs = source.parse(self.answers), source.daily_values(self.answers)
        try:
            return replay_tree(self.settings, self.terms, self.evaluator, symphony, theirs)
        except (SymphonyError, DataError) as error:
            return Reject(symphony.symphony_id, "replay", str(error))

    def _one_tree(self, source: Source, today: ReplayedTree) -> Replayed | Reject:
        panel, edit = self.evaluator.panel, source.row.last_edit
        made = today.record(self.settings, panel, edit)
        if isinstance(made, Reject):
            return made
        versions: tuple[VersionRecord, ...] = ()
        if edit is not None:
            since = np.datetime64(edit, "D") + 1
            versions = (
                today.version(self.settings, panel, version_id="", number=0, first_close=since, until=None),
            )
        return Replayed(*made, bool(today.symphony.level_rules), versions=versions)

    def _versions(self, source: Source) -> Replayed | Reject:
        """Replay all versions, one after the other: of each, only the days on which it was the strategy are kept."""
        whole, name = _Whole(source), source.row.symphony_id
        tree: ReplayedTree | Reject | None = None
        for number, (version, until) in enumerate(_spans(source)):
            try:
                tree = self._version(source, version)
                whole.add(self, version, tree, number, until)
            except Exception as error:
                remark = unforeseen_version(name, version.version.version_id, "it was replayed", error)
                tree = Reject(name, UNFORESEEN, remark.text)
                whole.add(self, replace(version, remark=remark), tree, number, until)
        try:
            last = self._last(source, tree)
        except Exception as error:
            last = None
            whole.remarks.append(unforeseen_version(name, "today", "it was replayed on all days", error))
        return whole.finish(self, last)

    def _last(self, source: Source, replayed: ReplayedTree | Reject | None) -> StrategyRecord | None:
        """Return today's tree on all days, which the last version's replay may be; None if it cannot be replayed."""
        if source.reject is not None:
            return None
        if replayed is None or source.versions[-1].version.content_hash != source.content_hash:
            replayed = self._today(source)
        if isinstance(replayed, Reject):
            return None
        made = replayed.record(self.settings, self.evaluator.panel, source.row.last_edit)
        return None if isinstance(made, Reject) else made[0]

    def _version(self, source: Source, found: VersionSource) -> ReplayedTree | Reject | None:
        """Replay one version; None where nobody knows what it was."""
        version, name = found.version, source.row.symphony_id
        if version.tree is None or version.content_hash is None:
            return None
        kept = found.backtest
        if kept is None and version.content_hash == source.content_hash:
            kept = source.backtest
        theirs = None if kept is None else self.answers.load_backtest(kept)
        try:
            symphony = parse_symphony(self.answers.load_tree(version.tree), symphony_id=name)
            return replay_tree(self.settings, self.terms, self.evaluator, symphony, theirs)
        except (SymphonyError, DataError) as error:
            return Reject(name, "replay", str(error))


def _spans(source: Source) -> Iterator[tuple[VersionSource, np.datetime64 | None]]:
    """Yield each version and the first day at whose close another had replaced it."""
    for version, following in pairwise([*source.versions, None]):
        assert version is not None  # noqa: S101 - only the last one is
        yield version, None if following is None else np.datetime64(following.version.first_close, "D")


@dataclass
class _Whole:
    """What is kept of the versions that have been replayed so far."""

    source: Source
    spans: list[VersionSpan] = field(default_factory=list)
    parts: list[ReplayedVersion] = field(default_factory=list)
    agreements: list[tuple[Dates, NDArray[np.int8]]] = field(default_factory=list)
    records: list[VersionRecord] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    fidelity: Fidelity | None = None
    """Of the last version that was compared."""
    reject: Reject | None = None
    """Of the last version that cannot be replayed or compared."""
    by_level: bool = False

    def add(
        self,
        replayer: SourceReplayer,
        found: VersionSource,
        tree: ReplayedTree | Reject | None,
        number: int,
        until: np.datetime64 | None,
    ) -> None:
        """Keep what is needed of a version."""
        version = found.version
        first = np.datetime64(version.first_close, "D")
        span = VersionSpan(first, version.version_id, version.content_hash)
        part = ReplayedVersion(first, until, None)
        if isinstance(tree, ReplayedTree):
            settings, panel = replayer.settings, replayer.evaluator.panel
            part = ReplayedVersion.cut(_named(tree.replay, version.version_id), first, until)
            # What may fail comes first, so that nothing is kept of a version that does.
            record = tree.version(
                settings,
                panel,
                version_id=version.version_id,
                number=number,
                first_close=first,
                until=until,
            )
            if part.replay is not None:
                span = replace(
                    span,
                    holdings=part.replay.tickers,
                    reasons=asset_reasons(classify_leaves(tree.symphony)),
                )
                self.agreements.append((part.replay.dates, tree.agreement(part.replay.dates, settings)))
            self.records.append(record)
            self.by_level |= bool(tree.symphony.level_rules)
            self.fidelity = tree.fidelity or self.fidelity
            if tree.fidelity is None:
                self.reject = too_few_days(self.source.row.symphony_id, tree.comparison)
                self._remark(found, Remark("not compared", f"{version.version_id}: {self.reject.reason}"))
        elif tree is not None:
            self.reject = tree
            self._remark(found, Remark("not replayed", f"{version.version_id}: {tree.reason}"))
        self.spans.append(span)
        self.parts.append(part)

    def _remark(self, found: VersionSource, remark: Remark) -> None:
        """Add the source's own remark, if it has one, in place of what follows from it."""
        self.remarks.append(found.remark or remark)

    def finish(self, replayer: SourceReplayer, last: StrategyRecord | None) -> Replayed | Reject:
        """Join the versions to one strategy, of which `last` is today's tree on all days."""
        source, settings, panel = self.source, replayer.settings, replayer.evaluator.panel
        name, edit = source.row.symphony_id, source.row.last_edit
        try:
            whole = stitch(self.parts, panel)
        except SymphonyError as error:
            return self.reject or Reject(
                name, "replay", f"{error}: its first one is of {self.spans[0].first_close}"
            )
        if self.fidelity is None:
            return self.reject or too_few_days(name, None)
        agreement = np.zeros(len(whole.dates), np.int8)
        for dates, verdicts in self.agreements:
            _, here, there = np.intersect1d(whole.dates, dates, assume_unique=True, return_indices=True)
            agreement[here] = verdicts[there]
        first = next(part.replay for part in self.parts if _decides_on(part, whole.dates[0]))
        assert first is not None  # noqa: S101 - it decides
        history = History(tuple(self.spans), trades_every_day(first.symphony, panel))
        record, trades = make_record(settings, panel, whole, self.fidelity, agreement, edit, history)
        return Replayed(
            record,
            trades,
            self.by_level,
            last=last,
            versions=tuple(self.records),
            remarks=tuple(self.remarks),
        )


def _named(replay: Replay, version_id: str) -> Replay:
    return replace(replay, remarks=tuple(f"version {version_id}: {remark}" for remark in replay.remarks))


def _decides_on(part: ReplayedVersion, day: np.datetime64) -> bool:
    return part.replay is not None and bool((part.replay.dates == day).any())
