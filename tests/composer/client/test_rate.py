"""The rate that calls settle at, and the budget, in virtual time."""

import asyncio
import datetime as dt
import math

import pytest

from rlpretrain.composer import (
    AdaptiveRate,
    BudgetSpentError,
    ComposerClient,
    ComposerError,
    RetryPolicy,
    Verdict,
    list_library,
)

from . import virtual_time
from .transports import LikeRest

AS_OF = dt.date(2024, 12, 31)
TREE = {"step": "root"}


class Limited(LikeRest):
    """A service with a bucket of tokens, as Composer's was seen to have: a burst, then a steady trickle."""

    def __init__(self, burst=25, refill=0.5, latency=0.2, retry_after=None):
        self.burst, self.refill, self.latency, self.retry_after = burst, refill, latency, retry_after
        self.tokens, self.at, self.starts, self.refused = float(burst), 0.0, [], 0

    async def call(self, tool, arguments, timeout):
        now = asyncio.get_running_loop().time()
        self.starts.append(now)
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.refill)
        self.at = now
        await asyncio.sleep(self.latency)
        if self.tokens < 1:
            self.refused += 1
            raise ComposerError(
                "too many", verdict=Verdict.RETRY, throttled=True, retry_after=self.retry_after
            )
        self.tokens -= 1
        return TREE


async def fetch(service, calls, **options):
    client = ComposerClient(service, as_of=AS_OF, **options)
    await asyncio.gather(*(client.get_saved_symphony(f"s{number}") for number in range(calls)))
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("refill", [0.5, 1.0, 5.0])
def test_a_limited_service_is_used_well_and_hardly_pushed(refill):
    service = Limited(refill=refill)
    seconds = virtual_time.run(fetch(service, 400))
    best = (400 - service.burst) / refill
    assert seconds < 1.15 * best
    assert service.refused < 0.1 * 400


def test_without_a_limit_the_slots_are_the_limit():
    service = Limited(burst=10_000)
    assert virtual_time.run(fetch(service, 400, concurrency=8)) == pytest.approx(400 / 8 * 0.2)


def test_retry_after_holds_everybody_back():
    service = Limited(burst=5, refill=1.0, latency=0.1, retry_after=60.0)
    virtual_time.run(fetch(service, 9, concurrency=4))
    gaps = [late - early for early, late in zip(service.starts, service.starts[1:], strict=False)]
    paused = [gap for gap in gaps if gap > 50]
    # The calls of one burst ask for one pause together, and nobody calls during it.
    assert len(paused) == 1 and service.refused <= 4


def test_an_endless_retry_after_is_cut():
    async def pause():
        rate = AdaptiveRate(longest_pause=300.0)
        rate.pause(1e9)
        return await rate.start(asyncio.Semaphore())

    assert virtual_time.run(pause()) == 300.0


def test_calls_in_flight_together_cut_once():
    async def cuts():
        rate, slots = AdaptiveRate(recovery=1.0), asyncio.Semaphore(100)
        starts = [await rate.start(slots) for _ in range(8)]
        assert rate.rate == math.inf
        await asyncio.sleep(0.5)
        for started in starts:
            rate.throttled(started)
        assert rate.rate == 4.0  # half of eight in the second that counts
        rate.answered()
        assert rate.rate == 5.0
        rate.throttled(await rate.start(slots))
        return rate.rate

    assert virtual_time.run(cuts()) == 2.5


class Doubly(LikeRest):
    """A service whose two endpoints have limits of their own."""

    def __init__(self, **limits):
        self.limits = limits

    async def call(self, tool, arguments, timeout):
        return await self.limits[tool].call(tool, arguments, timeout)


def test_a_slow_endpoint_leaves_its_rate_and_its_slots_to_the_others():
    slow, fast = Limited(burst=5, refill=0.5), Limited(burst=1e9)

    async def fetch_both():
        service = Doubly(get_saved_symphony=slow, get_symphony_version=fast)
        client = ComposerClient(service, as_of=AS_OF, concurrency=8)
        clock = asyncio.get_running_loop().time
        done = {"slow": [], "fast": []}

        async def ask(name, call):
            await call
            done[name].append(clock())

        # All calls of the slow endpoint come first, so they would take every slot if waiting took one.
        calls = [ask("slow", client.get_saved_symphony(f"s{i}")) for i in range(60)]
        calls += [ask("fast", client.get_symphony_version(f"s{i}", "v")) for i in range(200)]
        await asyncio.gather(*calls)
        return {name: max(times) for name, times in done.items()}

    last = virtual_time.run(fetch_both())
    assert last["slow"] > (60 - 5) / 0.5
    # Without the other endpoint, 200 calls in 8 slots take 5 s.
    assert last["fast"] < 15.0 and fast.refused == 0


