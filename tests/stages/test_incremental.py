"""One night after another: what changed is fetched and replayed again, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.composer import (
    BacktestOptions,
    BacktestOutcome,
    CatalogueEntry,
    ComposerClient,
    GeneratedCatalogue,
    LoopbackServer,
    ServedCatalogue,
    composer_app,
)
from rlpretrain.composer.server.served_catalogue import FinishedBacktest
from rlpretrain.library.engine_backtester import EngineBacktester
from rlpretrain.market import PricePanel, load_market
from rlpretrain.patterns import ChunkRecords, Reject
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import EXTRACT, Run, parts_of, run_with_needs
from rlpretrain.stages.extract import Extracted
from rlpretrain.stages.implementation.extract import chunk_files
from rlpretrain.stages.implementation.market import market_key
from rlpretrain.symphony import processes
from tests.stages.conftest import TINY, tiny

ENTRIES = GeneratedCatalogue(size=8).entries()
NAMES = [entry.symphony_id for entry in ENTRIES]
MONDAY = dt.date(2025, 3, 3)
EDITED = MONDAY - dt.timedelta(days=400)


class Counting(ServedCatalogue):
    """A catalogue that notes what it is asked for."""

    def __init__(self, entries: Sequence[CatalogueEntry], engine: Any, as_of: dt.date) -> None:
        self.trees: list[str] = []
        self.backtests: list[str] = []
        self._inside = threading.local()
        catalogue = type("Fixed", (), {"entries": lambda self: entries})()
        super().__init__(catalogue, engine, as_of)

    def tree(self, symphony_id: str) -> Mapping[str, Any]:
        if not getattr(self._inside, "backtest", False):
            self.trees.append(symphony_id)
        return super().tree(symphony_id)

    def backtest(self, symphony_id: str, arguments: Mapping[str, Any]) -> FinishedBacktest:
        self.backtests.append(symphony_id)
        self._inside.backtest = True
        try:
            return super().backtest(symphony_id, arguments)
        finally:
            self._inside.backtest = False


@dataclass
class Night:
    """What one run asked for and made."""

    trees: list[str]
    backtests: list[str]
    replayed: bool
    run: Run

    def outputs(self) -> dict[str, bytes]:
        return {
            path: (self.run.folder / path).read_bytes()
            for chunk in parts_of(self.run, EXTRACT)
            for path in chunk_files(chunk).values()
        }

    def manifests(self) -> list[str]:
        return [EXTRACT.manifest_name(chunk) for chunk in parts_of(self.run, EXTRACT)]

    def results(self) -> list[Extracted]:
        return [EXTRACT.read(self.run.folder.require(name)) for name in self.manifests()]

    def rejects(self) -> list[Reject]:
        rows = json.loads((self.run.folder / chunk_files("0")["rejects"]).read_text())
        return [Reject(**row) for row in rows]


class Nights:
    """Runs on one folder against a service that stays at one address."""

    def __init__(self, folder: Path, panel: PricePanel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.panel, self.patch = folder, panel, monkeypatch
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.engine = EngineBacktester(panel)
        self.count = 0

    def __call__(
        self,
        entries: Sequence[CatalogueEntry] | None = None,
        *,
        today: dt.date = MONDAY,
        run: str | None = None,
        panel: PricePanel | None = None,
        engine: Any = None,
        **settings: Any,
    ) -> Night:
        self.count += 1
        self.patch.setattr("rlpretrain.composer.connection._today", lambda: today)
        if entries is None:
            entries = [replace(entry, last_edit=EDITED) for entry in ENTRIES]
        service = Counting(entries, engine or self.engine, today)
        lines: list[str] = []
        with LoopbackServer(composer_app(service), port=self.port) as server:
            config = tiny(self.folder, composer_url=server.url, max_strategies=8, chunk_size=4, **settings)
            run_folder = RunFolder(self.folder / (run or f"night-{self.count}"))
            one = Run(config, run_folder, lines.append)
            one.remember(market_key(config), lambda: panel or self.panel)
            run_with_needs(one, EXTRACT)
        made = sum(line.endswith("rejected") for line in lines)
        return Night(sorted(service.trees), sorted(service.backtests), bool(made), one)


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return load_market(TINY["market"], seed=7)


@pytest.fixture
def night(tmp_path: Path, panel: PricePanel, monkeypatch: pytest.MonkeyPatch) -> Nights:
    return Nights(tmp_path, panel, monkeypatch)


def test_an_unchanged_library_is_listed_and_nothing_more(night: Nights) -> None:
    first = night()
    assert first.trees == first.backtests == sorted(NAMES)
    again = night(today=MONDAY + dt.timedelta(days=1))
    assert again.trees == again.backtests == []
    assert not again.replayed
    assert again.outputs() == first.outputs()
    assert again.results() == first.results()
    assert sorted(name for result in again.results() for name in result.sources) == sorted(NAMES)
    path = chunk_files("0")["records"]
    assert (again.run.folder / path).samefile(first.run.folder / path), "no second copy on the disk"


def test_an_edited_symphony_is_fetched_alone(night: Nights) -> None:
    entries = [replace(entry, last_edit=EDITED) for entry in ENTRIES]
    first = night(entries)
    changed = {**entries[1].document, "rebalance": "weekly"}
    changed.pop("rebalance-corridor-width", None)
    later = MONDAY + dt.timedelta(days=1)
    second = night(
        [entries[0], replace(entries[1], document=changed, last_edit=later), *entries[2:]], today=later
    )
    assert second.trees == second.backtests == [NAMES[1]]
    assert second.replayed
    ours, theirs = first.outputs(), second.outputs()
    assert [path for path in ours if ours[path] != theirs[path]] != []
    # Edited within the week before its fetch, it might have been edited once more since.
    third = night(
        [entries[0], replace(entries[1], document=changed, last_edit=later), *entries[2:]], today=later
    )
    assert (third.trees, third.backtests, third.replayed) == ([NAMES[1]], [], False)


@pytest.mark.parametrize("days_off", [-4, 4])
def test_days_since_the_edit_may_jump(night: Nights, days_off: int) -> None:
    """The service counts to its last day of data, which weekends move against ours."""
    night()
    moved = [replace(entry, last_edit=EDITED + dt.timedelta(days=days_off)) for entry in ENTRIES]
    assert night(moved).trees == []


def test_an_edit_on_the_day_of_the_fetch_is_never_missed(night: Nights) -> None:
    fresh = [replace(entry, last_edit=MONDAY) for entry in ENTRIES]
    night(fresh)
    rewritten = [replace(entry, document={**entry.document, "rebalance": "monthly"}) for entry in fresh]
    assert night(rewritten).trees == sorted(NAMES)


def test_without_days_of_edits_trees_are_fetched_and_their_content_decides(night: Nights) -> None:
    entries = [replace(entry, last_edit=None) for entry in ENTRIES]
    night(entries)
    # Other identities of nodes and another order of keys: the same symphony.
    reordered = [
        replace(entry, document={"id": "another", **dict(reversed(list(entry.document.items())))})
        for entry in entries
    ]
    again = night(reordered)
    assert again.trees == sorted(NAMES)
    assert again.backtests == []
    assert not again.replayed


def test_what_the_listing_says_otherwise_changed(night: Nights) -> None:
    entries = [replace(entry, last_edit=EDITED) for entry in ENTRIES]
    night(entries)
    renamed = {**entries[0].document, "name": "Another name"}
    again = night([replace(entries[0], document=renamed), *entries[1:]])
    assert (again.trees, again.backtests) == ([NAMES[0]], [])
    assert again.replayed, "records carry the name"


def test_backtests_grow_old(night: Nights) -> None:
    night(backtest_max_age_days=10)
    assert night(today=MONDAY + dt.timedelta(days=10), backtest_max_age_days=10).backtests == []
    old = night(today=MONDAY + dt.timedelta(days=11), backtest_max_age_days=10)
    assert (old.trees, old.backtests) == ([], sorted(NAMES))
    assert not old.replayed, "the service said the same"


def test_new_days_are_replayed_without_a_call(night: Nights, panel: PricePanel) -> None:
    night(panel=panel.between(None, panel.dates[-6]))
    later = night(panel=panel)
    assert later.trees == later.backtests == []
    assert later.replayed
    fresh = Nights(night.folder / "apart", panel, night.patch)()
    assert later.outputs() == fresh.outputs()


@pytest.mark.parametrize("setting", [{"cost_bps": 7.0}, {"min_fidelity": 0.99}, {"fill": "next_close"}])
def test_another_setting_is_replayed_without_a_call(night: Nights, setting: dict[str, Any]) -> None:
    night()
    again = night(**setting)
    assert again.trees == again.backtests == []
    assert again.replayed


def test_whole_shares_concern_the_comparison_and_nothing_that_is_learned(
    night: Nights, panel: PricePanel
) -> None:
    first, again = night(), night(whole_share_tickers=list(panel.symbols))
    assert again.trees == again.backtests == []
    for chunk in parts_of(first.run, EXTRACT):
        one, two = (
            ChunkRecords.load(night.run.folder / chunk_files(chunk)["records"]) for night in (first, again)
        )
        for before, after in zip(one.records, two.records, strict=True):
            np.testing.assert_array_equal(before.returns, after.returns)
            # The stand-in server buys fractions.
            assert before.fidelity.tracking_error < after.fidelity.tracking_error


@pytest.fixture
def in_processes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings with which all but a chunk's first symphony are replayed in other processes."""
    monkeypatch.setattr(processes, "_PART", 1)
    monkeypatch.setattr(processes, "_WORTHWHILE", 0.0)
    return {"replay_processes": 2}


