"""The client against real servers over real transports."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from rlpretrain.composer import (
    ComposerError,
    FolderCatalogue,
    GeneratedCatalogue,
    Verdict,
    list_library,
    open_composer,
)
from rlpretrain.composer.client.mcp_transport import McpTransport, http_connector
from rlpretrain.composer.protocol.calls import READ_CALLS
from rlpretrain.errors import SettingsError
from rlpretrain.settings import PretrainingConfig

from .conftest import AS_OF, AT_ONCE, walk

STDIO = f"stdio:{sys.executable} {Path(__file__).with_name('stdio_server.py')}"


@pytest.mark.parametrize("transport", ["mcp", "rest"])
async def test_the_default_library_of_1024_is_listed_and_fetched_whole(transport):
    catalogue = GeneratedCatalogue()
    pages = PretrainingConfig().composer_page_concurrency  # as a run lists it
    async with open_composer(
        f"embedded:transport={transport}", catalogue=catalogue, as_of=AS_OF, concurrency=pages
    ) as client:
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
    assert offered == {*READ_CALLS, "as_of", "concurrency", "progress"}


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


async def test_a_server_process_that_dies_is_started_again(tmp_path, catalogue):
    mark = tmp_path / "died"
    async with open_composer(f"{STDIO} {mark}", retry=AT_ONCE) as client:
        answer = await client.backtest_symphony_by_id(catalogue.entries()[0].symphony_id)
    assert mark.exists() and answer.statistics.sharpe_ratio is not None


@pytest.mark.parametrize("url", ["embedded", "embedded:transport=mcp"])
async def test_a_folder_may_hold_wrapped_and_very_deep_trees(tmp_path, url):
    asset = {"step": "asset", "ticker": "SPY"}
    tree = {"step": "root", "name": "Plain", "rebalance": "daily", "children": [asset]}
    (tmp_path / "wrapped.json").write_text(json.dumps({"symphony": {"raw_value": json.dumps(tree)}}))
    levels = 5_000
    body = '{"step":"group","children":[' * levels + json.dumps(asset) + "]}" * levels
    (tmp_path / "deep.json").write_text(
        '{"score":' + json.dumps({**tree, "children": ["X"]}).replace('"X"', body) + "}"
    )
    async with open_composer(url, catalogue=FolderCatalogue(tmp_path), backtester=walk) as client:
        assert len(await list_library(client)) == 2
        assert await client.get_saved_symphony("wrapped") == tree
        node = await client.get_saved_symphony("deep")
        for _ in range(levels + 1):
            (node,) = node["children"]
        assert node == asset
