"""Closes on a symphony's trading calendar, and the indicator columns that all symphonies share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Dates, Floats, PricePanel
from rlpretrain.symphony.compiled import compiled
from rlpretrain.symphony.distances import Distance, compound_distance, noise_of, trailing_deviation
from rlpretrain.symphony.indicators import apply_indicator
from rlpretrain.symphony.levels import scaled_sides, sorts_by_level
from rlpretrain.symphony.nodes import (
    Comparator,
    Comparison,
    Compound,
    Condition,
    Filter,
    Indicator,
    InverseVolatility,
    Metric,
)
from rlpretrain.symphony.splits import Split, divide

__all__ = ["PriceTable", "condition_tickers", "filled_close", "first_known", "indicator_column", "last_known"]

Booleans = NDArray[np.bool_]

_MAXIMUM_METRIC_BYTES = 512 * 2**20
_MAXIMUM_CONDITION_BYTES = 64 * 2**20
_MAXIMUM_SPLIT_BYTES = 256 * 2**20
"""When a table's columns take more memory, they are forgotten: libraries may be of any size, and columns are cheap."""

_COMPARE: Mapping[Comparator, Callable[..., Booleans]] = {
    "gt": np.greater,
    "gte": np.greater_equal,
    "lt": np.less,
    "lte": np.less_equal,
    "eq": np.equal,
}


class Evaluated(NamedTuple):
    """A condition on every day of a table."""

    holds: Booleans
    """(T,) whether it is true at the close; a comparison with NaN is false."""
    start: int
    """First row on which everything that it compares is known."""


