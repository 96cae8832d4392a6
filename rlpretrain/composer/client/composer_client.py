"""Typed calls of Composer's read tools, with bounded concurrency and retries."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from rlpretrain.composer.client.call_progress import BudgetSpentError, CallCounts, Progress
from rlpretrain.composer.client.failures import ComposerError, Verdict, answer_failure
from rlpretrain.composer.client.rate import AdaptiveRate, EndpointRates
from rlpretrain.composer.client.retry import RetryPolicy
from rlpretrain.composer.client.transport import Transport, subject_of
from rlpretrain.composer.client.versions import (
    MCP_HAS_NO_VERSIONS,
    OptionalEndpoint,
    VersionList,
    parse_versions,
)
from rlpretrain.composer.client.wire import Backtest, SearchPage, parse_backtest, parse_page, parse_tree
from rlpretrain.composer.protocol.calls import VERSION_CALLS
from rlpretrain.errors import described

__all__ = ["EVERYTHING", "MOST_TESTED_FIRST", "PAGE_SIZE", "ComposerClient"]

PAGE_SIZE = 5
"""Rows of a page of the search, as fixed by the service."""

EVERYTHING: tuple[Any, ...] = (">=", "num_node_asset", 0)
"""A condition that every symphony meets; without a condition the service applies its own filter."""

MOST_TESTED_FIRST: tuple[Any, ...] = (("oos_num_backtest_days", "desc"),)
"""Longest time since the last edit first: these symphonies have the most days that their authors could not see."""

ResultT = TypeVar("ResultT")

logger = logging.getLogger(__name__)


class ComposerClient:
    """Reads Composer's library; it cannot trade or change an account.

    Parameters
    ----------
    transport
        Makes single calls.
    as_of
        Last day of the service's data, from which days since the last edit count back.
    concurrency
        Maximum number of calls in flight at once.
    call_timeout
        Seconds after which one try is given up.
    budget
        Seconds for all calls together, from the first on; no limit if None.
    retry
        Policy for temporary failures.
    rate
        Bounds of how fast calls may start; each endpoint has its own rate within them.
    seed
        Seed of the jitter; results do not depend on it.

    Attributes
    ----------
    progress
        Calls to date.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        as_of: dt.date,
        concurrency: int = 8,
        call_timeout: float = 60.0,
        budget: float | None = None,
        retry: RetryPolicy | None = None,
        rate: AdaptiveRate | None = None,
        seed: int = 0,
    ) -> None:
        self.as_of = as_of
        self.concurrency = concurrency
        self.progress = Progress()
        self._transport = transport
        self._timeout = call_timeout
        self._retry = retry or RetryPolicy()
        self._slots = asyncio.Semaphore(concurrency)
        self._jitter = random.Random(seed)  # noqa: S311 - spreads retries, guards nothing
        self._rates = EndpointRates(rate or AdaptiveRate())
        absent = None if transport.has_versions else MCP_HAS_NO_VERSIONS
        self._optional = {tool: OptionalEndpoint(tool, absent) for tool in VERSION_CALLS}
        self._budget = budget
        self._deadline: float | None = None
        self._last_failure: ComposerError | None = None

    async def search_symphonies(
        self, where: Sequence[Any] | None = None, order_by: Sequence[Any] | None = None, offset: int = 0
    ) -> SearchPage:
        """Return one page of the library.

        Parameters
        ----------
        where
            HoneySQL condition as JSON; None finds every symphony.
        order_by
            HoneySQL order as JSON; None puts the longest time since the last edit first.
        offset
            Rows to skip.

        Raises
        ------
        ComposerError
            The call failed finally; `verdict` gives the consequence.
        """
        arguments = {
            "where": where or EVERYTHING,
            "order_by": order_by or MOST_TESTED_FIRST,
            "offset": offset,
        }
        answer = await self._call("search_symphonies", arguments)
        return await self._read("search_symphonies", parse_page, answer)

    async def get_saved_symphony(self, symphony_id: str) -> dict[str, Any]:
        """Return a symphony's tree, as the service stores it.

        Raises
        ------
        ComposerError
            The call failed finally; `verdict` gives the consequence.
        """
        answer = await self._call("get_saved_symphony", {"symphony_id": symphony_id})
        subject = f"get_saved_symphony {symphony_id}"
        return await self._read(subject, partial(parse_tree, subject=subject), answer)

    async def backtest_symphony_by_id(
        self,
        symphony_id: str,
        *,
        start_date: dt.date | None = None,
        end_date: dt.date | None = None,
        include_daily_values: bool = True,
        capital: float = 10_000.0,
        slippage_percent: float = 0.0001,
        apply_reg_fee: bool = True,
        apply_taf_fee: bool = True,
        spread_markup: float = 0.002,
        broker: str = "ALPACA_WHITE_LABEL",
        benchmark_tickers: Sequence[str] = ("SPY",),
    ) -> Backtest:
        """Return Composer's own backtest of a symphony; the defaults are the service's.

        Parameters
        ----------
        symphony_id
            Id of the symphony.
        start_date, end_date
            Window; None starts and ends with the available data.
        include_daily_values
            Whether to return the daily values with the statistics.
        capital
            Dollars at the start.
        slippage_percent, spread_markup
            Cost of trading equities and spread of crypto, fractions of the amount (0.0001 is one basis
            point).
        apply_reg_fee, apply_taf_fee
            Whether to charge the regulators' fees on sales.
        broker
            Broker whose fee schedule applies.
        benchmark_tickers
            Assets to return in addition to the symphony.

        Raises
        ------
        ComposerError
            The call failed finally; `verdict` gives the consequence.
        """
        arguments: dict[str, Any] = {
            "symphony_id": symphony_id,
            "include_daily_values": include_daily_values,
            "apply_reg_fee": apply_reg_fee,
            "apply_taf_fee": apply_taf_fee,
            "broker": broker,
            "capital": capital,
            "slippage_percent": slippage_percent,
            "spread_markup": spread_markup,
            "benchmark_tickers": list(benchmark_tickers),
        }
        for name, day in (("start_date", start_date), ("end_date", end_date)):
            if day is not None:
                arguments[name] = day.isoformat()
        answer = await self._call("backtest_symphony_by_id", arguments)
        read = partial(parse_backtest, symphony_id=symphony_id, benchmark_tickers=benchmark_tickers)
        return await self._read(subject_of("backtest_symphony_by_id", arguments), read, answer)

    async def list_symphony_versions(self, symphony_id: str) -> VersionList:
        """Return when a symphony's versions were saved.

        Raises
        ------
        AbsentEndpointError
            The service does not list versions; no call is made once this is known.
        ComposerError
            The call failed finally; `verdict` gives the consequence.
        """
        async with self._optional["list_symphony_versions"].call():
            answer = await self._call("list_symphony_versions", {"symphony_id": symphony_id})
        subject = f"list_symphony_versions {symphony_id}"
        return await self._read(subject, partial(parse_versions, symphony_id=symphony_id), answer)

    async def get_symphony_version(self, symphony_id: str, version_id: str) -> dict[str, Any]:
        """Return the tree of one version of a symphony.

        Raises
        ------
        AbsentEndpointError
            The service does not return trees of versions; no call is made once this is known.
        ComposerError
            The call failed finally; `verdict` gives the consequence.
        """
        arguments = {"symphony_id": symphony_id, "version_id": version_id}
        async with self._optional["get_symphony_version"].call():
            answer = await self._call("get_symphony_version", arguments)
        subject = f"get_symphony_version {symphony_id} {version_id}"
        return await self._read(subject, partial(parse_tree, subject=subject), answer)

    async def backtest_tree(
        self,
        tree: Mapping[str, Any],
        symphony_id: str,
        version_id: str,
        *,
        capital: float = 10_000.0,
        slippage_percent: float = 0.0001,
        apply_reg_fee: bool = True,
        apply_taf_fee: bool = True,
        spread_markup: float = 0.002,
        broker: str = "ALPACA_WHITE_LABEL",
    ) -> Backtest:
        """Return Composer's own backtest of a version's tree, over all days with data and without benchmarks.

        Parameters
        ----------
        tree
            What `get_symphony_version` returned.
        symphony_id, version_id
            The version, for messages; the service gets the tree alone.
        capital, slippage_percent, apply_reg_fee, apply_taf_fee, spread_markup, broker
            As for `backtest_symphony_by_id`.

        Raises
        ------
        AbsentEndpointError
            The service does not backtest trees; no call is made once this is known.
        ComposerError
            The call failed finally; `verdict` gives the consequence.
        """
        arguments = {
            "symphony_id": symphony_id,
            "version_id": version_id,
            "symphony": {"raw_value": tree},
            "backtest_version": "v2",
            "apply_reg_fee": apply_reg_fee,
            "apply_taf_fee": apply_taf_fee,
            "broker": broker,
            "capital": capital,
            "slippage_percent": slippage_percent,
            "spread_markup": spread_markup,
            "benchmark_tickers": [],
        }
        async with self._optional["backtest_tree"].call():
            answer = await self._call("backtest_tree", arguments)
        subject = subject_of("backtest_tree", arguments)
        return await self._read(
            subject, partial(parse_backtest, symphony_id=symphony_id, subject=subject), answer
        )

    async def _call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        if self._budget is not None and self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._budget
        counts = self.progress.of(tool)
        counts.asked += 1
        try:
            async with asyncio.timeout_at(self._deadline):
                answer = await self._call_until_answered(tool, arguments, counts)
        except TimeoutError:
            raise self._spent() from None
        counts.answered += 1
        return answer

    async def _call_until_answered(self, tool: str, arguments: Mapping[str, Any], counts: CallCounts) -> Any:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._try(tool, arguments)
            except ComposerError as error:
                counts.failed += 1
                error.tries = tries
                if not error.retryable or tries >= self._retry.tries:
                    raise
                self._last_failure = failure = error
            delay = self._retry.wait(tries, self._jitter)
            logger.info("%s; try %d of %d in %.1f s", failure, tries + 1, self._retry.tries, delay)
            resumes = max(asyncio.get_running_loop().time() + delay, self._rate(tool).resume_at)
            if self._deadline is not None and resumes > self._deadline:
                raise self._spent()  # now, not after a wait that cannot help
            await asyncio.sleep(delay)

    async def _try(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        subject, rate = subject_of(tool, arguments), self._rate(tool)
        started = await rate.start(self._slots)
        try:
            answer = await self._transport.call(tool, arguments, self._timeout)
            failure = answer_failure(subject, answer, about_symphony="symphony_id" in arguments)
        except ComposerError as error:
            failure = error
        except Exception as error:  # whatever one call meets, the others go on
            logger.warning("%s failed in a way that nobody expected", subject, exc_info=True)
            failure = ComposerError(f"{subject}: {described(error)}", verdict=Verdict.RETRY)
        finally:
            self._slots.release()
        if failure is None:
            rate.answered()
            return answer
        if failure.throttled:
            rate.throttled(started)
        if failure.retry_after:
            rate.pause(failure.retry_after)
        raise failure

    async def _read(self, subject: str, read: Callable[[Any], ResultT], answer: Any) -> ResultT:
        """Read an answer in a thread, so that other calls go on, and in the time of a call.

        What is read is bounded, so a thread whose time is up ends soon as well.

        Raises
        ------
        ComposerError
            It cannot be read, or not in time, which may be another's fault; what nobody expected is a failure of this
            answer alone.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.to_thread(read, answer)
        except ComposerError:
            raise
        except TimeoutError:
            reason = f"the answer could not be read in {self._timeout:g} s"
            raise ComposerError(f"{subject}: {reason}", verdict=Verdict.RETRY) from None
        except Exception as error:
            logger.warning("%s: the answer cannot be read", subject, exc_info=True)
            reason = f"the answer cannot be read: {described(error)}"
            raise ComposerError(f"{subject}: {reason}", verdict=Verdict.REJECT) from None

    def _rate(self, tool: str) -> AdaptiveRate:
        return self._rates.of(self._transport.limit_of(tool))

    def _spent(self) -> BudgetSpentError:
        assert self._budget is not None  # noqa: S101 - only a budget has a deadline
        return BudgetSpentError(self._budget, self.progress, self._last_failure)
