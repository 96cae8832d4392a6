"""How long a chunk's sources take when nothing but the service's latency takes time: virtual time, no clock."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.composer import (
    BacktestOutcome,
    ComposerClient,
    GeneratedCatalogue,
    ServedCatalogue,
    list_library,
)
from rlpretrain.composer.server.rest_answer import rest_backtest_answer
from rlpretrain.composer.settings import SourceSettings
from rlpretrain.library.listing import Listing
from rlpretrain.library.source_finder import SourceFinder
from rlpretrain.library.sources import BacktestTerms, Source
from rlpretrain.market import load_market
from rlpretrain.runs.cache import Cache
from rlpretrain.symphony import Costs
from tests.composer.client import virtual_time
from tests.composer.client.transports import LikeRest

LATENCY = 0.1
AS_OF = dt.date(2024, 12, 31)


def three_days(*_: object) -> BacktestOutcome:
    """Return a backtest that takes no time, whatever the tree."""
    return BacktestOutcome(
        np.datetime64("2024-12-27") + np.arange(3), np.array([10_000.0, 10_100.0, 9_900.0])
    )


class Delayed(LikeRest):
    """Answers as the embedded server does, a latency after each call; counts the calls and those at once."""

    def __init__(self, served: ServedCatalogue) -> None:
        self.served, self.calls, self.now, self.most = served, 0, 0, 0

    async def call(self, tool: str, arguments: Mapping[str, Any], timeout: float) -> Any:
        del timeout
        self.calls, self.now = self.calls + 1, self.now + 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(LATENCY)
        self.now -= 1
        return json.loads(json.dumps(self._answer(tool, json.loads(json.dumps(arguments)))))

    def _answer(self, tool: str, arguments: dict[str, Any]) -> Any:
        if tool == "search_symphonies":
            return self.served.search(arguments)
        if tool == "get_saved_symphony":
            return self.served.tree(arguments["symphony_id"])
        if tool == "backtest_symphony_by_id":
            return rest_backtest_answer(self.served.backtest(arguments["symphony_id"], arguments))
        if tool == "list_symphony_versions":
            return self.served.versions(arguments["symphony_id"])
        if tool == "get_symphony_version":
            return self.served.version_tree(arguments["symphony_id"], arguments["version_id"])
        return rest_backtest_answer(self.served.backtest_tree(arguments))


def test_a_chunk_takes_hardly_longer_than_its_calls_at_full_concurrency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = Delayed(ServedCatalogue(GeneratedCatalogue(50), three_days, AS_OF))

    @asynccontextmanager
    async def service(*_: object) -> AsyncIterator[ComposerClient]:
        yield ComposerClient(transport, as_of=AS_OF)

    monkeypatch.setattr("rlpretrain.library.source_finder.open_service", service)
    settings = SourceSettings(composer_url="rest+https://composer.example")
    terms, panel, cache = BacktestTerms(Costs(), 10_000.0), load_market("generated:years=2"), Cache(tmp_path)

    async def find(name: str) -> tuple[list[Source], int, float]:
        async with service() as client:
            rows = tuple(await list_library(client))
        finder = SourceFinder(settings, panel, cache, Listing(rows, AS_OF, name), terms)
        clock, before = asyncio.get_running_loop().time, transport.calls
        began = clock()
        sources = await finder.find(rows)
        return sources, transport.calls - before, clock() - began

    sources, calls, seconds = virtual_time.run(find("first"))
    assert calls > 50 * 8 and sum(len(source.versions) for source in sources) > 50 * 4
    assert transport.most == settings.composer_concurrency == 8
    assert seconds <= 1.1 * calls * LATENCY / settings.composer_concurrency
    assert virtual_time.run(find("second"))[1:] == (0, 0.0)
