"""Versions and their backtests, found with the sources of a chunk over real HTTP, night after night."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.composer import (
    BacktestOptions,
    Catalogue,
    CatalogueEntry,
    GeneratedCatalogue,
    LoopbackServer,
    ServedCatalogue,
    composer_app,
)
from rlpretrain.composer.settings import LibrarySettings, SourceSettings
from rlpretrain.library.engine_backtester import EngineBacktester
from rlpretrain.library.listing import Listing
from rlpretrain.library.service import fetch_listing, open_service
from rlpretrain.library.source_finder import SourceFinder
from rlpretrain.library.sources import BacktestTerms, Source
from rlpretrain.market import PricePanel, load_market
from rlpretrain.runs.cache import Cache
from rlpretrain.symphony import Costs, parse_symphony
from tests.library.small_library import A, B, C, Overriding, Small, tree

TERMS = BacktestTerms(Costs(slippage=0.0005), 20_000.0)
AS_OF = dt.date(2024, 12, 31)
LISTS, TREES, BACKTESTS = "lists of versions", "trees of versions", "backtests of versions"
SERVED = r"^/api/v0.1/backtest$"
"""Path of the backtest of a tree."""


class Settings(LibrarySettings, SourceSettings):
    """What lists a library and finds its sources."""


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return load_market("generated:years=6", seed=3)


@dataclass
class Night:
    """One night's sources, and how often the service was asked for each kind."""

    sources: list[Source]
    asked: dict[str, int]
    finder: SourceFinder

    @property
    def versions(self) -> list[tuple[str, bool, str]]:
        """Return each version of the only symphony, whether it has a backtest, and the remark if it has none."""
        (source,) = self.sources
        return [
            (one.version.version_id, one.backtest is not None, one.remark.kind if one.remark else "")
            for one in source.versions
        ]

    def remarks(self) -> Counter[str]:
        return Counter(remark.kind for source in self.sources for remark in source.history_remarks)


class Library:
    """A served catalogue and a cache, over several nights."""

    def __init__(self, folder: Path, panel: PricePanel, catalogue: Catalogue) -> None:
        self.panel, self.cache = panel, Cache(folder)
        self.before: Callable[[Any], Any] = lambda app: app
        """What stands before the server: a function of its application."""
        self.serve(catalogue)

    def serve(self, catalogue: Catalogue) -> None:
        self.served = ServedCatalogue(catalogue, EngineBacktester(self.panel), AS_OF)

    def night(self, name: str, *, as_of: dt.date = AS_OF, transport: str = "rest", **settings: Any) -> Night:
        with LoopbackServer(self.before(composer_app(self.served)), log_level="critical") as server:
            url = server.rest_url if transport == "rest" else server.url
            address = f"embedded:url={url},transport={transport}"
            chosen = Settings(composer_url=address, composer_tries=2, **settings)
            return asyncio.run(self.found(name, chosen, as_of))

    async def found(self, name: str, settings: Settings, as_of: dt.date = AS_OF) -> Night:
        async with open_service(settings, self.panel) as client:
            rows = (await fetch_listing(client, settings)).symphonies
        finder = SourceFinder(settings, self.panel, self.cache, Listing(rows, as_of, name), TERMS)
        sources = await finder.find(rows)
        return Night(sources, finder.take_asked(), finder)


class Several:
    """A catalogue of several symphonies."""

    def __init__(self, *each: Small) -> None:
        self.each = each

    def entries(self) -> Sequence[CatalogueEntry]:
        return [entry for small in self.each for entry in small.entries()]


