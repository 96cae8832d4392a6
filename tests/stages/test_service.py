"""The service of a run: what the settings choose, and our engine behind the embedded server."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.service import EngineBacktester, open_service

from rlpretrain.artifacts import RunFolder
from rlpretrain.composer import BacktestOptions, BudgetSpentError, GeneratedCatalogue
from rlpretrain.errors import SettingsError
from rlpretrain.market import PricePanel
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import library

from .conftest import tiny


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> PricePanel:
    return _context(tmp_path_factory.mktemp("panel")).panel


def _context(folder: Path, **settings: Any) -> StageContext:
    return StageContext(tiny(folder, **settings), RunFolder(folder))


def test_a_window_is_bought_on_its_first_day_and_pays_for_it(panel: PricePanel) -> None:
    backtester = EngineBacktester(panel)
    document = GeneratedCatalogue(size=3).entries()[0].document
    assert document is not None
    options = BacktestOptions(capital=50_000.0, slippage_percent=0.005)
    whole = backtester(document, None, None, options)
    start, end = (whole.dates[row].astype("datetime64[D]").astype(object) for row in (400, 600))
    assert isinstance(start, dt.date) and isinstance(end, dt.date)
    window = backtester(document, start, end, options)
    assert (window.dates[0], window.dates[-1]) == (whole.dates[400], whole.dates[600])
    # Buying everything at half a percent leaves 1 / 1.005 at least, and all of it where nothing is an equity.
    assert 50_000.0 / 1.0051 < window.values[0] <= 50_000.0
    assert set(window.weights) and set(window.benchmarks) <= {"SPY"}
    total = np.sum(list(window.weights.values()), axis=0)
    np.testing.assert_allclose(total, 1.0, atol=1e-9)
    assert window.rebalanced is not None and window.rebalanced[0]
    assert window.costs["slippage"] < whole.costs["slippage"]
    worth = sum(
        units * panel.close[np.searchsorted(panel.dates, window.dates[-1]), panel.column(ticker)]
        for ticker, units in window.shares.items()
        if units
    )
    assert worth == pytest.approx(window.values[-1])


@pytest.mark.parametrize("url", ["embedded", "embedded:transport=rest"])
def test_the_searchs_condition_and_order_come_from_the_settings(tmp_path: Path, url: str) -> None:
    settings = {"search_where": [">", "num_node_filter", 0], "search_order": [["name", "desc"]]}
    context = _context(tmp_path, composer_url=url, **settings)
    context.write_settings()
    library.run(context)
    names = [row.name for row in library.read_library(context).rows]
    assert names == sorted(names, reverse=True)
    assert 0 < len(names) < len(GeneratedCatalogue(24).entries())


def test_a_search_that_cannot_be_made_is_refused_before_the_work(tmp_path: Path) -> None:
    context = _context(tmp_path, search_where=[">", "oos_sharp_ratio", 0])
    with pytest.raises(SettingsError, match=r"did you mean .*oos_sharpe_ratio"):
        library.run(context)


def test_a_budget_ends_a_task_that_may_go_on_later(tmp_path: Path) -> None:
    context = _context(tmp_path, composer_url="embedded:latency=2s", composer_budget=0.2)

    async def ask() -> None:
        async with open_service(context) as client:
            await client.search_symphonies()

    with pytest.raises(BudgetSpentError, match=r"budget of 0\.2 s .* search_symphonies 0 of 1") as caught:
        asyncio.run(ask())
    assert caught.value.retryable


def test_the_way_to_the_service_changes_no_result() -> None:
    plain = PretrainingConfig()
    changed = PretrainingConfig(
        composer_concurrency=2, composer_timeout=5, composer_tries=3, composer_budget=None
    )
    assert plain.digest() == changed.digest()
    assert plain.digest() != PretrainingConfig(search_where=[">", "num_node_if", 0]).digest()
    assert "unseen" not in repr(PretrainingConfig(composer_url="https://unseen.example/mcp"))
