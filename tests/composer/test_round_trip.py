"""The client against real servers over real transports."""

import asyncio
import datetime as dt
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.composer import (
    ComposerError,
    FolderCatalogue,
    GeneratedCatalogue,
    Verdict,
    list_library,
    open_composer,
)
from rlpretrain.composer.mcp_transport import McpTransport, http_connector
from rlpretrain.composer.transport import READ_TOOLS
from rlpretrain.errors import SettingsError

from .conftest import AS_OF, AT_ONCE, walk

STDIO = f"stdio:{sys.executable} {Path(__file__).with_name('stdio_server.py')}"


@pytest.mark.parametrize("transport", ["http", "stdio", "embedded"])
async def test_every_tool_over_every_transport(transport, served, library):
    url = {"http": served.url, "stdio": STDIO, "embedded": "embedded"}[transport]
    async with open_composer(url, catalogue=library, backtester=walk, as_of=AS_OF) as client:
        page = await client.search_symphonies(order_by=[["name", "asc"]], offset=5)
        names = sorted(entry.document["name"] for entry in library.entries())
        assert [row.name for row in page.rows] == names[5:10]

        for entry in library.entries()[:3]:
            assert await client.get_saved_symphony(entry.symphony_id) == entry.document

        entry = library.entries()[0]
        start, end = dt.date(2020, 1, 2), dt.date(2020, 12, 31)
        answer = await client.backtest_symphony_by_id(
            entry.symphony_id,
            start_date=start,
            end_date=end,
            slippage_percent=0.005,
            benchmark_tickers=["SPY", "BIL"],
        )
        assert (answer.first_day, answer.last_market_day) == (start, end)
        assert answer.first_day_value == 10_000.0
        assert answer.last_market_days_shares == {"SPY": 12.5}
        assert set(answer.daily.benchmarks) == set(answer.benchmarks) == {"SPY", "BIL"}
        assert answer.daily.symphony[0] == 0.0
        # Growth counts from the capital, daily values from the first close, after the first purchase.
        assert answer.statistics.cumulative_return == pytest.approx(
            0.995 * (1 + answer.daily.symphony[-1]) - 1, abs=2e-4
        )
        assert answer.daily.dates.dtype == np.dtype("datetime64[D]")


async def test_last_edits_survive_the_wire(served, library):
    async with open_composer(served.url, as_of=AS_OF) as client:
        listed = await list_library(client)
    assert {s.symphony_id: s.last_edit for s in listed} == {
        e.symphony_id: e.last_edit for e in library.entries()
    }


async def test_the_default_library_of_1024_is_listed_and_fetched_whole():
    catalogue = GeneratedCatalogue()
    async with open_composer("embedded", catalogue=catalogue, as_of=AS_OF) as client:
        listed = await list_library(client)
        trees = await asyncio.gather(*(client.get_saved_symphony(s.symphony_id) for s in listed))
    documents = {entry.symphony_id: entry.document for entry in catalogue.entries()}
    assert {s.symphony_id: tree for s, tree in zip(listed, trees, strict=True)} == documents
    edits = [s.last_edit for s in listed]
    assert edits == sorted(edits)  # longest without a change first


async def test_only_the_read_tools_can_be_called(served):
    transport = McpTransport(http_connector(served.url, None))
    async with transport:
        for tool in ("save_symphony", "invest_in_symphony", "list_accounts", "execute_single_trade", ""):
            with pytest.raises(ComposerError, match="not a read tool") as caught:
                await transport.call(tool, {}, 5.0)
            assert caught.value.verdict is Verdict.STOP
    async with open_composer(served.url) as client:
        offered = {name for name in dir(client) if not name.startswith("_")}
    assert offered == {*READ_TOOLS, "as_of", "concurrency", "progress"}


