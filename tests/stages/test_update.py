"""The first stage: which prices are brought up to date, what its manifest says, and when it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlpretrain.composer import GeneratedCatalogue
from rlpretrain.errors import DataError, ServiceError, SettingsError
from rlpretrain.features.context import SOURCES
from rlpretrain.market import AssetSeries, load_market
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import load_config
from rlpretrain.stages import UPDATE, Run, run_stage
from rlpretrain.stages.update import Updated
from rlpretrain.symphony import parse_symphony
from tests.market.test_download import THURSDAY, series
from tests.stages.conftest import tiny

NEEDED = {
    *(
        ticker
        for entry in GeneratedCatalogue(size=6).entries()
        for ticker in parse_symphony(entry.document or {}, symphony_id=entry.symphony_id).tickers
    ),
    "ETH-USD",
    *(names[0] for names in SOURCES.values()),
}


class Yahoo:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gone: set[str] = set()

    def __call__(self, symbol: str) -> AssetSeries:
        self.asked.append(symbol)
        if symbol in self.gone or "*" in self.gone:
            raise DataError(f"{symbol}: Yahoo has no prices")
        return series(symbol, THURSDAY.date())


@pytest.fixture
def yahoo(monkeypatch: pytest.MonkeyPatch) -> Yahoo:
    source = Yahoo()
    monkeypatch.setattr("rlpretrain.market.yahoo.yahoo_series", source)
    return source


def run_in(folder: Path, run: str = "run", **settings: Any) -> Run:
    config = tiny(
        folder / "runs",
        **{
            "market": f"files:{folder / 'prices'}",
            "price_updates": "yahoo",
            "catalogue": "generated:size=6",
            "validation_envs": ["ETH-USD"],
            **settings,
        },
    )
    return Run(config, RunFolder(folder / "runs" / run))


def updated(run: Run) -> Updated:
    return UPDATE.read(run_stage(run, UPDATE))


def test_all_that_a_run_looks_at(tmp_path: Path, yahoo: Yahoo) -> None:
    yahoo.gone = {"TLT"}
    run = run_in(tmp_path)
    found = updated(run)
    assert sorted(yahoo.asked) == sorted(NEEDED)
    assert found == Updated(
        source="yahoo",
        tickers=len(NEEDED),
        updated=sorted(NEEDED - {"TLT"}),
        rejected={"TLT": "TLT: Yahoo has no prices"},
    )
    assert set(load_market(run.config.market).symbols) == NEEDED - {"TLT"}
    yahoo.asked.clear()
    assert updated(run) == found
    assert yahoo.asked == [], "done once in a run"


def test_trees_come_from_the_cache(tmp_path: Path, yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch) -> None:
    updated(run_in(tmp_path))
    monkeypatch.setattr(
        "rlpretrain.composer.client.composer_client.ComposerClient.get_saved_symphony",
        lambda *_: pytest.fail("a tree was fetched again"),
    )
    assert updated(run_in(tmp_path, "again")).tickers == len(NEEDED)


def test_nothing_to_be_had_fails_and_may_be_tried_again(tmp_path: Path, yahoo: Yahoo) -> None:
    yahoo.gone = {"*"}
    run = run_in(tmp_path)
    with pytest.raises(
        ServiceError, match=r"no prices of any of \d+ tickers: .*Yahoo has no prices"
    ) as caught:
        updated(run)
    assert caught.value.retryable
    assert run.folder.manifest("update") is None


def test_without_the_setting_nothing_happens(tmp_path: Path, yahoo: Yahoo) -> None:
    run = run_in(tmp_path, price_updates="none", market="generated:")
    assert updated(run) == Updated(source="none")
    assert yahoo.asked == []
    assert list(run.folder.path.iterdir()) == [run.folder / "update.json"]


def test_it_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="price_updates 'yahoo' needs market 'files:DIR'"):
        load_config(overrides={"price_updates": "yahoo"})
