"""The answers of a server over a catalogue, before a protocol formats them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

from rlpretrain.composer.catalogue.entries import Catalogue, CatalogueEntry, CatalogueVersion
from rlpretrain.composer.protocol.honeysql import HoneySqlError
from rlpretrain.composer.server.backtester import Backtester, BacktestOptions, BacktestOutcome
from rlpretrain.composer.server.hindsight import PastPerformance
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
_HISTORIES_KEPT = 1024
_UNSAVED = "unsaved"
"""Key of the daily values of a tree that belongs to no symphony."""

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
    last_edit: dt.datetime | None = None
    """When the tree last changed, with its time zone."""


class ServedCatalogue:
    """Answers the read calls; safe to call from several threads.

    Parameters
    ----------
    catalogue
        The symphonies.
    backtester
        Backtests them; without one, backtests are rejected, statistics are null, and symphonies whose authors edit with
        hindsight are rejected.
    as_of
        Last day of the data.
    """

    def __init__(self, catalogue: Catalogue, backtester: Backtester | None, as_of: dt.date) -> None:
        self._entries = {entry.symphony_id: entry for entry in catalogue.entries()}
        self._catalogue, self._backtester, self._as_of = catalogue, backtester, as_of
        self._judge = None if backtester is None else PastPerformance(backtester)
        self._history = lru_cache(maxsize=_HISTORIES_KEPT)(self._make_history)

    @cached_property
    def _index(self) -> SearchIndex:
        return SearchIndex(self._catalogue, self._backtester, self._as_of, self._last_tree)

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
        entry = self._entry(symphony_id)
        if entry.document is None:
            raise RejectedError("unreadable-symphony", str(entry.defect))
        return self._last_tree(entry) or entry.document

    def versions(self, symphony_id: str) -> list[dict[str, str]]:
        """Return the ids and times of a symphony's versions, last to first.

        Raises
        ------
        RejectedError
            There is no such symphony, or nothing but its tree is known.
        """
        return [
            {
                "version_id": version.version_id,
                "created_at": version.created_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            }
            for version in reversed(self._history(symphony_id))
        ]

    def version_tree(self, symphony_id: str, version_id: str) -> Mapping[str, Any]:
        """Return the tree of one of a symphony's versions.

        Raises
        ------
        RejectedError
            There is no such symphony or version.
        """
        for version in self._history(symphony_id):
            if version.version_id == version_id:
                return version.document
        raise RejectedError("version-not-found", f"{symphony_id} has no version {version_id!r}")

    def _entry(self, symphony_id: str) -> CatalogueEntry:
        entry = self._entries.get(symphony_id)
        if entry is None:
            raise RejectedError("symphony-not-found", f"there is no symphony {symphony_id!r}")
        return entry

    def _make_history(self, symphony_id: str) -> Sequence[CatalogueVersion]:
        author = self._entry(symphony_id).author
        if author is None:
            raise RejectedError("versions-not-found", f"{symphony_id} has no versions")
        if author.hindsight and self._judge is None:
            raise RejectedError(
                "backtests-not-offered", "this author edits with hindsight, and this server has no backtester"
            )
        return author.versions(self._judge)

    def _last_tree(self, entry: CatalogueEntry) -> Mapping[str, Any] | None:
        """Return the tree that is served; only an author with hindsight does not serve the entry's own."""
        if entry.author is None or not entry.author.hindsight:
            return entry.document
        return self._history(entry.symphony_id)[-1].document

    def backtest(self, symphony_id: str, arguments: Mapping[str, Any]) -> FinishedBacktest:
        """Backtest a symphony with the options among `arguments`.

        Raises
        ------
        RejectedError
            There is no such symphony, its tree cannot be evaluated, prices are missing, or an option is
            invalid.
        """
        author = self._entry(symphony_id).author
        edited = None if author is None else author.last_moment()
        return self._backtest(symphony_id, self.tree(symphony_id), arguments, edited)

    def backtest_tree(self, arguments: Mapping[str, Any]) -> FinishedBacktest:
        """Backtest the tree under ``raw_value`` of ``symphony``, with the options among `arguments`.

        Raises
        ------
        RejectedError
            There is no tree, or as for `backtest`.
        """
        given = arguments.get("symphony")
        tree = given.get("raw_value") if isinstance(given, Mapping) else None
        if not isinstance(tree, Mapping):
            raise RejectedError("bad-request", "symphony must be an object with a tree under raw_value")
        return self._backtest(_UNSAVED, tree, arguments, None)

    def _backtest(
        self,
        symphony_id: str,
        document: Mapping[str, Any],
        arguments: Mapping[str, Any],
        edited: dt.datetime | None,
    ) -> FinishedBacktest:
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
        return FinishedBacktest(
            symphony_id, str(document.get("name") or symphony_id), outcome, options, edited
        )


def _options(arguments: Mapping[str, Any]) -> BacktestOptions:
    names = {field.name for field in fields(BacktestOptions)}
    given = {name: value for name, value in arguments.items() if name in names}
    for name in ("capital", "slippage_percent", "spread_markup"):
        value = given.get(name, 1.0)
        if not isinstance(value, int | float) or not 0.0 <= value < math.inf:
            raise ValueError(f"{name} must be a number of at least 0, got {str(value)[:40]!r}")
    given["benchmark_tickers"] = tuple(given.get("benchmark_tickers", BacktestOptions.benchmark_tickers))
    return BacktestOptions(**given)


def _day(arguments: Mapping[str, Any], name: str) -> dt.date | None:
    text = arguments.get(name)
    return None if text is None else dt.date.fromisoformat(text)
