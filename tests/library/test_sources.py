"""What is kept of the service's answers while a chunk's sources are found."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.composer.settings import LibrarySettings, SourceSettings
from rlpretrain.library.answers import service_identity
from rlpretrain.library.listing import Listing
from rlpretrain.library.service import fetch_listing, open_service
from rlpretrain.library.source_finder import SourceFinder
from rlpretrain.library.sources import BacktestTerms, Source
from rlpretrain.library.version_answers import VersionAnswers
from rlpretrain.market import PricePanel, load_market
from rlpretrain.runs.cache import Cache
from rlpretrain.symphony import Costs


class Settings(LibrarySettings, SourceSettings):
    """What lists a library and finds its sources."""


TERMS = BacktestTerms(Costs(), 10_000.0)


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return load_market("generated:years=6", seed=3)


def find(settings: Settings, panel: PricePanel, cache: Cache) -> list[Source]:
    async def work() -> list[Source]:
        async with open_service(settings, panel) as client:
            rows = (await fetch_listing(client, settings)).symphonies
            listing = Listing(rows, client.as_of, "first")
        return await SourceFinder(settings, panel, cache, listing, TERMS).find(rows)

    return asyncio.run(work())


@pytest.mark.parametrize("transport", ["rest", "mcp"])
def test_the_last_edit_that_a_backtest_names_is_kept(
    tmp_path: Path, panel: PricePanel, transport: str
) -> None:
    settings = Settings(composer_url=f"embedded:transport={transport}", catalogue="generated:size=3")
    sources = find(settings, panel, Cache(tmp_path))
    answers = VersionAnswers(settings, Cache(tmp_path), as_of=dt.date(2024, 12, 31), listing="first")
    authors = {entry.symphony_id: entry.author for entry in GeneratedCatalogue(3).entries()}
    assert len(sources) == 3
    for source in sources:
        author, edit = authors[source.row.symphony_id], answers.last_edit(source.row.symphony_id)
        assert author is not None
        if transport == "mcp" or source.backtest is None:
            assert edit is None
        else:
            assert edit is not None and edit.at == author.last_moment() and edit.is_new


def test_a_known_reject_says_why_the_prices_of_today_lack_a_ticker(tmp_path: Path, panel: PricePanel) -> None:
    settings = Settings(catalogue="generated:size=4")
    names = [symbol for symbol in panel.symbols if symbol != "SPY"]
    without = load_market("generated:years=6", seed=3, exclude=names)
    for market in (without, replace(without, findings=())):
        sources = find(settings, market, Cache(tmp_path))
        reasons = [source.reject.reason for source in sources if source.reject is not None]
        assert reasons
        assert all(("exclude_prices" in reason) == bool(market.findings) for reason in reasons)


def test_trees_of_authors_with_hindsight_are_those_of_one_market(tmp_path: Path, panel: PricePanel) -> None:
    settings = Settings(catalogue="generated:size=4,hindsight=1")
    other = load_market("generated:years=6,seed=8", seed=3)
    assert service_identity(settings, panel.digest) != service_identity(settings, other.digest)
    plain = Settings(catalogue="generated:size=4")
    assert service_identity(plain, panel.digest) == service_identity(plain, other.digest)
    ours, theirs = ([s.content_hash for s in find(settings, p, Cache(tmp_path))] for p in (panel, other))
    assert ours != theirs and None not in ours
    assert ours == [source.content_hash for source in find(settings, panel, Cache(tmp_path / "fresh"))]