def test_retry_after_of_one_endpoint_pauses_that_one_alone():
    slow, fast = Limited(burst=1, refill=1.0, retry_after=60.0), Limited(burst=1e9)

    async def fetch_both():
        service = Doubly(get_saved_symphony=slow, get_symphony_version=fast)
        client = ComposerClient(service, as_of=AS_OF, concurrency=2)
        first = asyncio.gather(*(client.get_saved_symphony(f"s{i}") for i in range(3)))
        await asyncio.sleep(1.0)
        await client.get_symphony_version("s", "v")
        between = asyncio.get_running_loop().time()
        await first
        return between, asyncio.get_running_loop().time()

    between, end = virtual_time.run(fetch_both())
    assert between < 2.0 and end > 60.0


def test_no_cut_goes_below_the_floor():
    async def cuts():
        rate, slots = AdaptiveRate(slowest=0.5), asyncio.Semaphore(100)
        for _ in range(20):
            rate.throttled(await rate.start(slots))
        return rate.rate

    assert virtual_time.run(cuts()) == 0.5


def test_turns_are_first_come_first_served_and_evenly_spaced():
    async def turns():
        rate, slots = AdaptiveRate(), asyncio.Semaphore(100)
        rate.throttled(await rate.start(slots))
        order = []

        async def caller(number):
            order.append((number, await rate.start(slots)))

        await asyncio.gather(*(caller(number) for number in range(6)))
        return order

    order = virtual_time.run(turns())
    assert [number for number, _ in order] == list(range(6))
    assert [at for _, at in order] == pytest.approx([2.0, 4.0, 6.0, 8.0, 10.0, 12.0])


def test_a_spent_budget_says_how_far_it_got():
    async def spend():
        service = Limited(burst=10, refill=0.5)
        client = ComposerClient(service, as_of=AS_OF, budget=30.0)
        calls = [client.get_saved_symphony(f"s{number}") for number in range(100)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        return outcomes, asyncio.get_running_loop().time()

    outcomes, seconds = virtual_time.run(spend())
    failed = [outcome for outcome in outcomes if outcome != TREE]
    answered = len(outcomes) - len(failed)
    assert 10 < answered < 30 and seconds <= 30.0
    assert all(isinstance(error, BudgetSpentError) for error in failed)
    last = failed[-1]
    assert last.verdict is Verdict.STOP and last.retryable  # this run ends; another may get further
    assert "budget of 30 s" in str(last) and "get_saved_symphony" in str(last) and "of 100" in str(last)


def test_a_wait_beyond_the_budget_is_not_begun():
    async def spend():
        client = ComposerClient(Limited(burst=0, refill=0.0, retry_after=500.0), as_of=AS_OF, budget=100.0)
        with pytest.raises(BudgetSpentError, match="last: too many"):
            await client.get_saved_symphony("s")
        return asyncio.get_running_loop().time()

    assert virtual_time.run(spend()) < 1.0


def test_a_listing_that_runs_out_of_budget_fails_whole():
    class Slow(LikeRest):
        async def call(self, tool, arguments, timeout):
            await asyncio.sleep(1.0)
            return [{"symphony_sid": f"s{arguments['offset'] + i}"} for i in range(5)]

    async def spend():
        client = ComposerClient(Slow(), as_of=AS_OF, budget=10.0, concurrency=2)
        with pytest.raises(BudgetSpentError, match="search_symphonies"):
            await list_library(client, 1000)
        return client.progress.of("search_symphonies").answered

    assert virtual_time.run(spend()) in (18, 20)


def test_no_call_and_no_wait_outlives_its_limit():
    class Silent(LikeRest):
        async def call(self, tool, arguments, timeout):
            await asyncio.sleep(timeout)
            raise ComposerError("no answer", verdict=Verdict.RETRY)

    async def wait():
        client = ComposerClient(
            Silent(), as_of=AS_OF, call_timeout=60.0, retry=RetryPolicy(tries=3, first_wait=0.5)
        )
        with pytest.raises(ComposerError, match="no answer") as caught:
            await client.get_saved_symphony("s")
        assert caught.value.tries == 3
        return asyncio.get_running_loop().time()

    assert 180.0 <= virtual_time.run(wait()) <= 181.5
