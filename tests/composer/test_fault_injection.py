"""The embedded server's faults, and that nothing is lost to them."""

import asyncio
from collections import Counter

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.composer import (
    FAULT_KINDS,
    AdaptiveRate,
    ComposerError,
    EmbeddedAddress,
    Faults,
    LoopbackServer,
    RetryPolicy,
    ServedCatalogue,
    composer_app,
    embedded_server,
    list_library,
    open_composer,
    parse_address,
)
from rlpretrain.composer.server.faulty_app import FaultyApp
from rlpretrain.errors import SettingsError

from .conftest import AS_OF, walk

PATIENT = RetryPolicy(tries=20, first_wait=0.0)


async def everything(url):
    """Read the whole library; return what came and how often it was tried."""
    async with open_composer(url, as_of=AS_OF, retry=PATIENT, rate=AdaptiveRate(slowest=1e6)) as client:
        listed = await list_library(client)
        trees = await asyncio.gather(*(client.get_saved_symphony(s.symphony_id) for s in listed))
        backtests = await asyncio.gather(
            *(client.backtest_symphony_by_id(s.symphony_id) for s in listed[:12])
        )
        return listed, trees, [backtest.model_dump_json(exclude={"daily"}) for backtest in backtests], client


@pytest.mark.parametrize("transport", ["mcp", "rest"])
async def test_nothing_is_lost_with_a_third_of_the_calls_failing_in_every_way(catalogue, transport):
    app = FaultyApp(
        composer_app(ServedCatalogue(catalogue, walk, AS_OF)), Faults(rate=0.3, seed=4, retry_after=0)
    )
    answers = {}
    with (
        LoopbackServer(app, log_level="critical") as spoilt,
        embedded_server(catalogue, walk, AS_OF) as undisturbed,
    ):
        for name, server in (("spoilt", spoilt), ("undisturbed", undisturbed)):
            url = server.url if transport == "mcp" else f"rest+{server.rest_url}"
            *answers[name], client = await everything(url)
            failed = sum(counts.failed for counts in client.progress.tools.values())
            assert failed == (sum(app.met.values()) if name == "spoilt" else 0)
    assert answers["spoilt"] == answers["undisturbed"]
    assert set(app.met) == set(FAULT_KINDS)


async def test_the_same_calls_meet_the_same_faults_in_any_order(catalogue):
    met = []
    for concurrency in (1, 9):
        app = FaultyApp(
            composer_app(ServedCatalogue(catalogue, None, AS_OF)), Faults(rate=0.4, seed=1, retry_after=0)
        )
        with LoopbackServer(app, log_level="critical") as server:
            async with open_composer(
                f"rest+{server.rest_url}",
                retry=PATIENT,
                rate=AdaptiveRate(slowest=1e6),
                concurrency=concurrency,
            ) as client:
                ids = [entry.symphony_id for entry in catalogue.entries()]
                await asyncio.gather(*(client.get_saved_symphony(key) for key in ids))
        met.append(app.met)
    assert met[0] == met[1] and sum(met[0].values()) > 20


@pytest.mark.parametrize("kind", FAULT_KINDS)
@pytest.mark.parametrize("transport", ["mcp", "rest"])
async def test_every_fault_may_pass_and_is_named(catalogue, kind, transport):
    faults = Faults(rate=1.0, kinds=(kind,), retry_after=0)
    with embedded_server(catalogue, None, AS_OF, faults=faults) as server:
        url = server.url if transport == "mcp" else f"rest+{server.rest_url}"
        async with open_composer(
            url, retry=RetryPolicy(tries=2, first_wait=0.0), rate=AdaptiveRate(slowest=1e3)
        ) as client:
            with pytest.raises(ComposerError) as caught:
                await client.get_saved_symphony("any")
    assert caught.value.retryable and caught.value.tries == 2
    assert caught.value.throttled == (kind in ("429", "retry-after"))
    named = {"429": "429", "retry-after": "429", "5xx": "HTTP 50", "oversized": "larger than 20 MiB"}
    assert named.get(kind, "any") in str(caught.value)


async def test_faults_by_address(catalogue):
    url = "embedded:transport=rest,faults=1,kinds=5xx,seed=3"
    async with open_composer(
        url, catalogue=catalogue, as_of=AS_OF, retry=RetryPolicy(tries=2, first_wait=0)
    ) as client:
        with pytest.raises(ComposerError, match="HTTP 50"):
            await client.search_symphonies()


def test_latency_comes_before_every_answer(catalogue):
    with embedded_server(catalogue, None, AS_OF, faults=Faults(latency=0.05)) as server:
        answer = httpx2.post(f"{server.rest_url}/api/v0.1/search/symphonies", json={"where": None})
    assert answer.elapsed.total_seconds() >= 0.05 and len(answer.json()) == 5


@given(st.integers(0, 2**32), st.floats(0.05, 0.95))
def test_the_rate_is_met(seed, rate):
    faults = Faults(rate=rate, seed=seed)
    drawn = [faults.draw(b"call", number) for number in range(2000)]
    struck = [kind for kind in drawn if kind]
    assert abs(len(struck) / len(drawn) - rate) < 0.06  # five standard errors
    assert set(struck) <= set(FAULT_KINDS)
    if len(struck) > 300:
        assert min(Counter(struck).values()) > len(struck) / len(FAULT_KINDS) / 3
    assert drawn == [Faults(rate=rate, seed=seed).draw(b"call", number) for number in range(2000)]


def test_an_address_says_it_all():
    address = parse_address(
        "embedded:transport=rest,faults=0.3,kinds=429+5xx,latency=20ms,seed=1,retry_after=0"
    )
    assert address == EmbeddedAddress("rest", Faults(0.3, ("429", "5xx"), 0.02, 1, 0))
    assert parse_address("embedded") == parse_address("embedded:") == EmbeddedAddress()
    assert parse_address("embedded:latency=0.5s").faults == Faults(latency=0.5)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("embedded:fault=0.3", "unknown option 'fault'"),
        ("embedded:faults=often", "could not convert"),
        ("embedded:faults=1.5", "1.5 is not between 0 and 1"),
        ("embedded:faults=nan", "nan is not between"),
        ("embedded:kinds=flood", "unknown kind 'flood'"),
        ("embedded:latency=20", "latency='20' is not a duration"),
        ("embedded:latency=9999s", "9999 s is not between"),
        ("embedded:seed=x", "invalid literal"),
        ("embedded:retry_after=-1", "negative"),
        ("embedded:transport=carrier-pigeon", "neither mcp nor rest"),
        ("rest+ftp://somewhere", "'rest[+]ftp' is not an address"),
        ("", "not an address"),
    ],
)
def test_a_slip_in_the_address_is_named(url, named):
    with pytest.raises(SettingsError, match=named):
        parse_address(url)


def test_an_address_that_is_none_is_not_repeated():
    with pytest.raises(SettingsError) as caught:
        parse_address("htps://key:secret-c71d@host/mcp")
    assert "c71d" not in str(caught.value)