def test_each_version_has_the_services_backtest_of_its_own_tree(tmp_path: Path, panel: PricePanel) -> None:
    night = Library(tmp_path, panel, Small(A, B, C)).night("first")
    assert night.asked == {"trees": 1, "backtests": 1, LISTS: 1, TREES: 3, BACKTESTS: 2}
    (source,) = night.sources
    assert [str(one.version.first_close) for one in source.versions] == [
        "2024-03-04",
        "2024-03-05",
        "2024-03-06",
    ]
    for one, (_, _, document) in zip(source.versions, (A, B, C), strict=True):
        assert one.version.content_hash == parse_symphony(document, symphony_id="s").content_hash
        assert one.backtest is not None and one.remark is None
        theirs = night.finder.answers.load_backtest(one.backtest)
        options = BacktestOptions(TERMS.capital, TERMS.costs.slippage, benchmark_tickers=())
        truth = EngineBacktester(panel)(document, None, None, options)
        np.testing.assert_array_equal(theirs.dates, truth.dates)
        growth = truth.values / truth.values[0] - 1.0
        np.testing.assert_allclose(theirs.symphony, growth, atol=2.0 * theirs.resolution)
    # The last version is today's tree, whose backtest was fetched by the symphony's id.
    assert source.versions[-1].backtest == source.backtest
    pins = source.pins()["versions"]
    assert list(pins) == ["a", "b", "c"] and pins["c"] == {
        "tree": source.versions[-1].version.tree,
        "content": source.content_hash,
        "backtest": source.backtest,
    }


def test_where_todays_tree_votes_nobody_asks_for_versions(tmp_path: Path, panel: PricePanel) -> None:
    night = Library(tmp_path, panel, Small(A, B, C)).night("first", history="last_version")
    assert night.asked == {"trees": 1, "backtests": 1, LISTS: 0, TREES: 0, BACKTESTS: 0}
    (source,) = night.sources
    assert source.versions == () and source.history_remarks == () and source.backtest is not None


def test_over_mcp_the_source_is_todays_tree_and_says_so(tmp_path: Path, panel: PricePanel) -> None:
    night = Library(tmp_path, panel, Small(A, B, C)).night("first", transport="mcp")
    assert night.asked == {"trees": 1, "backtests": 1, LISTS: 0, TREES: 0, BACKTESTS: 0}
    assert night.versions == [] and night.remarks() == {"not offered": 1}


def test_an_unchanged_library_costs_no_call_and_keeps_its_identity(tmp_path: Path, panel: PricePanel) -> None:
    library = Library(tmp_path, panel, GeneratedCatalogue(size=12, seed=3))
    first, second = library.night("first"), library.night("second")
    assert first.asked[BACKTESTS] > 12 and sum(second.asked.values()) == 0
    assert [s.identity() for s in first.sources] == [s.identity() for s in second.sources]
    assert sum(library.night("third", refresh=True).asked.values()) > 0


def test_an_edit_costs_one_list_one_tree_and_one_backtest(tmp_path: Path, panel: PricePanel) -> None:
    library = Library(tmp_path, panel, Small(A, B))
    library.night("first")
    library.serve(Small(A, B, (C[0], "2024-12-30T10:00", C[2])))
    night = library.night("second")
    assert night.asked == {"trees": 1, "backtests": 1, LISTS: 1, TREES: 1, BACKTESTS: 0}
    assert night.versions == [("a", True, ""), ("b", True, ""), ("c", True, "")]


def test_the_backtest_of_a_replaced_version_never_becomes_stale(tmp_path: Path, panel: PricePanel) -> None:
    library = Library(tmp_path, panel, Small(A, B, C))
    first = library.night("first")
    later = library.night("later", as_of=AS_OF + dt.timedelta(days=400))
    assert later.asked == {"trees": 0, "backtests": 1, LISTS: 0, TREES: 0, BACKTESTS: 0}
    assert later.sources[0].identity() == first.sources[0].identity()
    again = library.night("again", refresh=True)
    assert again.asked == {"trees": 1, "backtests": 1, LISTS: 1, TREES: 0, BACKTESTS: 2}


def test_a_backtest_that_ends_before_the_version_was_replaced_is_brought_up_to_date(
    tmp_path: Path, panel: PricePanel
) -> None:
    library = Library(tmp_path, panel, Small(A, (B[0], "2025-01-02T10:00", B[2])))
    assert library.night("first").versions == [("a", True, ""), ("b", True, "")]
    assert library.night("second").asked[BACKTESTS] == 0
    later = library.night("later", as_of=AS_OF + dt.timedelta(days=40))
    assert later.asked[BACKTESTS] == 1


