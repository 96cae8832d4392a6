"""Finds the versions of symphonies, and the service's backtests of their trees."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from itertools import zip_longest
from typing import Literal

from rlpretrain.composer import (
    MCP_HAS_NO_VERSIONS,
    AbsentEndpointError,
    ComposerClient,
    ComposerError,
    SymphonySummary,
    Verdict,
    may_be_about_endpoint,
)
from rlpretrain.library.answers import Answers
from rlpretrain.library.boundary import unforeseen_version
from rlpretrain.library.histories import ask_history, known_history
from rlpretrain.library.history import PastVersion, Remark, StrategyHistory
from rlpretrain.library.sources import BacktestTerms, Source, VersionSource
from rlpretrain.library.tree_checks import TreeChecks
from rlpretrain.library.turns import Turns
from rlpretrain.library.version_answers import VersionAnswers
from rlpretrain.runs.cache import DamagedError

__all__ = ["VersionFinder"]


class VersionFinder:
    """Finds the versions of symphonies; the service is called only for what the cache lacks.

    What a version lacks is remarked, and neither the other versions nor the symphony depend on it.

    Parameters
    ----------
    answers
        Cached backtests.
    version_answers
        Cached lists of versions, and their trees.
    checks
        Which trees can be replayed; of the others no backtest is requested.
    terms
        Terms of the backtests.
    has_versions
        Whether the service can have versions at all.
    now
        Time of the run, in UTC; later versions are left out.
    """

    def __init__(
        self,
        answers: Answers,
        version_answers: VersionAnswers,
        checks: TreeChecks,
        terms: BacktestTerms,
        *,
        has_versions: bool,
        now: dt.datetime,
    ) -> None:
        self._answers, self._version_answers = answers, version_answers
        self._checks, self._terms = checks, terms
        self._has_versions, self._now = has_versions, now

    def known(self, source: Source) -> Source | None:
        """Return a symphony's source with its versions if no call is needed for them."""
        history = self._known_history(source.row)
        if history is None:
            return None
        found: list[VersionSource] = []
        for version, until in _with_ends(history):
            try:
                one = self._known(source, version, until)
            except DamagedError:
                return None
            except Exception as error:
                one = _unforeseen(source, version, error)
            if one is None:
                return None
            found.append(one)
        return _joined(source, history, found)

    async def ask(self, client: ComposerClient, source: Source, turns: Turns) -> Source:
        """Return a symphony's source with its versions, and ask for what is not known.

        Raises
        ------
        ComposerError
            No call can succeed.
        """
        history = await asyncio.to_thread(self._known_history, source.row)
        if history is None:
            history = await ask_history(client, self._version_answers, source.row, now=self._now)
        calls = (self._ask(client, source, version, until, turns) for version, until in _with_ends(history))
        return _joined(source, history, await asyncio.gather(*calls))

    def _known_history(self, row: SymphonySummary) -> StrategyHistory | None:
        if not self._has_versions:
            return StrategyHistory(row.symphony_id, remarks=(Remark("not offered", MCP_HAS_NO_VERSIONS),))
        return known_history(self._version_answers, row, now=self._now)

    def _known(self, source: Source, version: PastVersion, until: dt.date | None) -> VersionSource | None:
        """Return a version and its backtest if they are known; `until` is the day on which it was replaced."""
        if version.tree is None or version.content_hash is None:
            return VersionSource(version)
        checked = self._checks.check(version.tree, source.row.symphony_id)
        if checked.reject is not None:
            return _lacking(source, version, "not replayed", checked.reject.reason)
        if version.content_hash == source.content_hash:
            return VersionSource(version, source.backtest)
        backtest = self._answers.backtest(version.content_hash, until)
        if backtest is not None:
            return VersionSource(version, backtest)
        refusal = self._answers.backtest_refusal(version.content_hash)
        return None if refusal is None else _lacking(source, version, "not compared", refusal)

    async def _ask(
        self,
        client: ComposerClient,
        source: Source,
        version: PastVersion,
        until: dt.date | None,
        turns: Turns,
    ) -> VersionSource:
        try:
            known = await asyncio.to_thread(self._known, source, version, until)
            if known is not None:
                return known
            assert version.tree is not None  # noqa: S101 - without a tree nothing is asked for
            assert version.content_hash is not None  # noqa: S101
            async with turns.of(version.content_hash):
                # Another symphony with this tree may have asked in the meantime.
                known = await asyncio.to_thread(self._known, source, version, until)
                if known is None:
                    known = await self._fetch(client, source, version, turns)
                return known
        except DamagedError:
            # The tree has been removed; whoever replays it notices, and everything missing is asked for again.
            return _lacking(source, version, "not compared", "its tree was damaged in the cache")
        except Exception as error:
            return _unforeseen(source, version, error)

    async def _fetch(
        self, client: ComposerClient, source: Source, version: PastVersion, turns: Turns
    ) -> VersionSource:
        assert version.tree is not None  # noqa: S101 - without a tree nothing is asked for
        assert version.content_hash is not None  # noqa: S101
        try:
            async with turns.trees:
                answer = await client.backtest_tree(
                    await asyncio.to_thread(self._answers.load_tree, version.tree),
                    source.row.symphony_id,
                    version.version_id,
                    **self._terms.arguments(),
                )
        except ComposerError as error:
            if error.verdict is Verdict.STOP:
                raise
            lasting = error.verdict is Verdict.REJECT and not may_be_about_endpoint(error)
            if lasting and not isinstance(error, AbsentEndpointError):
                self._answers.keep_backtest_refusal(version.content_hash, str(error))
            return _lacking(source, version, "not compared", str(error))
        if answer.daily is None:
            reason = "the service's backtest has no daily values"
            self._answers.keep_backtest_refusal(version.content_hash, reason)
            return _lacking(source, version, "not compared", reason)
        kept = await asyncio.to_thread(self._answers.keep_backtest, version.content_hash, answer.daily)
        return VersionSource(version, kept)


def _with_ends(history: StrategyHistory) -> Iterable[tuple[PastVersion, dt.date | None]]:
    """Return each version and the first day on which the next one counts; None for the last."""
    ends = (version.first_close for version in history.versions[1:])
    return zip_longest(history.versions, ends)


def _joined(source: Source, history: StrategyHistory, found: list[VersionSource]) -> Source:
    return replace(source, versions=tuple(found), history_remarks=history.remarks)


def _lacking(
    source: Source, version: PastVersion, kind: Literal["not replayed", "not compared"], reason: str
) -> VersionSource:
    text = f"{source.row.symphony_id} {version.version_id}: {reason}"
    return VersionSource(version, remark=Remark(kind, text))


def _unforeseen(source: Source, version: PastVersion, error: Exception) -> VersionSource:
    remark = unforeseen_version(source.row.symphony_id, version.version_id, "it was checked", error)
    return VersionSource(version, remark=remark)
