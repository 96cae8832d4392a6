"""Histories over real HTTP: what is asked for, what is kept, and what a service without versions means."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rlpretrain.composer import (
    AdaptiveRate,
    Backtest,
    Catalogue,
    ComposerError,
    Faults,
    FolderCatalogue,
    GeneratedCatalogue,
    LoopbackServer,
    RetryPolicy,
    ServedCatalogue,
    SymphonySummary,
    composer_app,
    list_library,
    open_composer,
)
from rlpretrain.composer.server.faulty_app import FaultyApp
from rlpretrain.composer.settings import FetchSettings
from rlpretrain.library.answers import Answers
from rlpretrain.library.histories import StrategyHistory, count_remarks, find_histories
from rlpretrain.library.version_answers import VersionAnswers
from rlpretrain.market import first_close_after
from rlpretrain.runs.cache import Cache
from rlpretrain.symphony import parse_symphony
from tests.library.small_library import A, B, C, Overriding, Small, tree

AS_OF = dt.date(2024, 12, 31)
NOW = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
PATIENT = RetryPolicy(tries=20, first_wait=0.0)
LISTED, FETCHED = "list_symphony_versions", "get_symphony_version"


@dataclass
class Night:
    """One night's histories, and how often the service was asked."""

    rows: list[SymphonySummary]
    histories: tuple[StrategyHistory, ...]
    asked: dict[str, int]

    def of(self, symphony_id: str) -> StrategyHistory:
        (found,) = (history for history in self.histories if history.symphony_id == symphony_id)
        return found


class Library:
    """A served catalogue and a cache, over several nights."""

    def __init__(self, folder: Path, catalogue: Catalogue, **settings: Any) -> None:
        self.served = ServedCatalogue(catalogue, None, AS_OF)
        self.before: Callable[[Any], Any] = lambda app: app
        """What stands before the server: a function of its application."""
        self.app: Any = None
        self.cache, self.settings = Cache(folder), FetchSettings(**settings)

    def night(
        self, name: str, *, as_of: dt.date = AS_OF, transport: str = "rest", retry: RetryPolicy = PATIENT
    ) -> Night:
        self.app = self.before(composer_app(self.served))
        return asyncio.run(self._night(name, as_of, transport, retry))

    async def _night(self, name: str, as_of: dt.date, transport: str, retry: RetryPolicy) -> Night:
        with LoopbackServer(self.app, log_level="critical") as server:
            url = f"rest+{server.rest_url}" if transport == "rest" else server.url
            rate = AdaptiveRate(slowest=1e6)
            async with open_composer(url, as_of=AS_OF, retry=retry, rate=rate) as client:
                rows = await list_library(client)
                found = await find_histories(client, self.answers(name, as_of), rows, now=NOW)
                return Night(
                    rows, found, {tool: client.progress.of(tool).asked for tool in (LISTED, FETCHED)}
                )

    def answers(self, name: str, as_of: dt.date = AS_OF) -> VersionAnswers:
        return VersionAnswers(self.settings, self.cache, as_of=as_of, listing=name)

    def keep_edit(self, name: str, symphony_id: str, at: dt.datetime | None, *remarks: str) -> None:
        day = dt.date(2024, 1, 2)
        backtest = Backtest(
            first_day=day, last_market_day=day, statistics={}, last_semantic_update_at=at, remarks=remarks
        )
        Answers(self.settings, self.cache, as_of=AS_OF, listing=name).keep_edit(symphony_id, backtest)


def dated(history: StrategyHistory) -> list[tuple[str, str, bool]]:
    return [(str(v.first_close)[5:], v.version_id, v.content_hash is not None) for v in history.versions]


@pytest.fixture(scope="module")
def catalogue() -> GeneratedCatalogue:
    return GeneratedCatalogue(size=30, seed=3)


def test_a_history_is_what_the_author_saved(tmp_path: Path, catalogue: GeneratedCatalogue) -> None:
    night = Library(tmp_path, catalogue).night("first")
    entries = {entry.symphony_id: entry for entry in catalogue.entries()}
    assert len(night.histories) == 30
    for history in night.histories:
        entry = entries[history.symphony_id]
        assert entry.author is not None
        saved = entry.author.versions(None)
        last_of_day = {first_close_after(version.created_at): version for version in saved}
        expected = [
            (day, version.version_id, parse_symphony(version.document, symphony_id="s").content_hash)
            for day, version in sorted(last_of_day.items())
        ]
        assert [(v.first_close, v.version_id, v.content_hash) for v in history.versions] == expected
        # From the last edit on it is the tree that the server serves.
        assert entry.document is not None
        today = parse_symphony(entry.document, symphony_id="s").content_hash
        version = history.at(AS_OF)
        assert version is not None and version.content_hash == today
    assert set(count_remarks(night.histories)) <= {"replaced"}


