"""Finds the sources of a chunk's symphonies, in the cache or at the service."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from rlpretrain.composer import ComposerClient, ComposerError, SymphonySummary, Verdict
from rlpretrain.composer.settings import SourceSettings
from rlpretrain.library.answers import Answers
from rlpretrain.library.boundary import unforeseen
from rlpretrain.library.listing import Listing
from rlpretrain.library.service import has_versions, is_embedded, open_service
from rlpretrain.library.sources import BacktestTerms, Source
from rlpretrain.library.tree_checks import TreeChecks
from rlpretrain.library.turns import Turns
from rlpretrain.library.version_answers import VersionAnswers
from rlpretrain.library.version_finder import VersionFinder
from rlpretrain.market import PricePanel
from rlpretrain.patterns import Reject
from rlpretrain.runs.cache import Cache, DamagedError
from rlpretrain.symphony.missing import MissingTickers

__all__ = ["SourceFinder"]

_ASKED = {
    "get_saved_symphony": "trees",
    "backtest_symphony_by_id": "backtests",
    "list_symphony_versions": "lists of versions",
    "get_symphony_version": "trees of versions",
    "backtest_tree": "backtests of versions",
}
"""Call -> what it is about."""


class SourceFinder:
    """Finds the sources of symphonies; the service is called only for what the cache lacks.

    Parameters
    ----------
    settings
        Service, how long its answers are valid, and whether versions are wanted.
    panel
        The run's market.
    cache
        Where answers are stored.
    listing
        The run's library.
    terms
        Terms of the backtests.
    missing_tickers
        What becomes of symphonies that lack prices, see `Evaluator`.
    now
        Time of the run, in UTC; versions saved later are left out. None is the time of the clock.
    """

    def __init__(
        self,
        settings: SourceSettings,
        panel: PricePanel,
        cache: Cache,
        listing: Listing,
        terms: BacktestTerms,
        *,
        missing_tickers: MissingTickers = "reject",
        now: dt.datetime | None = None,
    ) -> None:
        self._settings, self._panel, self._terms = settings, panel, terms
        # The embedded server's backtests depend on this market; Composer's do not.
        market = panel.digest if is_embedded(settings) else None
        known: dict[str, Any] = {"as_of": listing.as_of, "listing": listing.name, "market": market}
        conditions = [asdict(terms.costs), terms.capital, market]
        self.answers = Answers(settings, cache, conditions=conditions, **known)
        self._checks = TreeChecks(panel, cache, missing_tickers)
        self._versions: VersionFinder | None = None
        if settings.history == "point_in_time":
            self._versions = VersionFinder(
                self.answers,
                VersionAnswers(settings, cache, **known),
                self._checks,
                terms,
                has_versions=has_versions(settings),
                now=now or dt.datetime.now(dt.UTC),
            )
        self._asked = Counter[str]()

    async def find(self, rows: Sequence[SymphonySummary]) -> list[Source]:
        """Find the sources of the symphonies, in their order.

        Raises
        ------
        ComposerError
            The service rejects every call, or does not answer for most of the symphonies.
        """
        found = {row.symphony_id: self._known(row) for row in rows}
        missing = [row for row in rows if found[row.symphony_id] is None]
        if missing:
            async with open_service(self._settings, self._panel) as client:
                turns = Turns(2 * client.concurrency)
                results = await asyncio.gather(*(self._ask(client, row, turns) for row in missing))
                self._asked.update({kind: client.progress.of(tool).asked for tool, kind in _ASKED.items()})
            unanswered = [result for result in results if isinstance(result, ComposerError)]
            # A call that fails at every try may be one symphony's fault; when most do, it is the service's.
            if len(unanswered) > 1 and 2 * len(unanswered) > len(rows):
                raise unanswered[0]
            for row, result in zip(missing, results, strict=True):
                found[row.symphony_id] = (
                    _rejected(row, "fetch", result) if isinstance(result, ComposerError) else result
                )
        return [source for source in found.values() if source is not None]

    def take_asked(self) -> dict[str, int]:
        """Return how much of each kind was requested from the service since the last call."""
        asked, self._asked = self._asked, Counter()
        return {kind: asked[kind] for kind in _ASKED.values()}

    def _known(self, row: SymphonySummary) -> Source | None:
        try:
            source = self._known_today(row)
            if source is None or source.reject is not None or self._versions is None:
                return source
            return self._versions.known(source)
        except Exception as error:
            return Source(row, reject=unforeseen(row.symphony_id, "its sources were found", error))

    async def _ask(
        self, client: ComposerClient, row: SymphonySummary, turns: Turns
    ) -> Source | ComposerError:
        """Fetch what is not known: a tree and, if it can be replayed here, its backtest and its versions."""
        try:
            source = await asyncio.to_thread(self._known_today, row) or await self._ask_today(
                client, row, turns
            )
            if source.reject is not None or self._versions is None:
                return source
            # The backtest comes first: it names the last edit, which may save the call for the list of versions.
            return await self._versions.ask(client, source, turns)
        except ComposerError as error:
            if error.verdict is Verdict.STOP:
                raise
            return _rejected(row, "fetch", error) if error.verdict is Verdict.REJECT else error
        except Exception as error:
            return Source(row, reject=unforeseen(row.symphony_id, "its sources were found", error))

    def _known_today(self, row: SymphonySummary) -> Source | None:
        tree = self.answers.tree(row)
        if tree is None:
            return None
        try:
            source = self._checked(row, tree)
        except DamagedError:
            return None
        if source.reject is not None:
            return source
        assert source.content_hash is not None  # noqa: S101 - it was parsed
        backtest = self.answers.backtest(source.content_hash)
        return None if backtest is None else replace(source, backtest=backtest)

    async def _ask_today(self, client: ComposerClient, row: SymphonySummary, turns: Turns) -> Source:
        source = await self._fetch_tree(client, row)
        if source.reject is not None:
            return source
        assert source.content_hash is not None  # noqa: S101 - it was parsed
        async with turns.of(source.content_hash):
            backtest = self.answers.backtest(source.content_hash)
            if backtest is None:
                answer = await client.backtest_symphony_by_id(row.symphony_id, **self._terms.arguments())
                await asyncio.to_thread(self.answers.keep_edit, row.symphony_id, answer)
                if answer.daily is None:
                    return _rejected(row, "fidelity", "the service's backtest has no daily values")
                backtest = await asyncio.to_thread(
                    self.answers.keep_backtest, source.content_hash, answer.daily
                )
        return replace(source, backtest=backtest)

    async def _fetch_tree(self, client: ComposerClient, row: SymphonySummary) -> Source:
        tree = self.answers.tree(row)
        if tree is not None:
            try:
                return await asyncio.to_thread(self._checked, row, tree)
            except DamagedError:
                pass
        document = await client.get_saved_symphony(row.symphony_id)
        return await asyncio.to_thread(self._kept, row, document)

    def _kept(self, row: SymphonySummary, document: dict[str, Any]) -> Source:
        return self._checked(row, self.answers.keep_tree(row, document), document)

    def _checked(self, row: SymphonySummary, tree: str, document: dict[str, Any] | None = None) -> Source:
        checked = self._checks.check(tree, row.symphony_id, document)
        return Source(
            row, tree, checked.content_hash, checked.name, reject=checked.reject, symphony=checked.symphony
        )


def _rejected(row: SymphonySummary, stage: str, reason: object) -> Source:
    return Source(row, reject=Reject(row.symphony_id, stage, str(reason)))
