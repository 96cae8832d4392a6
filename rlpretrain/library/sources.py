"""The sources of a chunk: each symphony's tree and backtest, from the cache or from the service."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rlpretrain.composer import ComposerClient, ComposerError, DailyValues, SymphonySummary, Verdict
from rlpretrain.composer.settings import FetchSettings
from rlpretrain.errors import SymphonyError
from rlpretrain.library.answers import Answers
from rlpretrain.library.history import PastVersion, Remark
from rlpretrain.library.listing import Listing
from rlpretrain.library.service import is_embedded, open_service
from rlpretrain.market import PricePanel
from rlpretrain.patterns import Reject
from rlpretrain.runs.cache import Cache, DamagedError, program_digest
from rlpretrain.symphony import Costs, Evaluator, Symphony, parse_symphony
from rlpretrain.symphony.missing import MissingTickers

__all__ = ["BacktestTerms", "Source", "SourceFinder", "VersionSource"]


@dataclass(frozen=True)
class BacktestTerms:
    """Costs and capital of the service's backtests and of the replays compared with them."""

    costs: Costs
    capital: float
    """Dollars."""


@dataclass(frozen=True)
class VersionSource:
    """A version of a symphony, and the service's backtest of its tree."""

    version: PastVersion
    backtest: str | None = None
    """Object in the cache."""
    remark: Remark | None = None
    """Why there is no backtest: "not replayed" if the market has no prices for the tree, else "not compared"."""

    def identity(self) -> list[Any]:
        """Return everything that a replay of it depends on, as JSON."""
        version = self.version
        return [
            version.version_id,
            version.first_close.isoformat(),
            version.created_at.isoformat(),
            version.content_hash,
            self.backtest,
            self.remark and asdict(self.remark),
        ]

    def pins(self) -> dict[str, str | None]:
        """Return the digests that were used, for the manifest."""
        return {"tree": self.version.tree, "content": self.version.content_hash, "backtest": self.backtest}


@dataclass(frozen=True)
class Source:
    """A symphony's tree and backtest, or the reason why it has none."""

    row: SymphonySummary
    tree: str | None = None
    """Object in the cache."""
    content_hash: str | None = None
    name: str = ""
    backtest: str | None = None
    """Object in the cache."""
    reject: Reject | None = None
    symphony: Symphony | None = field(default=None, repr=False)
    """The parsed tree, if it had to be parsed."""
    versions: tuple[VersionSource, ...] = ()
    """By their first close; none where the history is unknown, or where today's tree votes on all days."""
    history_remarks: tuple[Remark, ...] = field(default=(), repr=False)
    """What is missing or mended in the history, apart from the remarks of `versions`."""

    def identity(self) -> list[Any]:
        """Return everything that a replay of it depends on, as JSON."""
        edit = None if self.row.last_edit is None else self.row.last_edit.isoformat()
        reject = None if self.reject is None else asdict(self.reject)
        history = [version.identity() for version in self.versions]
        remarks = [asdict(remark) for remark in self.history_remarks]
        return [
            self.row.symphony_id,
            edit,
            self.content_hash,
            self.name,
            self.backtest,
            reject,
            history,
            remarks,
        ]

    def parse(self, answers: Answers) -> Symphony:
        """Parse the tree.

        Raises
        ------
        DamagedError
            It is no longer in the cache.
        """
        if self.symphony is not None:
            return self.symphony
        assert self.tree is not None  # noqa: S101 - a source that is not rejected has one
        return parse_symphony(answers.load_tree(self.tree), symphony_id=self.row.symphony_id)

    def daily_values(self, answers: Answers) -> DailyValues:
        """Read the backtest.

        Raises
        ------
        DamagedError
            It is no longer in the cache.
        """
        assert self.backtest is not None  # noqa: S101 - a source that is not rejected has one
        return answers.load_backtest(self.backtest)

    def pins(self) -> dict[str, Any]:
        """Return the digests that were used, for the manifest."""
        return {
            "tree": self.tree,
            "content": self.content_hash,
            "backtest": self.backtest,
            "versions": {source.version.version_id: source.pins() for source in self.versions},
        }


