"""Authors who overfit by editing: their last versions show an effect that is not there, what they were then does not.

On a market without effect three quarters of a library's authors edit with hindsight: before each edit they try twelve,
and keep the one that would have done best in the year before. All last edits are of one day, and the consensus is
followed through the year before it. Every version goes the way of an extraction: placed, replayed, compared with a
backtest of its own tree, joined.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from rlpretrain.composer import (
    CatalogueVersion,
    DailyValues,
    SymphonySummary,
    SymphonyVersion,
    VersionList,
)
from rlpretrain.composer.catalogue.authors import GeneratedAuthor
from rlpretrain.composer.catalogue.families import FAMILIES
from rlpretrain.composer.catalogue.tree_builder import TreeBuilder
from rlpretrain.composer.catalogue.universes import Universe
from rlpretrain.composer.server.hindsight import PastPerformance
from rlpretrain.composer.settings import FetchSettings
from rlpretrain.library.answers import Answers
from rlpretrain.library.engine_backtester import EngineBacktester
from rlpretrain.library.history import VersionTree, build_history, place_versions
from rlpretrain.library.sources import BacktestTerms, Source, VersionSource
from rlpretrain.market import PricePanel, load_market
from rlpretrain.patterns import StrategyRecord, select_voters, tally_votes
from rlpretrain.patterns.decisions.consensus_record import ConsensusRecord, follow_consensus
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.runs.cache import Cache
from rlpretrain.stages.extract import ReplaySettings
from rlpretrain.stages.implementation.extract import SERVICE_CAPITAL, SERVICE_COSTS
from rlpretrain.stages.implementation.replayed_source import Replayed, SourceReplayer
from rlpretrain.symphony import Evaluator, backtest, parse_symphony
from rlpretrain.validation.sharpe import sharpe_difference
from rlpretrain.validation.statistics import Interval

pytestmark = pytest.mark.slow

ASSETS = ("SPY", "TLT", "GLD", "USO", "UUP", "XBI")
"""They hardly move together, so that six of them show more than one."""
SEEDS = (5, 6, 7, 8)
"""Of the markets, and of the authors on them."""
AUTHORS = 24
HINDSIGHT = 0.75
"""Share of the authors that edit with hindsight."""
LAST_EDIT = dt.date(2024, 6, 28)
WINDOW = (np.datetime64(LAST_EDIT) - 365, np.datetime64(LAST_EDIT))
NOW = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
TERMS = BacktestTerms(SERVICE_COSTS, SERVICE_CAPITAL)


@dataclass(frozen=True)
class Extraction:
    """What an extraction keeps of one library: each strategy as it was then, and its last version on all days."""

    panel: PricePanel
    then: Sequence[StrategyRecord]
    last: Sequence[StrategyRecord]

    def consensus(self, history: Literal["point_in_time", "last_version"]) -> ConsensusRecord:
        """Follow the consensus of all strategies whose replay agrees, whatever they earned."""
        records = self.then if history == "point_in_time" else self.last
        elected = select_voters(records, validation_start=WINDOW[0], min_sharpe=-np.inf)
        tally = tally_votes(elected.voters, self.panel, elected.admitted)
        return follow_consensus(tally, self.panel, DecisionSettings(), *WINDOW)


def authors(seed: int, share: float, families: Sequence[str]) -> Iterator[GeneratedAuthor]:
    """Draw authors who have edited for over 600 days, and at least three times in the year before the last edit."""
    drawn = count()
    for place in count():
        asset = ASSETS[place % len(ASSETS)]
        family = FAMILIES[families[place // len(ASSETS) % len(families)]]
        theme = Universe(asset, (asset,), ("BIL",), (asset,), volatility=1.0)
        for index in drawn:
            name = f"{seed}-{index}"
            build = TreeBuilder(name, np.random.default_rng((seed, index)), "params")
            document = build.root(name, "", "daily", None, family(build, theme))
            honest = GeneratedAuthor(name, seed, index, theme, "params", document, LAST_EDIT, 0.0)
            saved = [version.created_at for version in honest.versions(None)]
            recent = [moment for moment in saved if saved[-1] - moment < dt.timedelta(days=365)]
            if saved[-1] - saved[0] > dt.timedelta(days=600) and len(recent) > 3:
                yield replace(honest, share=share)
                break


class Library:
    """Authors on one market, the trees that they saved, and the service's backtests of these."""

    def __init__(self, folder: Path, market: str, drawn: Iterable[GeneratedAuthor]) -> None:
        self.panel = load_market(market)
        self._answers = Answers(FetchSettings(), Cache(folder), as_of=NOW.date(), listing="one")
        self._evaluator = Evaluator(self.panel)
        self._backtests: dict[str, str] = {}
        judge = PastPerformance(EngineBacktester(self.panel))
        self.saved = {author.symphony_id: list(author.versions(judge)) for author in drawn}

    def extract(self, *, too_early: bool = False) -> Extraction:
        """Extract it; `too_early` plants a leak: each version begins when the one before it did."""
        replayer = SourceReplayer(ReplaySettings(), TERMS, self._answers, self._evaluator)
        found = []
        for name, saved in self.saved.items():
            if too_early:
                saved = [replace(v, created_at=before.created_at) for before, v in pairwise(saved)]
            replayed = replayer.replay(self._source(name, saved))
            assert isinstance(replayed, Replayed) and replayed.last is not None and not replayed.remarks
            found.append(replayed)
        return Extraction(self.panel, [one.record for one in found], [one.last for one in found if one.last])

    def _source(self, name: str, saved: Sequence[CatalogueVersion]) -> Source:
        row = SymphonySummary(name, name, "", "daily", LAST_EDIT, "")
        trees = {version.version_id: self._keep(row, version.document) for version in saved}
        listed = VersionList(tuple(SymphonyVersion(v.version_id, v.created_at) for v in saved))
        placed, remarks = place_versions(listed, NOW)
        history = build_history(name, placed, trees, remarks)
        versions = tuple(VersionSource(v, self._backtests[str(v.content_hash)]) for v in history.versions)
        last = trees[saved[-1].version_id]
        theirs = self._backtests[str(last.content_hash)]
        return Source(row, last.tree, last.content_hash, name, theirs, versions=versions)

    def _keep(self, row: SymphonySummary, document: Mapping[str, Any]) -> VersionTree:
        """Keep a tree and, once, the service's backtest of it."""
        symphony = parse_symphony(document, symphony_id=row.symphony_id)
        content = symphony.content_hash
        if content not in self._backtests:
            replay = self._evaluator.replay(symphony)
            result = backtest(replay, self.panel, TERMS.costs, capital=TERMS.capital)
            values = DailyValues(result.dates, result.equity / TERMS.capital - 1.0, {}, 1e-6)
            self._backtests[content] = self._answers.keep_backtest(content, values)
        return VersionTree(self._answers.keep_tree(row, dict(document)), content)