def test_the_number_of_processes_changes_nothing(night: Nights, in_processes: dict[str, Any]) -> None:
    first = night(replay_processes=1)
    again = night(refresh=True, run="refreshed", **in_processes)
    assert again.replayed
    assert again.outputs() == first.outputs()
    assert again.results() == first.results()
    assert not night(**in_processes).replayed, "it is no part of what a chunk depends on"


def test_damage_that_another_process_meets_is_mended(night: Nights, in_processes: dict[str, Any]) -> None:
    night()
    for path in (night.folder / "cache" / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
            path.write_bytes(b"damaged")
    again = night(cost_bps=7.0, **in_processes)
    assert again.trees == again.backtests == sorted(NAMES)
    assert again.outputs() == night(cost_bps=7.0, refresh=True, run="refreshed").outputs()


def test_refresh_forces_everything_once(night: Nights) -> None:
    first = night()
    again = night(refresh=True, run="refreshed")
    assert again.trees == again.backtests == sorted(NAMES)
    assert again.replayed
    assert again.outputs() == first.outputs()
    resumed = night(refresh=True, run="refreshed")
    assert resumed.trees == resumed.backtests == []
    assert not resumed.replayed


def test_within_a_run_an_answer_stays_the_answer(night: Nights) -> None:
    """A run that was stopped goes on with what it was told before, whatever the service says by then."""
    unknown = [replace(entry, last_edit=None) for entry in ENTRIES]
    first = night(unknown, run="stopped")
    pins = first.results()
    for name in first.manifests():
        (first.run.folder / f"{name}.json").unlink()
    other = [replace(entry, document={**entry.document, "rebalance": "monthly"}) for entry in unknown]
    resumed = night(other, run="stopped", refresh=False)
    assert resumed.trees == resumed.backtests == []
    assert resumed.results() == pins
    assert night(other).trees == sorted(NAMES), "another run asks again"


def test_damage_anywhere_is_mended(night: Nights) -> None:
    first = night()
    generator = np.random.default_rng(4)
    for kind in ("objects", "entries"):
        for share in (0.3, 1.0):
            for path in sorted((night.folder / "cache" / kind).rglob("*")):
                if path.is_file() and generator.random() < share:
                    # Another file, as a power cut leaves it: the folders of runs share the old one.
                    path.unlink()
                    path.write_bytes(generator.bytes(int(generator.integers(0, 60))))
            again = night()
            assert again.outputs() == first.outputs()
            assert night().trees == []


def test_two_services_do_not_mix(night: Nights) -> None:
    night()
    with socket.create_server(("127.0.0.1", 0)) as free:
        night.port = free.getsockname()[1]
    assert night().trees == sorted(NAMES)


def test_a_backtest_without_values_is_asked_for_again(night: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ComposerClient.backtest_symphony_by_id

    async def without(self: ComposerClient, symphony_id: str, **options: Any) -> Any:
        return await plain(self, symphony_id, **{**options, "include_daily_values": False})

    monkeypatch.setattr(ComposerClient, "backtest_symphony_by_id", without)
    empty = night()
    assert {reject.stage for reject in empty.rejects()} == {"fidelity"}
    monkeypatch.undo()
    assert night().backtests == sorted(NAMES)


def test_equal_trees_share_a_backtest(night: Nights) -> None:
    entries = [replace(entry, last_edit=EDITED) for entry in ENTRIES]
    night(entries)
    copy = replace(entries[0], symphony_id="copy", document={**entries[0].document, "name": "A copy"})
    again = night([*entries[1:], copy])
    assert (again.trees, again.backtests) == (["copy"], [])


class Failing:
    """A backtester that has prices of nothing."""

    def __call__(
        self, document: Mapping[str, Any], start: Any, end: Any, options: BacktestOptions
    ) -> BacktestOutcome:
        from rlpretrain.errors import DataError

        raise DataError(f"{document['name']}: no data")


def test_what_the_service_refuses_is_asked_for_again(night: Nights) -> None:
    refused = night(engine=Failing())
    assert {reject.stage for reject in refused.rejects()} == {"fetch"}
    again = night()
    assert (again.trees, again.backtests) == ([], sorted(NAMES))
