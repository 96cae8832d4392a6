"""One suite for every way to every server: ours over MCP, REST and stdio, and Composer's own over ours.

Composer's server (its version is in `official_server`) calls our REST server, so it also judges whether that
speaks as the real service does.
"""

import asyncio
import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from rlpretrain.composer import (
    AbsentEndpointError,
    BacktestOptions,
    ComposerError,
    Verdict,
    embedded_server,
    list_library,
    open_composer,
)

from . import official_server
from .conftest import AS_OF, AT_ONCE, walk

pytestmark = pytest.mark.asyncio(loop_scope="module")
STDIO = f"stdio:{sys.executable} {Path(__file__).with_name('stdio_server.py')} conformance"
SERVERS = [
    "mcp",
    "rest",
    "stdio",
    pytest.param("official stdio", marks=pytest.mark.slow),
    pytest.param("official http", marks=pytest.mark.slow),
]


@pytest.fixture(scope="session")
def upstream(conformance_catalogue):
    with embedded_server(conformance_catalogue, walk, AS_OF) as server:
        yield server


@pytest.fixture(scope="session")
def official(request, tmp_path_factory):
    cache = getattr(request.config, "cache", None)  # pytest can be run without one
    return official_server.install(
        tmp_path_factory.mktemp("official") if cache is None else cache.mkdir("official-server")
    )


@pytest.fixture(scope="module", params=SERVERS)
def address(request, upstream):
    if request.param in ("mcp", "rest", "stdio"):
        yield {"mcp": upstream.url, "rest": f"rest+{upstream.rest_url}", "stdio": STDIO}[request.param]
        return
    program = request.getfixturevalue("official")
    if request.param == "official stdio":
        yield official_server.stdio_address(program, upstream.rest_url)
        return
    with official_server.served_over_http(program, upstream.rest_url) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(address):
    async with open_composer(address, as_of=AS_OF, retry=AT_ONCE) as client:
        yield client


async def test_pages_come_in_the_order_asked_for(client, conformance_catalogue):
    names = sorted(entry.document["name"] for entry in conformance_catalogue.entries())
    for offset in (0, 5, 10, len(names) - 1, len(names)):
        page = await client.search_symphonies(order_by=[["name", "asc"]], offset=offset)
        assert [row.name for row in page.rows] == names[offset : offset + 5]
        assert page.unreadable == ()


async def test_a_condition_selects(client, conformance_catalogue):
    where = ["and", [">", "num_node_filter", 0], ["<", "oos_num_backtest_days", 2000]]
    found = await list_library(client, where=where, order_by=[["oos_num_backtest_days", "asc"]])
    expected = {
        entry.symphony_id
        for entry in conformance_catalogue.entries()
        if "'filter'" in str(entry.document) and (AS_OF - entry.last_edit).days < 2000
    }
    assert {summary.symphony_id for summary in found} == expected and expected
    edits = [summary.last_edit for summary in found]
    assert edits == sorted(edits, reverse=True)


async def test_statistics_are_numbers(client):
    page = await client.search_symphonies(order_by=[["oos_sharpe_ratio", "desc"]])
    ratios = [row.columns["oos_sharpe_ratio"] for row in page.rows]
    assert len(ratios) == 5 and ratios == sorted(ratios, reverse=True)


async def test_the_whole_library_is_listed_and_every_tree_arrives_unchanged(client, conformance_catalogue):
    listed = await list_library(client)
    entries = {entry.symphony_id: entry for entry in conformance_catalogue.entries()}
    assert {s.symphony_id: s.last_edit for s in listed} == {k: e.last_edit for k, e in entries.items()}
    trees = await asyncio.gather(*(client.get_saved_symphony(key) for key in entries))
    assert trees == [entry.document for entry in entries.values()]


@pytest.mark.parametrize("capital", [10_000.0, 250_000.0])
async def test_a_backtest_means_the_same_everywhere(client, conformance_catalogue, capital):
    entry = conformance_catalogue.entries()[0]
    start, end = dt.date(2020, 1, 2), dt.date(2020, 12, 31)
    answer = await client.backtest_symphony_by_id(
        entry.symphony_id,
        start_date=start,
        end_date=end,
        capital=capital,
        slippage_percent=0.005,
        benchmark_tickers=["SPY", "BIL"],
    )
    options = BacktestOptions(capital, 0.005, benchmark_tickers=("SPY", "BIL"))
    truth = walk(entry.document, start, end, options)
    assert (answer.first_day, answer.last_market_day) == (start, end)
    assert answer.first_day_value == capital
    assert answer.last_market_days_value == pytest.approx(truth.values[-1], abs=0.005)
    assert answer.last_market_days_shares == {"SPY": 12.5}
    assert set(answer.daily.benchmarks) == set(answer.benchmarks) == {"SPY", "BIL"}
    step = answer.daily.resolution
    np.testing.assert_array_equal(answer.daily.dates, truth.dates)
    np.testing.assert_allclose(answer.daily.symphony, truth.values / truth.values[0] - 1, atol=0.6 * step)
    spy = truth.benchmarks["SPY"]
    np.testing.assert_allclose(answer.daily.benchmarks["SPY"], spy / spy[0] - 1, atol=0.6 * step)
    # Growth counts from the capital, daily values from the first close, after the first purchase.
    growth = truth.values[-1] / capital - 1
    assert answer.statistics.cumulative_return == pytest.approx(growth, abs=5.1e-5)
    assert answer.statistics.max_drawdown > 0 and answer.statistics.sharpe_ratio is not None
    for name in ("alpha", "beta", "r_square", "pearson_r"):
        assert abs(getattr(answer.benchmarks["BIL"], name)) < 1
    if answer.daily.weights is not None:
        np.testing.assert_allclose(answer.daily.weights["SPY"], truth.weights["SPY"], atol=1e-6)