def test_an_unchanged_library_costs_no_call_and_no_tree_is_fetched_twice(
    tmp_path: Path, catalogue: GeneratedCatalogue
) -> None:
    library = Library(tmp_path, catalogue)
    first = library.night("first")
    assert first.asked[LISTED] == 30 and first.asked[FETCHED] > 60
    resumed, second = library.night("first"), library.night("second")
    assert resumed.asked == second.asked == {LISTED: 0, FETCHED: 0}
    assert first.histories == resumed.histories == second.histories
    # Where nobody can say that nothing changed, the list is asked for again, and no tree is.
    library.settings = FetchSettings(refresh=True)
    third = library.night("third")
    assert third.asked == {LISTED: 30, FETCHED: 0} and third.histories == first.histories


def test_a_symphony_edited_less_than_a_week_ago_costs_one_call(tmp_path: Path) -> None:
    library = Library(tmp_path, Small(A, B))
    soon = dt.date(2024, 3, 5) + dt.timedelta(days=3)
    library.night("first", as_of=soon)
    assert library.night("second", as_of=soon).asked == {LISTED: 1, FETCHED: 0}


def test_only_the_new_version_of_an_edited_symphony_is_fetched(tmp_path: Path) -> None:
    library = Library(tmp_path, Small(A, B))
    assert dated(library.night("first").of("one")) == [("03-04", "a", True), ("03-05", "b", True)]
    edited = Small(A, B, (C[0], "2024-12-30T10:00", C[2]))
    library.served = ServedCatalogue(edited, None, AS_OF)
    second = library.night("second")
    assert second.asked == {LISTED: 1, FETCHED: 1}
    assert dated(second.of("one")) == [("03-04", "a", True), ("03-05", "b", True), ("12-30", "c", True)]


def test_a_backtest_that_names_the_same_last_edit_saves_the_call(tmp_path: Path) -> None:
    library = Library(tmp_path, Small(A, B))
    soon, edit = dt.date(2024, 3, 8), dt.datetime(2024, 3, 5, 15, tzinfo=dt.UTC)
    library.keep_edit("first", "one", edit)
    library.night("first", as_of=soon)
    library.keep_edit("second", "one", edit)
    assert library.night("second", as_of=soon).asked[LISTED] == 0
    library.keep_edit("third", "one", edit + dt.timedelta(days=9))
    third = library.night("third")
    assert third.asked[LISTED] == 1  # although the listing shows a quiet symphony
    assert count_remarks(third.histories) == {"last edit missing": 1}
    library.keep_edit("fourth", "one", None, "last_semantic_update_at: 'noon' is not a time")
    assert count_remarks(library.night("fourth").histories) == {"last edit unreadable": 1}


def test_faults_change_nothing(tmp_path: Path, catalogue: GeneratedCatalogue) -> None:
    undisturbed = Library(tmp_path / "undisturbed", catalogue)
    spoilt = Library(tmp_path / "spoilt", catalogue)
    faults = Faults(rate=0.3, kinds=("429", "5xx", "drop", "malformed", "error"), seed=2)
    spoilt.before = lambda app: FaultyApp(app, faults)
    assert spoilt.night("first").histories == undisturbed.night("first").histories
    assert sum(spoilt.app.met.values()) > 40


def test_over_mcp_there_are_no_versions_and_nobody_asks(
    tmp_path: Path, catalogue: GeneratedCatalogue
) -> None:
    night = Library(tmp_path, catalogue).night("first", transport="mcp")
    assert night.asked == {LISTED: 0, FETCHED: 0}
    assert all(history.versions == () for history in night.histories)
    assert count_remarks(night.histories) == {"not offered": 30}
    assert "MCP has no versions" in night.histories[0].remarks[0].text


@pytest.mark.parametrize(("status", "most"), [(501, 1), (404, 3), (403, 3)])
def test_a_service_without_versions_is_hardly_asked(
    tmp_path: Path, catalogue: GeneratedCatalogue, status: int, most: int
) -> None:
    library = Library(tmp_path, catalogue)
    library.before = lambda app: Overriding(app, "/versions", status)
    night = library.night("first")
    assert all(history.versions == () for history in night.histories) and library.app.met == most
    counts = count_remarks(night.histories)
    assert counts["not offered"] + counts["no versions"] == 30 and counts["not offered"] == 31 - most