class PriceTable:
    """Adjusted closes on a calendar; indicators, conditions and splits between tickers are computed once for all users.

    Parameters
    ----------
    panel
        Prices of all assets.
    rows
        Rows of the panel that form the calendar, ascending.
    """

    def __init__(self, panel: PricePanel, rows: NDArray[np.intp]) -> None:
        self.panel = panel
        self.rows = rows
        self.dates: Dates = panel.dates[rows]
        self._closes: dict[str, Floats] = {}
        self._spans: dict[str, tuple[int, int]] = {}
        self._returns: dict[str, Floats] = {}
        self._raw_closes: dict[str, Floats | None] = {}
        self._metrics: dict[Metric, Floats] = {}
        self._conditions: dict[Condition, Evaluated] = {}
        self._distances: dict[Condition, Distance] = {}
        self._volatilities: dict[str, Floats] = {}
        self._starts: dict[tuple[Condition, frozenset[str]], int] = {}
        self._splits: dict[tuple[object, ...], Split] = {}
        self._split_bytes = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, ticker: object) -> bool:
        return ticker in self.panel

    def close(self, ticker: str) -> Floats:
        """Return the closes (T,), see `filled_close`, NaN without prices; the array must not be changed."""
        if ticker not in self._closes:
            absent = ticker not in self.panel
            empty = np.full(len(self), np.nan)
            self._closes[ticker] = empty if absent else filled_close(self.panel, ticker, self.rows)
        return self._closes[ticker]

    def span(self, ticker: str) -> tuple[int, int]:
        """Return the first and the last row with a close; the number of rows and -1 if there is none."""
        if ticker not in self._spans:
            close = self.close(ticker)
            self._spans[ticker] = first_known(close), last_known(close)
        return self._spans[ticker]

    def daily_returns(self, ticker: str) -> Floats:
        """Return the return into each close (T,), fraction, 0 up to the first; the array must not be changed."""
        if ticker not in self._returns:
            close, (first, _) = self.close(ticker), self.span(ticker)
            returns = self._returns[ticker] = np.zeros(len(self))
            returns[first + 1 :] = close[first + 1 :] / close[first:-1] - 1.0
        return self._returns[ticker]

    def metric(self, metric: Metric) -> Floats:
        """Return a metric's values (T,), NaN where unknown; the array must not be changed."""
        if metric not in self._metrics:
            if 8 * len(self._metrics) * len(self) > _MAXIMUM_METRIC_BYTES:
                self._metrics.clear()
            self._metrics[metric] = indicator_column(metric.indicator, self.close(metric.ticker))
        return self._metrics[metric]

    def raw_close(self, ticker: str) -> Floats | None:
        """Return the closes as quoted (T,), NaN where unknown, of the same days as `close`; None if there are none."""
        if ticker not in self._raw_closes:
            absent = ticker not in self.panel
            self._raw_closes[ticker] = None if absent else filled_raw_close(self.panel, ticker, self.rows)
        return self._raw_closes[ticker]

    def levels(self, metrics: Sequence[Metric]) -> list[Floats]:
        """Return metrics that scale with the price (T,) as they were known on each day, for a decision by their level.

        On day t the closes up to t, adjusted as of t, are close[s] x raw_close[t] / close[t], and so is a metric of
        them: no later split or dividend plays a part. It is NaN on days without a raw close. If one of the tickers has
        no raw closes at all, the metrics are those of the adjusted closes, which is fit for inspection only.
        """
        levels: list[Floats] = []
        for metric in metrics:
            raw = self.raw_close(metric.ticker)
            if raw is None:
                return [self.metric(metric) for metric in metrics]
            # Divided first, so that the price itself is the raw close to the last bit.
            levels.append(self.metric(metric) / self.close(metric.ticker) * raw)
        return levels

    def sides(self, comparison: Comparison) -> tuple[Floats, Floats | float]:
        """Return both sides of a comparison, each (T,) or a number, as they are compared."""
        scaled = scaled_sides(comparison)
        levels = dict(zip(scaled, self.levels(scaled), strict=True))

        def column(metric: Metric) -> Floats:
            return levels[metric] if metric in levels else self.metric(metric)

        right = comparison.right
        return column(comparison.left), right if isinstance(right, float) else column(right)

    def sort_columns(self, indicator: Indicator, tickers: Sequence[str]) -> list[Floats]:
        """Return what a filter sorts tickers by, (T,) each."""
        metrics = [Metric(indicator, ticker) for ticker in tickers]
        if sorts_by_level(indicator, tickers):
            return self.levels(metrics)
        return [self.metric(metric) for metric in metrics]

    def split(self, node: Filter | InverseVolatility, tickers: tuple[str, ...]) -> Split:
        """Return how a node splits between tickers, its children; the array must not be changed."""
        rule = (node.count, node.highest) if isinstance(node, Filter) else ()
        key = node.indicator, rule, tickers
        found = self._splits.get(key)
        if found is None:
            values = np.stack(self.sort_columns(node.indicator, tickers))
            start = max(first_known(row) for row in values)
            found = Split(divide(node, values, start, len(self)), start)
            self._split_bytes += values.nbytes
            if self._split_bytes > _MAXIMUM_SPLIT_BYTES:
                self._splits.clear()
                self._split_bytes = values.nbytes
            self._splits[key] = found
        return found

    def evaluated(self, condition: Condition) -> Evaluated:
        """Return whether a condition is true on each day, and from when it is known; the array must not be changed."""
        found = self._conditions.get(condition)
        if found is None:
            if len(self._conditions) * len(self) > _MAXIMUM_CONDITION_BYTES:
                self._conditions.clear()
            found = self._conditions[condition] = self._evaluate(condition)
        return found

    def condition(self, condition: Condition) -> Booleans:
        """Return for each day whether a condition is true at the close (T,); a comparison with NaN is false."""
        return self.evaluated(condition).holds

    def _evaluate(self, condition: Condition) -> Evaluated:
        if isinstance(condition, Compound):
            parts = [self.evaluated(part) for part in condition.conditions]
            join = np.logical_and if condition.every else np.logical_or
            return Evaluated(join.reduce([part.holds for part in parts]), max(part.start for part in parts))
        left, right = self.sides(condition)
        holds = _COMPARE[condition.comparator](left, right)
        known = [first_known(side) for side in (left, right) if isinstance(side, np.ndarray)]
        return Evaluated(holds, max(known))

    def distance(self, condition: Condition) -> Distance:
        """Return for each day how far a condition was from turning, see `Distance`."""
        if condition not in self._distances:
            self._distances[condition] = self._measure(condition)
        return self._distances[condition]

    def _measure(self, condition: Condition) -> Distance:
        if isinstance(condition, Compound):
            holds = np.stack([self.condition(part) for part in condition.conditions])
            return compound_distance(
                condition.every, holds, [self.distance(part) for part in condition.conditions]
            )
        if condition.left == condition.right:
            return Distance.never(len(self))
        left, right = self.sides(condition)
        difference = left - right
        volatility = self.volatility(condition.left.ticker)
        if isinstance(condition.right, float) or condition.right.ticker == condition.left.ticker:
            noise = noise_of(difference, volatility)
        else:
            other = noise_of(np.asarray(right), self.volatility(condition.right.ticker))
            noise = np.hypot(noise_of(left, volatility), other)
        return Distance.of(difference, trailing_deviation(np.diff(difference, prepend=np.nan)), noise)

    def volatility(self, ticker: str) -> Floats:
        """Return the trailing deviation of a ticker's daily returns (T,), fraction; the array must not be changed."""
        if ticker not in self._volatilities:
            self._volatilities[ticker] = trailing_deviation(
                np.diff(np.log(self.close(ticker)), prepend=np.nan)
            )
        return self._volatilities[ticker]

    def condition_start(self, condition: Condition, absent: frozenset[str] = frozenset()) -> int:
        """Return the first row on which everything that a condition compares is known, but for `absent` tickers."""
        if not absent:
            return self.evaluated(condition).start
        key = condition, absent
        if key not in self._starts:
            if len(self._starts) * len(self) > _MAXIMUM_CONDITION_BYTES:
                self._starts.clear()
            if isinstance(condition, Compound):
                starts = [self.condition_start(part, absent) for part in condition.conditions]
            else:
                pairs = zip((condition.left, condition.right), self.sides(condition), strict=True)
                starts = [
                    first_known(np.asarray(side))
                    for metric, side in pairs
                    if isinstance(metric, Metric) and metric.ticker not in absent
                ]
            self._starts[key] = max(starts, default=0)
        return self._starts[key]