def effect(records: Sequence[ConsensusRecord]) -> Interval:
    """Compare following the consensus with holding the same assets, over the windows of all markets."""
    found = sharpe_difference(
        np.concatenate([record.returns for record in records]),
        np.concatenate([record.holding for record in records]),
        252,
        level=0.95,
        samples=500,
        rng=np.random.default_rng(0),
    )
    assert found is not None
    return found.interval


def library(folder: Path, kind: str, seed: int, families: Sequence[str]) -> Library:
    return Library(
        folder,
        f"generated:kind={kind},years=4,end=2024-07-31,seed={seed}",
        islice(authors(seed, HINDSIGHT, families), AUTHORS),
    )


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> list[Library]:
    """Libraries on four markets without effect."""
    folder = tmp_path_factory.mktemp("noise")
    return [library(folder, "noise", seed, ("trend_following", "mean_reversion")) for seed in SEEDS]


@pytest.fixture(scope="module")
def extracted(noise: list[Library]) -> list[Extraction]:
    return [one.extract() for one in noise]


def test_last_versions_show_an_effect_that_is_not_there(extracted: list[Extraction]) -> None:
    found = effect([one.consensus("last_version") for one in extracted])
    assert found.low > 0.0, found


def test_what_strategies_were_then_shows_none(extracted: list[Extraction]) -> None:
    found = effect([one.consensus("point_in_time") for one in extracted])
    assert found.low <= 0.0, found


def test_versions_that_begin_too_early_would_be_noticed(noise: list[Library]) -> None:
    found = effect([one.extract(too_early=True).consensus("point_in_time") for one in noise])
    assert found.low > 0.0, found


def test_planted_skill_is_found_with_what_strategies_were_then(tmp_path: Path) -> None:
    planted = library(tmp_path, "planted", SEEDS[0], ("trend_following",))
    found = effect([planted.extract().consensus("point_in_time")])
    assert found.low > 0.0, found