def test_a_service_that_lists_versions_but_has_no_trees_leaves_the_last_edit(
    tmp_path: Path, catalogue: GeneratedCatalogue
) -> None:
    library = Library(tmp_path, catalogue)
    library.before = lambda app: Overriding(app, "/versions/.*/score", 501)
    night = library.night("first")
    assert night.asked[LISTED] == 30 and all(history.versions == () for history in night.histories)
    assert count_remarks(night.histories)["not offered"] >= 30


def test_symphonies_without_versions_are_told_from_a_service_without_them(tmp_path: Path) -> None:
    folder = tmp_path / "symphonies"
    folder.mkdir()
    for number in range(6):
        (folder / f"s{number}.json").write_text(json.dumps(tree("SPY")))
    night = Library(tmp_path / "cache", FolderCatalogue(folder)).night("first")
    assert count_remarks(night.histories) == {"no versions": 6} and night.asked[LISTED] == 6


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b'{"errors": [{"code": "version-not-found"}]}', "no tree"),
        (422, b"", "no tree"),
        (200, b"[]", "no tree"),
        (200, b'{"step": "root", "children": [{"step": "hold"}]}', "not parsed"),
        (200, b'{"step": "root", "rebalance": "daily", "children": []}', "not parsed"),
    ],
)
def test_a_version_without_a_usable_tree_leaves_a_gap_and_the_rest_stays(
    tmp_path: Path, status: int, body: bytes, kind: str
) -> None:
    library = Library(tmp_path, Small(A, B, C))
    library.before = lambda app: Overriding(app, "/versions/b/", status, body)
    night = library.night("first")
    assert dated(night.of("one")) == [("03-04", "a", True), ("03-05", "b", False), ("03-06", "c", True)]
    assert count_remarks(night.histories) == {kind: 1}
    # It is not asked for again the next night, and what was missing is, after a month.
    second = library.night("second")
    assert second.asked == {LISTED: 0, FETCHED: 0} and second.histories == night.histories
    later = library.night("later", as_of=AS_OF + dt.timedelta(days=40))
    assert later.asked[FETCHED] == (kind == "no tree")


def test_a_tree_that_cannot_be_fetched_tonight_is_fetched_tomorrow(tmp_path: Path) -> None:
    library = Library(tmp_path, Small(A, B, C))
    library.before = lambda app: Overriding(app, "/versions/b/", 503)
    first = library.night("first", retry=RetryPolicy(tries=2, first_wait=0.0))
    assert count_remarks(first.histories) == {"unanswered": 1} and not dated(first.of("one"))[1][2]
    library.before = lambda app: app
    second = library.night("second")
    assert second.asked == {LISTED: 0, FETCHED: 1} and all(known for _, _, known in dated(second.of("one")))


def test_a_list_that_cannot_be_fetched_tonight_is_no_reason_to_stop(tmp_path: Path) -> None:
    library = Library(tmp_path, Small(A, B))
    library.before = lambda app: Overriding(app, "/versions", 500)
    first = library.night("first", retry=RetryPolicy(tries=2, first_wait=0.0))
    assert count_remarks(first.histories) == {"unanswered": 1} and first.of("one").versions == ()


def test_a_refused_key_stops_the_run_at_the_calls_that_need_it(tmp_path: Path) -> None:
    library = Library(tmp_path, Small(A, B))
    library.before = lambda app: Overriding(app, "/search", 401)
    with pytest.raises(ComposerError, match="401"):
        library.night("first")


def test_rows_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    rows = [
        {"version_id": "a", "created_at": "2024-03-04T15:00:00Z"},
        {"version_id": "b"},
        {"version_id": "c", "created_at": "1970-01-01T00:00:00Z"},
        {"version_id": "b", "created_at": "2031-01-01T00:00:00Z"},
        7,
    ]
    library = Library(tmp_path, Small(A, B))
    library.before = lambda app: Overriding(app, "/versions$", 200, json.dumps(rows).encode())
    night = library.night("first")
    assert dated(night.of("one")) == [("03-04", "a", True)]
    assert count_remarks(night.histories) == {"unreadable": 2, "too early": 1, "future": 1}


def test_a_damaged_tree_is_fetched_again(tmp_path: Path) -> None:
    library = Library(tmp_path, Small(A, B))
    first = library.night("first")
    damaged = first.of("one").versions[0].tree
    assert damaged is not None
    (path,) = tmp_path.glob(f"objects/*/{damaged}")
    path.write_bytes(b"torn")
    for entry in tmp_path.glob("entries/version_contents/*/*.json"):
        entry.unlink()
    second = library.night("second")
    assert second.asked == {LISTED: 0, FETCHED: 1} and second.histories == first.histories