def _metrics(comparison: Comparison) -> list[Metric]:
    return [side for side in (comparison.left, comparison.right) if isinstance(side, Metric)]


def condition_tickers(condition: Condition) -> set[str]:
    """Return the tickers that a condition reads."""
    if isinstance(condition, Compound):
        return set().union(*(condition_tickers(part) for part in condition.conditions))
    return {metric.ticker for metric in _metrics(condition)}


def filled_close(panel: PricePanel, ticker: str, rows: NDArray[np.intp]) -> Floats:
    """Return an asset's closes on some rows of the panel; a day without one takes the last known close.

    The result is NaN before the asset's first close and after its last, so that no asset is held at a stale price.
    """
    column = panel.column(ticker)
    return _filled(panel.close[:, column], panel.close[:, column], rows)


def filled_raw_close(panel: PricePanel, ticker: str, rows: NDArray[np.intp]) -> Floats | None:
    """Return the raw closes of the days that `filled_close` takes its closes from; None if the panel has none.

    The result is NaN where a raw close is unknown or not positive.
    """
    if panel.raw_close is None:
        return None
    column = panel.column(ticker)
    raw = panel.raw_close[:, column]
    usable = np.isfinite(raw) & (raw > 0)
    return _filled(np.where(usable, raw, np.nan), panel.close[:, column], rows) if usable.any() else None


def _filled(values: Floats, close: Floats, rows: NDArray[np.intp]) -> Floats:
    """Return for some rows the value of the last day that has a close; NaN outside the first and the last of them."""
    known = np.flatnonzero(np.isfinite(close))
    out = np.full(len(rows), np.nan)
    if len(known):
        inside = (rows >= known[0]) & (rows <= known[-1])
        out[inside] = values[known[np.searchsorted(known, rows[inside], side="right") - 1]]
    return out


def indicator_column(indicator: Indicator, prices: Floats) -> Floats:
    """Compute an indicator of a series (T,) that may be NaN before its start and after its end."""
    column = np.full(len(prices), np.nan)
    span = slice(first_known(prices), last_known(prices) + 1)
    if span.start < span.stop:
        column[span] = apply_indicator(indicator, prices[span])
    return column


@compiled
def first_known(column: Floats) -> int:
    """Return the first row that is finite; the length of the column if there is none."""
    for row in range(len(column)):
        if np.isfinite(column[row]):
            return row
    return len(column)


@compiled
def last_known(column: Floats) -> int:
    """Return the last row that is finite; -1 if there is none."""
    for row in range(len(column) - 1, -1, -1):
        if np.isfinite(column[row]):
            return row
    return -1