async def test_rest_alone_names_the_last_edit(client, address, conformance_catalogue):
    for entry in (conformance_catalogue.entries()[2], conformance_catalogue.entries()[-1]):
        answer = await client.backtest_symphony_by_id(entry.symphony_id, include_daily_values=False)
        edited = entry.author.last_moment() if entry.author and address.startswith("rest+") else None
        assert answer.last_semantic_update_at == edited and answer.remarks == ()


async def test_versions_are_those_of_the_author_and_over_mcp_there_are_none(
    client, address, conformance_catalogue
):
    entry = conformance_catalogue.entries()[2]
    if not address.startswith("rest+"):
        with pytest.raises(AbsentEndpointError, match="MCP has no versions") as caught:
            await client.list_symphony_versions(entry.symphony_id)
        assert caught.value.verdict is Verdict.REJECT
        return
    saved = entry.author.versions(None)
    listed = await client.list_symphony_versions(entry.symphony_id)
    assert [(v.version_id, v.created_at) for v in listed.versions] == [
        (v.version_id, v.created_at) for v in reversed(saved)
    ]
    trees = [await client.get_symphony_version(entry.symphony_id, v.version_id) for v in saved]
    assert trees == [version.document for version in saved]
    assert trees[-1] == await client.get_saved_symphony(entry.symphony_id)
    for call in (
        client.list_symphony_versions("hostile"),
        client.get_symphony_version(entry.symphony_id, "v"),
    ):
        with pytest.raises(ComposerError, match="not-found") as caught:
            await call
        assert caught.value.verdict is Verdict.REJECT and not isinstance(caught.value, AbsentEndpointError)


async def test_the_backtest_of_a_version_is_that_of_its_tree_and_over_mcp_there_is_none(
    client, address, conformance_catalogue
):
    entry = conformance_catalogue.entries()[2]
    tree = entry.author.versions(None)[0].document
    call = client.backtest_tree(tree, entry.symphony_id, "v1", capital=50_000.0, slippage_percent=0.005)
    if not address.startswith("rest+"):
        with pytest.raises(AbsentEndpointError, match="MCP has no versions"):
            await call
        return
    answer = await call
    truth = walk(tree, None, None, BacktestOptions(50_000.0, 0.005, benchmark_tickers=()))
    assert answer.first_day_value == 50_000.0 and answer.last_semantic_update_at is None
    np.testing.assert_array_equal(answer.daily.dates, truth.dates)
    values = truth.values / truth.values[0] - 1
    np.testing.assert_allclose(answer.daily.symphony, values, atol=0.6 * answer.daily.resolution)
    np.testing.assert_allclose(answer.daily.weights["SPY"], truth.weights["SPY"], atol=1e-6)
    # A tree without prices is one version's fault.
    (nodata,) = (e for e in conformance_catalogue.entries() if e.symphony_id == "nodata")
    with pytest.raises(ComposerError, match=r"backtest_tree s v1.*NODATA has no prices") as caught:
        await client.backtest_tree(nodata.document, "s", "v1")
    assert caught.value.verdict is Verdict.REJECT and not isinstance(caught.value, AbsentEndpointError)


async def test_statistics_come_without_daily_values_where_those_are_not_wanted(client, conformance_catalogue):
    answer = await client.backtest_symphony_by_id(
        conformance_catalogue.entries()[1].symphony_id, include_daily_values=False
    )
    assert answer.daily is None and answer.statistics.sharpe_ratio is not None


async def test_what_one_symphony_lacks_rejects_it_alone(client):
    for call in (client.get_saved_symphony, client.backtest_symphony_by_id):
        with pytest.raises(ComposerError, match=r"no symphony 'nobody'|symphony-not-found") as caught:
            await call("nobody")
        assert caught.value.verdict is Verdict.REJECT and caught.value.tries == 1
    with pytest.raises(ComposerError, match="insufficient-ticker-data NODATA has no prices") as caught:
        await client.backtest_symphony_by_id("nodata")
    assert caught.value.verdict is Verdict.REJECT
    assert (await client.get_saved_symphony("nodata"))["step"] == "root"


async def test_a_condition_that_makes_no_sense_stops_the_run(client):
    with pytest.raises(ComposerError) as caught:
        await client.search_symphonies(where=[">", "oos_luck", 1])
    assert caught.value.verdict is Verdict.STOP


async def test_hostile_text_arrives_as_text(client, conformance_catalogue):
    (entry,) = (e for e in conformance_catalogue.entries() if e.symphony_id == "hostile")
    assert await client.get_saved_symphony("hostile") == entry.document
    answer = await client.backtest_symphony_by_id("hostile", start_date=dt.date(2024, 1, 2))
    assert answer.daily is not None and set(answer.daily.benchmarks) == {"SPY"}
