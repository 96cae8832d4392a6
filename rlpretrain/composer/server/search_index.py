"""The searchable columns of every symphony of the embedded server's catalogue.

Names, node counts and days since the last edit are always available. Statistics need backtests, so they are
computed when a condition, an order or a row needs them, and kept: a plain listing of the catalogue backtests
nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rlpretrain.composer.catalogue.entries import Catalogue, CatalogueEntry
from rlpretrain.composer.protocol.honeysql import columns_of, parse_condition, parse_order
from rlpretrain.composer.protocol.search_columns import BENCHMARKS, COLUMNS, NODE_COUNTS, STATISTIC_COLUMNS
from rlpretrain.composer.server.backtester import Backtester, BacktestOptions, BacktestOutcome
from rlpretrain.composer.server.row_search import Row, matches, ordered
from rlpretrain.composer.server.series_statistics import relation, series_statistics
from rlpretrain.errors import DataError, SymphonyError

__all__ = ["SearchIndex"]

_RESULTS_KEPT = 8


class SearchIndex:
    """Searches a catalogue.

    Parameters
    ----------
    catalogue
        The symphonies.
    backtester
        Computes the daily values for statistics; without one, statistics are null.
    as_of
        Last day of the data, which ends every symphony's time out of sample.
    tree
        Returns the tree that is served for an entry; called only to compute statistics.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        backtester: Backtester | None,
        as_of: dt.date,
        tree: Callable[[CatalogueEntry], Mapping[str, Any] | None],
    ) -> None:
        self._entries = {entry.symphony_id: entry for entry in catalogue.entries()}
        self._backtester = backtester
        self._as_of, self._tree = as_of, tree
        self._plain = {
            symphony_id: _plain_columns(entry, as_of) for symphony_id, entry in self._entries.items()
        }
        self._statistics: dict[str, Mapping[str, float]] = {}
        self._results: dict[str, list[tuple[str, Row]]] = {}
        self._lock = threading.Lock()

    def page(self, where: Any, order_by: Any, offset: int, size: int) -> list[dict[str, Any]]:
        """Return `size` rows from `offset` on; a row contains the statistics that the condition or order reads.

        Raises
        ------
        HoneySqlError
            The condition or order cannot be read.
        """
        condition, order = parse_condition(where, COLUMNS), parse_order(order_by, COLUMNS)
        used = sorted((columns_of(condition, COLUMNS) | {column for column, _ in order}) & STATISTIC_COLUMNS)
        return [
            {
                "symphony_sid": symphony_id,
                **self._plain[symphony_id],
                **{column: row(column) for column in used},
            }
            for symphony_id, row in self._found(condition, order)[offset : offset + size]
        ]

    def _found(self, condition: list[Any], order: list[tuple[str, bool]]) -> list[tuple[str, Row]]:
        """Return all rows in order; a listing requests page after page, so the last few results are kept."""
        key = json.dumps((condition, order))
        found = self._results.get(key)
        if found is None:
            rows = [(symphony_id, self._row(symphony_id)) for symphony_id in self._entries]
            found = ordered([pair for pair in rows if matches(condition, pair[1], COLUMNS)], order)
            with self._lock:
                while len(self._results) >= _RESULTS_KEPT:
                    self._results.pop(next(iter(self._results)))
                self._results[key] = found
        return found

    def _row(self, symphony_id: str) -> Row:
        plain = self._plain[symphony_id]

        def column(name: str) -> Any:
            return self._computed(symphony_id).get(name) if name in STATISTIC_COLUMNS else plain[name]

        return column

    def _computed(self, symphony_id: str) -> Mapping[str, float]:
        with self._lock:
            if symphony_id not in self._statistics:
                self._statistics[symphony_id] = self._compute(self._entries[symphony_id])
            return self._statistics[symphony_id]

    def _compute(self, entry: CatalogueEntry) -> Mapping[str, float]:
        document = None if self._backtester is None else self._tree(entry)
        if self._backtester is None or document is None:
            return {}
        options = BacktestOptions(benchmark_tickers=tuple(BENCHMARKS.values()))
        try:
            outcome = self._backtester(document, None, self._as_of, options)
        except (DataError, SymphonyError):
            return {}  # the service lists such symphonies too, without statistics
        edited = np.datetime64(entry.last_edit or self._as_of)
        return {
            **_period_statistics("train", outcome, outcome.dates <= edited),
            **_period_statistics("oos", outcome, outcome.dates >= edited),
        }


def _period_statistics(
    period: str, outcome: BacktestOutcome, inside: np.ndarray[Any, Any]
) -> dict[str, float]:
    if inside.sum() < 2:
        return {}
    values = outcome.values[inside]
    found = {f"{period}_{name}": value for name, value in series_statistics(values).items()}
    for short, ticker in BENCHMARKS.items():
        benchmark = outcome.benchmarks.get(ticker)
        known = np.isfinite(benchmark[inside]) if benchmark is not None else np.zeros(len(values), dtype=bool)
        if benchmark is None or known.sum() < 2:
            continue
        own = series_statistics(benchmark[inside][known])
        found |= {f"{period}_{short}_{name}": value for name, value in own.items()}
        found |= {
            f"{period}_{short}_{name}": value for name, value in relation(values, benchmark[inside]).items()
        }
    return found


def _plain_columns(entry: CatalogueEntry, as_of: dt.date) -> dict[str, Any]:
    document = entry.document or {}
    counts, classes = Counter[str](), set[str]()
    pending: list[Any] = [document]
    while pending:  # real trees nest up to 200 deep, so no recursion
        node = pending.pop()
        if not isinstance(node, Mapping):
            continue
        counts[str(node.get("step"))] += 1
        if node.get("step") == "asset":
            classes.add("CRYPTO" if str(node.get("ticker")).startswith("CRYPTO::") else "EQUITIES")
        children = node.get("children")
        pending.extend(children if isinstance(children, list) else ())
    frequency = document.get("rebalance") or document.get("rebalance-frequency")
    days = None if entry.last_edit is None else max(0, (as_of - entry.last_edit).days)
    return {
        "name": str(document.get("name", entry.symphony_id)),
        "description": str(document.get("description", "")),
        "asset_classes": ",".join(sorted(classes)),
        "rebalance_frequency": str(frequency) if frequency else None,
        "oos_num_backtest_days": days,
        "train_num_backtest_days": None,
        **{column: counts[step] for column, step in NODE_COUNTS.items()},
    }