def test_equal_trees_share_one_backtest(tmp_path: Path, panel: PricePanel) -> None:
    back = ("d", "2024-03-07T10:00", A[2])
    other = Small(A, B, ("e", "2024-03-08T10:00", tree("TLT")), symphony_id="two")
    night = Library(tmp_path, panel, Several(Small(A, B, C, back), other)).night("first")
    assert night.asked == {"trees": 2, "backtests": 2, LISTS: 2, TREES: 7, BACKTESTS: 2}
    one, two = ([version.backtest for version in source.versions] for source in night.sources)
    assert None not in one and one[0] == one[3] == two[0] and one[1] == two[1]
    assert len({*one, *two}) == 4


def test_a_version_that_lacks_prices_is_not_asked_for(tmp_path: Path, panel: PricePanel) -> None:
    lacking = ("b", B[1], tree("NODATA"))
    night = Library(tmp_path, panel, Small(A, lacking, C)).night("first")
    assert night.versions == [("a", True, ""), ("b", False, "not replayed"), ("c", True, "")]
    assert night.asked[BACKTESTS] == 1 and night.sources[0].reject is None
    remark = night.sources[0].versions[1].remark
    assert remark is not None and remark.text.startswith("one b: ") and "NODATA" in remark.text


def test_of_a_symphony_that_is_rejected_nothing_more_is_asked(tmp_path: Path, panel: PricePanel) -> None:
    night = Library(tmp_path, panel, Small(A, ("b", B[1], tree("NODATA")))).night("first")
    assert night.asked == {"trees": 1, "backtests": 0, LISTS: 0, TREES: 0, BACKTESTS: 0}
    assert night.sources[0].reject is not None and night.sources[0].versions == ()


@pytest.mark.parametrize(("status", "calls"), [(405, 1), (501, 1), (404, 3), (403, 3), (401, 3)])
def test_a_service_without_backtests_of_trees_leaves_versions_uncompared(
    tmp_path: Path, panel: PricePanel, status: int, calls: int
) -> None:
    extra = ("d", "2024-03-07T10:00", tree("TLT")), ("e", "2024-03-08T10:00", tree("GLD"))
    library = Library(tmp_path, panel, Small(A, B, C, *extra))
    before = Overriding(None, SERVED, status)

    def stand_before(app: Any) -> Any:
        before.app = app
        return before

    library.before = stand_before
    first = library.night("first")
    lacking = [(name, False, "not compared") for name in "abcd"]
    assert first.versions == [*lacking, ("e", True, "")] and before.met == calls
    assert first.sources[0].reject is None and first.sources[0].backtest is not None
    # It is tried again the next night, and then costs no more than what was missing.
    library.before = lambda app: app
    second = library.night("second")
    assert second.asked == {"trees": 0, "backtests": 0, LISTS: 0, TREES: 0, BACKTESTS: 4}
    assert second.versions == [(name, True, "") for name in "abcde"]


NO_VALUES = {"first_day": 19_000, "last_market_day": 19_001, "stats": {}, "dvm_capital": {"x": {}}}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (422, b'{"errors": [{"code": "unrecognized-node-step"}]}', "unrecognized-node-step"),
        (400, b"", "HTTP 400"),
        (200, b"[]", "no statistics"),
        (200, json.dumps(NO_VALUES).encode(), "no daily values"),
    ],
)
def test_a_refused_backtest_is_remarked_and_not_asked_for_every_night(
    tmp_path: Path, panel: PricePanel, status: int, body: bytes, words: str
) -> None:
    library = Library(tmp_path, panel, Small(A, B))
    library.before = lambda app: Overriding(app, SERVED, status, body)
    first = library.night("first")
    assert first.versions == [("a", False, "not compared"), ("b", True, "")]
    remark = first.sources[0].versions[0].remark
    assert remark is not None and words in remark.text
    second = library.night("second")
    assert second.asked[BACKTESTS] == 0 and second.sources[0].identity() == first.sources[0].identity()
    later = library.night("later", as_of=AS_OF + dt.timedelta(days=40))
    assert later.asked[BACKTESTS] == 1


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (SERVED, [("a", False, "not compared"), ("b", False, "not compared"), ("c", True, "")]),
        ("/versions/b/", [("a", True, ""), ("b", False, ""), ("c", True, "")]),
        ("/versions$", []),
    ],
)
def test_what_is_not_answered_tonight_is_asked_for_tomorrow(
    tmp_path: Path, panel: PricePanel, paths: str, expected: list[tuple[str, bool, str]]
) -> None:
    library = Library(tmp_path, panel, Small(A, B, C))
    library.before = lambda app: Overriding(app, paths, 503)
    first = library.night("first")
    assert first.versions == expected and first.sources[0].reject is None
    assert first.remarks()["unanswered"] == (paths != SERVED)
    library.before = lambda app: app
    second = library.night("second")
    assert second.versions == [("a", True, ""), ("b", True, ""), ("c", True, "")]
    assert second.asked["trees"] == second.asked["backtests"] == 0


