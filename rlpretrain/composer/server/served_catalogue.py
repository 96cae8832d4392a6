"""The answers of a server over a catalogue, before a protocol formats them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from rlpretrain.composer.catalogue.entries import Catalogue
from rlpretrain.composer.protocol.honeysql import HoneySqlError
from rlpretrain.composer.server.backtester import Backtester, BacktestOptions, BacktestOutcome
from rlpretrain.composer.server.search_index import SearchIndex
from rlpretrain.errors import DataError, SymphonyError

__all__ = [
    "DEFAULT_ORDER",
    "DEFAULT_WHERE",
    "PAGE_ROWS",
    "FinishedBacktest",
    "RejectedError",
    "ServedCatalogue",
]

PAGE_ROWS = 5

DEFAULT_WHERE = [
    ["and", [">", "oos_num_backtest_days", 180], ["<", "oos_max_drawdown", "oos_btcusd_max_drawdown"]]
]
DEFAULT_ORDER = [["oos_cumulative_return", "desc"]]


class RejectedError(Exception):
    """A call that cannot be answered.

    Parameters
    ----------
    code
        The service's code for this failure, if it has one.
    title
        The reason.
    """

    def __init__(self, code: str, title: str) -> None:
        super().__init__(title)
        self.code, self.title = code, title


@dataclass(frozen=True)
class FinishedBacktest:
    """A backtest and what else its answer contains."""

    symphony_id: str
    name: str
    outcome: BacktestOutcome
    options: BacktestOptions


class ServedCatalogue:
    """Answers the three read calls; safe to call from several threads.

    Parameters
    ----------
    catalogue
        The symphonies.
    backtester
        Backtests them; without one, backtests are rejected and statistics are null.
    as_of
        Last day of the data.
    """

    def __init__(self, catalogue: Catalogue, backtester: Backtester | None, as_of: dt.date) -> None:
        self._entries = {entry.symphony_id: entry for entry in catalogue.entries()}
        self._catalogue, self._backtester, self._as_of = catalogue, backtester, as_of

    @cached_property
    def _index(self) -> SearchIndex:
        return SearchIndex(self._catalogue, self._backtester, self._as_of)

    def search(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return a page of rows; ``symphony_sid`` is the id.

        Raises
        ------
        RejectedError
            The condition, order or offset cannot be read.
        """
        offset = arguments.get("offset", 0)
        if not isinstance(offset, int) or offset < 0:
            raise RejectedError("bad-request", f"offset must be a whole number of at least 0, got {offset!r}")
        where = arguments.get("where", DEFAULT_WHERE)
        order_by = arguments.get("order_by", DEFAULT_ORDER)
        try:
            return self._index.page(where, order_by, offset, PAGE_ROWS)
        except HoneySqlError as error:
            raise RejectedError("bad-request", str(error)) from None

    def tree(self, symphony_id: str) -> Mapping[str, Any]:
        """Return a symphony's tree.

        Raises
        ------
        RejectedError
            There is no such symphony, or its file cannot be read.
        """
        entry = self._entries.get(symphony_id)
        if entry is None:
            raise RejectedError("symphony-not-found", f"there is no symphony {symphony_id!r}")
        if entry.document is None:
            raise RejectedError("unreadable-symphony", str(entry.defect))
        return entry.document

    def backtest(self, symphony_id: str, arguments: Mapping[str, Any]) -> FinishedBacktest:
        """Backtest a symphony with the options among `arguments`.

        Raises
        ------
        RejectedError
            There is no such symphony, its tree cannot be evaluated, prices are missing, or an option is
            invalid.
        """
        document = self.tree(symphony_id)
        if self._backtester is None:
            raise RejectedError("backtests-not-offered", "this server has no backtester")
        try:
            options = _options(arguments)
            start, end = _day(arguments, "start_date"), _day(arguments, "end_date")
            outcome = self._backtester(document, start, end, options)
        except SymphonyError as error:
            raise RejectedError("unrecognized-node-step", str(error)) from None
        except DataError as error:
            raise RejectedError("insufficient-ticker-data", str(error)) from None
        except (TypeError, ValueError) as error:
            raise RejectedError("bad-request", str(error)) from None
        if len(outcome.dates) == 0:
            raise RejectedError(
                "insufficient-ticker-data",
                f"there is no day with data from {start or 'the start'} to {end or 'the end'}",
            )
        return FinishedBacktest(symphony_id, str(document.get("name") or symphony_id), outcome, options)


def _options(arguments: Mapping[str, Any]) -> BacktestOptions:
    names = {field.name for field in fields(BacktestOptions)}
    given = {name: value for name, value in arguments.items() if name in names}
    given["benchmark_tickers"] = tuple(given.get("benchmark_tickers", BacktestOptions.benchmark_tickers))
    return BacktestOptions(**given)


def _day(arguments: Mapping[str, Any], name: str) -> dt.date | None:
    text = arguments.get(name)
    return None if text is None else dt.date.fromisoformat(text)