class SourceFinder:
    """Finds the sources of symphonies; the service is called only for what the cache lacks.

    Parameters
    ----------
    settings
        Service, and how long its answers are valid.
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
    """

    def __init__(
        self,
        settings: FetchSettings,
        panel: PricePanel,
        cache: Cache,
        listing: Listing,
        terms: BacktestTerms,
        *,
        missing_tickers: MissingTickers = "reject",
    ) -> None:
        self._settings, self._panel, self._cache, self._terms = settings, panel, cache, terms
        # The embedded server's backtests depend on this market; Composer's do not.
        market = panel.digest if is_embedded(settings) else None
        self.answers = Answers(
            settings,
            cache,
            as_of=listing.as_of,
            listing=listing.name,
            conditions=[asdict(terms.costs), terms.capital, market],
            market=market,
        )
        self._missing_tickers = missing_tickers
        self._evaluator = Evaluator(panel, missing_tickers=missing_tickers)
        # A reject says why prices were left out, which equal prices do not tell.
        findings = "\n".join(map(str, panel.findings))
        self._prices = [panel.digest, hashlib.sha256(findings.encode()).hexdigest()]
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
                results = await asyncio.gather(*(self._ask(client, row) for row in missing))
            unanswered = [result for result in results if isinstance(result, ComposerError)]
            # A call that fails at every try may be one symphony's fault; when most do, it is the service's.
            if 2 * len(unanswered) > len(rows):
                raise unanswered[0]
            for row, result in zip(missing, results, strict=True):
                found[row.symphony_id] = (
                    _rejected(row, "fetch", result) if isinstance(result, ComposerError) else result
                )
        return [source for source in found.values() if source is not None]

    def take_asked(self) -> dict[str, int]:
        """Return how many trees and backtests were requested from the service since the last call."""
        asked, self._asked = self._asked, Counter()
        return {kind: asked[kind] for kind in ("trees", "backtests")}

    def _known(self, row: SymphonySummary) -> Source | None:
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
        return None if backtest is None else _with_backtest(source, backtest)

    def _checked(self, row: SymphonySummary, tree: str, document: dict[str, Any] | None = None) -> Source:
        """Parse a tree and check whether the market has its prices, unless that is known already."""
        key = [tree, row.symphony_id]
        state = [*self._prices, program_digest(), self._missing_tickers]
        known = self._cache.find("checks", key)
        if known is not None and known["state"] == state:
            reject = known["reject"] and Reject(**known["reject"])
            return Source(row, tree, known["content_hash"], known["name"], reject=reject)
        source = self._check(row, tree, self.answers.load_tree(tree) if document is None else document)
        value = {
            "state": state,
            "content_hash": source.content_hash,
            "name": source.name,
            "reject": source.reject and asdict(source.reject),
        }
        self._cache.keep("checks", key, value)
        return source

    def _check(self, row: SymphonySummary, tree: str, document: dict[str, Any]) -> Source:
        try:
            symphony = parse_symphony(document, symphony_id=row.symphony_id)
        except SymphonyError as error:
            return Source(row, tree, reject=Reject(row.symphony_id, "parse", str(error)))
        reject = None
        try:
            self._evaluator.table(symphony)
        except SymphonyError as error:
            reject = Reject(row.symphony_id, "replay", str(error))
        return Source(row, tree, symphony.content_hash, symphony.name, reject=reject, symphony=symphony)

    async def _ask(self, client: ComposerClient, row: SymphonySummary) -> Source | ComposerError:
        """Fetch what is not known: a tree and, if it can be replayed here, its backtest."""
        try:
            source = await self._fetch_tree(client, row)
            if source.reject is not None:
                return source
            assert source.content_hash is not None  # noqa: S101 - it was parsed
            backtest = self.answers.backtest(source.content_hash)
            if backtest is None:
                daily = await self._fetch_backtest(client, row)
                if daily is None:
                    return _rejected(row, "fidelity", "the service's backtest has no daily values")
                backtest = self.answers.keep_backtest(source.content_hash, daily)
            return _with_backtest(source, backtest)
        except ComposerError as error:
            if error.verdict is Verdict.STOP:
                raise
            return _rejected(row, "fetch", error) if error.verdict is Verdict.REJECT else error

    async def _fetch_tree(self, client: ComposerClient, row: SymphonySummary) -> Source:
        tree = self.answers.tree(row)
        if tree is not None:
            try:
                return self._checked(row, tree)
            except DamagedError:
                pass
        self._asked["trees"] += 1
        document = await client.get_saved_symphony(row.symphony_id)
        return self._checked(row, self.answers.keep_tree(row, document), document)

    async def _fetch_backtest(self, client: ComposerClient, row: SymphonySummary) -> DailyValues | None:
        self._asked["backtests"] += 1
        costs = self._terms.costs
        answer = await client.backtest_symphony_by_id(
            row.symphony_id,
            capital=self._terms.capital,
            slippage_percent=costs.slippage,
            spread_markup=costs.spread_markup,
            apply_reg_fee=costs.regulatory_fee,
            apply_taf_fee=costs.taf_fee,
        )
        self.answers.keep_edit(row.symphony_id, answer)
        return answer.daily


def _with_backtest(source: Source, backtest: str) -> Source:
    return Source(
        source.row, source.tree, source.content_hash, source.name, backtest, symphony=source.symphony
    )


def _rejected(row: SymphonySummary, stage: str, reason: object) -> Source:
    return Source(row, reject=Reject(row.symphony_id, stage, str(reason)))