def test_faults_change_nothing(tmp_path: Path, panel: PricePanel) -> None:
    found = []
    for address in ("embedded", "embedded:faults=0.3,retry_after=0,seed=2"):
        library = Library(tmp_path / str(len(found)), panel, Small(A))
        settings = Settings(composer_url=address, catalogue="generated:size=4", composer_tries=30)
        night = asyncio.run(library.found("first", settings))
        found.append([source.identity() for source in night.sources])
    assert found[0] == found[1] and any(identity[6] for identity in found[0])


def test_bad_versions_are_remarked_and_the_rest_of_the_strategy_stays(
    tmp_path: Path, panel: PricePanel
) -> None:
    """Out of order, in the future, before its time, without a time, without a tree, and torn: all in one list."""
    rows = [
        {"version_id": "c", "created_at": "2024-03-06T15:00:00Z"},
        {"version_id": "future", "created_at": "2999-01-01T00:00:00Z"},
        {"version_id": "a", "created_at": "2024-03-04T10:00:00-05:00[America/New_York]"},
        {"version_id": "epoch", "created_at": "1970-01-01T00:00:00Z"},
        {"version_id": "b", "created_at": "2024-03-05T15:00:00Z"},
        {"version_id": "nobody", "created_at": "2024-02-01T15:00:00Z"},
        {"version_id": "timeless"},
    ]
    library = Library(tmp_path, panel, Small(A, B, C))
    torn = b'{"step": "root", "rebalance": "daily", "children": [{"step": "hold"}]}'

    def stand_before(app: Any) -> Any:
        listed = Overriding(app, "/versions$", 200, json.dumps(rows).encode())
        return Overriding(listed, "/versions/b/", 200, torn)

    library.before = stand_before
    night = library.night("first")
    assert night.versions == [("nobody", False, ""), ("a", True, ""), ("b", False, ""), ("c", True, "")]
    assert night.remarks() == {
        "unreadable": 1,
        "future": 1,
        "too early": 1,
        "no tree": 1,
        "not parsed": 1,
    }
    assert night.sources[0].reject is None and night.asked[BACKTESTS] == 1


def test_of_hundreds_of_versions_in_a_day_only_the_last_one_is_fetched(
    tmp_path: Path, panel: PricePanel
) -> None:
    many = [(f"v{n:03d}", f"2024-03-05T{9 + n // 60:02d}:{n % 60:02d}", tree("QQQ")) for n in range(300)]
    night = Library(tmp_path, panel, Small(A, *many, C)).night("first")
    assert night.versions == [("a", True, ""), ("v299", True, ""), ("c", True, "")]
    assert night.asked[TREES] == 3 and night.asked[BACKTESTS] == 2
    assert night.remarks() == {"replaced": 299}


def test_a_damaged_tree_of_a_version_is_fetched_again(tmp_path: Path, panel: PricePanel) -> None:
    library = Library(tmp_path, panel, Small(A, B))
    first = library.night("first")
    damaged = first.sources[0].versions[0].version.tree
    (path,) = tmp_path.glob(f"objects/*/{damaged}")
    path.write_bytes(b"torn")
    for kind in ("version_contents", "checks", "backtests"):
        for entry in tmp_path.glob(f"entries/{kind}/*/*.json"):
            entry.unlink()
    second = library.night("second")
    assert second.asked[TREES] == 1 and second.versions == [("a", True, ""), ("b", True, "")]
    assert second.sources[0].identity() == first.sources[0].identity()