async def test_what_one_symphony_lacks_rejects_it_alone(tmp_path):
    good = {
        "step": "root",
        "name": "Good",
        "rebalance": "daily",
        "children": [{"step": "asset", "ticker": "SPY"}],
    }
    (tmp_path / "good.json").write_text(json.dumps(good))
    (tmp_path / "torn.json").write_text('{"step": "root", ')
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "no data.json").write_text(
        json.dumps({**good, "children": [{"step": "asset", "ticker": "NODATA"}]})
    )
    (tmp_path / "index.csv").write_text("left alone")
    (tmp_path / "api").mkdir()
    async with open_composer("embedded", catalogue=FolderCatalogue(tmp_path), backtester=walk) as client:
        listed = await list_library(client)
        assert len(listed) == 4 and all(summary.last_edit is None for summary in listed)
        assert await client.get_saved_symphony("good") == good
        for name, reason in (("torn", "torn.json: not JSON"), ("list", "no 'step'")):
            with pytest.raises(ComposerError, match=reason) as caught:
                await client.get_saved_symphony(name)
            assert caught.value.verdict is Verdict.REJECT
        (hashed,) = {summary.symphony_id for summary in listed} - {"good", "torn", "list"}
        with pytest.raises(ComposerError, match="insufficient-ticker-data NODATA has no prices") as caught:
            await client.backtest_symphony_by_id(hashed)
        assert caught.value.verdict is Verdict.REJECT
        with pytest.raises(ComposerError, match="no symphony 'nobody'") as caught:
            await client.get_saved_symphony("nobody")
        assert caught.value.verdict is Verdict.REJECT


async def test_names_may_hold_anything(tmp_path):
    name = "'; DROP TABLE strategies; -- <script>../../etc/passwd \ud800 \u0000 100% 🙂" + "x" * 1_000_000
    tree = {"step": "root", "name": name, "rebalance": "daily", "children": []}
    (tmp_path / "odd.json").write_text(json.dumps(tree))
    async with open_composer("embedded", catalogue=FolderCatalogue(tmp_path), backtester=walk) as client:
        (listed,) = await list_library(client)
        assert listed.name == name and listed.symphony_id == "odd"
        assert (await client.get_saved_symphony("odd"))["name"] == name


async def test_a_bad_condition_stops_the_run_and_says_why(served):
    async with open_composer(served.url) as client:
        with pytest.raises(ComposerError, match="unknown column 'oos_luck'") as caught:
            await client.search_symphonies(where=[">", "oos_luck", 1])
        assert caught.value.verdict is Verdict.STOP


async def test_statistics_can_be_searched(served):
    async with open_composer(served.url) as client:
        page = await client.search_symphonies(
            where=[
                "and",
                [">", "oos_num_backtest_days", 400],
                ["<", "oos_max_drawdown", ["*", 2, "oos_spy_max_drawdown"]],
            ],
            order_by=[["oos_sharpe_ratio", "desc"]],
        )
    ratios = [row.columns["oos_sharpe_ratio"] for row in page.rows]
    assert len(ratios) == 5 and ratios == sorted(ratios, reverse=True)
    assert all(row.columns["oos_max_drawdown"] < 2 * row.columns["oos_spy_max_drawdown"] for row in page.rows)


@pytest.mark.parametrize(
    "url", ["", "ftp://somewhere/mcp", "http:///mcp", "stdio:", "stdio:'unclosed", "embedded"]
)
async def test_an_impossible_address_is_a_settings_error(url):
    with pytest.raises(SettingsError):
        async with open_composer(url):
            pass


async def test_a_server_that_is_not_there_fails_as_retryable_after_all_tries():
    async with open_composer("http://127.0.0.1:9/mcp", retry=AT_ONCE) as client:
        with pytest.raises(ComposerError, match="connecting to Composer") as caught:
            await client.search_symphonies()
    assert caught.value.retryable and caught.value.tries == AT_ONCE.tries


async def test_a_command_that_does_not_exist_stops_the_run():
    async with open_composer("stdio:no-such-program-anywhere", retry=AT_ONCE) as client:
        with pytest.raises(ComposerError, match="no-such-program-anywhere") as caught:
            await client.search_symphonies()
    assert caught.value.verdict is Verdict.STOP


async def test_a_server_process_that_dies_is_started_again(tmp_path, library):
    mark = tmp_path / "died"
    async with open_composer(f"{STDIO} {mark}", retry=AT_ONCE) as client:
        answer = await client.backtest_symphony_by_id(library.entries()[0].symphony_id)
    assert mark.exists() and answer.statistics.sharpe_ratio is not None
