"""Paging, against a transport that answers pages in any order."""

import asyncio
import datetime as dt
import random

import pytest

from rlpretrain.composer import ComposerClient, ComposerError, Verdict, list_library

from .transports import LikeRest

AS_OF = dt.date(2024, 12, 31)


class Pages(LikeRest):
    """Answers searches from a list, each after a delay of its own, and counts what happens at once."""

    def __init__(self, rows, seed=0):
        self.rows, self.random = rows, random.Random(seed)
        self.busy = self.busiest = self.calls = 0

    async def call(self, tool, arguments, timeout):
        self.calls += 1
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(self.random.random() / 200)
        self.busy -= 1
        offset = arguments["offset"]
        return self.rows[offset : offset + 5]


def row(number, **columns):
    return {
        "symphony_url": f"https://app.composer.trade/symphony/id{number}/details",
        "name": f"n{number}",
        **columns,
    }


@pytest.mark.parametrize("size", [0, 1, 4, 5, 6, 49, 50, 51, 203])
@pytest.mark.parametrize("concurrency", [1, 7, 40])
async def test_every_row_once_in_the_services_order(size, concurrency):
    pages = Pages([row(i) for i in range(size)])
    client = ComposerClient(pages, as_of=AS_OF, concurrency=concurrency)
    listed = await list_library(client)
    assert [summary.symphony_id for summary in listed] == [f"id{i}" for i in range(size)]
    assert pages.busiest <= concurrency
    assert pages.calls <= size // 5 + concurrency


@pytest.mark.parametrize("limit", [1, 5, 12, 500])
async def test_a_limit_asks_for_no_page_beyond_it(limit):
    pages = Pages([row(i) for i in range(100)])
    listed = await list_library(ComposerClient(pages, as_of=AS_OF), limit)
    assert len(listed) == min(limit, 100)
    assert pages.calls <= max(-(-limit // 5), 1) if limit < 100 else pages.calls <= 28


async def test_which_page_comes_first_changes_nothing():
    rows = [row(i % 90, oos_num_backtest_days=i) for i in range(120)]  # the last thirty repeat the first
    answers = [
        await list_library(ComposerClient(Pages(rows, seed), as_of=AS_OF, concurrency=9)) for seed in range(4)
    ]
    assert all(answer == answers[0] for answer in answers)
    assert [summary.symphony_id for summary in answers[0]] == [f"id{i}" for i in range(90)]
    assert answers[0][3].last_edit == AS_OF - dt.timedelta(days=3)


class Deaf(Pages):
    """Gives its first page whatever is asked for."""

    async def call(self, tool, arguments, timeout):
        return await super().call(tool, {**arguments, "offset": 0}, timeout)


async def test_a_service_that_ignores_the_offset_is_given_up():
    pages = Deaf([row(i) for i in range(5)])
    with pytest.raises(ComposerError, match="nothing new for 20 pages"):
        await list_library(ComposerClient(pages, as_of=AS_OF, concurrency=3))
    assert pages.calls < 30


async def test_an_unreadable_row_is_not_the_end_of_the_library(caplog):
    rows = [row(i) for i in range(23)]
    rows[2] = {"name": "without an id"}
    listed = await list_library(ComposerClient(Pages(rows), as_of=AS_OF))
    assert len(listed) == 22
    assert "no symphony id" in caplog.text


async def test_a_page_that_fails_fails_the_listing():
    class Failing(Pages):
        async def call(self, tool, arguments, timeout):
            if arguments["offset"] == 20:
                raise ComposerError("no", verdict=Verdict.STOP)
            return await super().call(tool, arguments, timeout)

    with pytest.raises(ComposerError, match="no"):
        await list_library(ComposerClient(Failing([row(i) for i in range(99)]), as_of=AS_OF))
