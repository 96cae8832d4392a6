"""Closes on a symphony's trading calendar, and the indicator columns that all symphonies share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Dates, Floats, PricePanel
from rlpretrain.symphony.indicators import apply_indicator
from rlpretrain.symphony.nodes import Comparison, Compound, Condition, Indicator, Metric

__all__ = ["PriceTable", "filled_close", "first_known", "indicator_column", "last_known"]

Booleans = NDArray[np.bool_]


class PriceTable:
    """Adjusted closes on a calendar, with each indicator and condition computed once for all users.

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
        self._metrics: dict[Metric, Floats] = {}
        self._conditions: dict[Condition, Booleans] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, ticker: object) -> bool:
        return ticker in self.panel

    def close(self, ticker: str) -> Floats:
        """Return the closes (T,), see `filled_close`; the array must not be changed."""
        if ticker not in self._closes:
            self._closes[ticker] = filled_close(self.panel, ticker, self.rows)
        return self._closes[ticker]

    def metric(self, metric: Metric) -> Floats:
        """Return a metric's values (T,), NaN where unknown; the array must not be changed."""
        if metric not in self._metrics:
            self._metrics[metric] = indicator_column(metric.indicator, self.close(metric.ticker))
        return self._metrics[metric]

    def condition(self, condition: Condition) -> Booleans:
        """Return for each day whether a condition is true at the close (T,); a comparison with NaN is false."""
        if condition not in self._conditions:
            self._conditions[condition] = self._evaluate(condition)
        return self._conditions[condition]

    def _evaluate(self, condition: Condition) -> Booleans:
        if isinstance(condition, Compound):
            parts = [self.condition(part) for part in condition.conditions]
            joined: Booleans = (np.logical_and if condition.every else np.logical_or).reduce(parts)
            return joined
        left = self.metric(condition.left)
        right = condition.right if isinstance(condition.right, float) else self.metric(condition.right)
        match condition.comparator:
            case "gt":
                return np.greater(left, right)
            case "gte":
                return np.greater_equal(left, right)
            case "lt":
                return np.less(left, right)
            case "lte":
                return np.less_equal(left, right)
            case "eq":
                return np.equal(left, right)

    def condition_start(self, condition: Condition) -> int:
        """Return the first row on which everything that a condition compares is known."""
        if isinstance(condition, Compound):
            return max(self.condition_start(part) for part in condition.conditions)
        return max(first_known(self.metric(metric)) for metric in _metrics(condition))


def _metrics(comparison: Comparison) -> list[Metric]:
    return [side for side in (comparison.left, comparison.right) if isinstance(side, Metric)]


def filled_close(panel: PricePanel, ticker: str, rows: NDArray[np.intp]) -> Floats:
    """Return an asset's closes on some rows of the panel; a day without one takes the last known close.

    The result is NaN before the asset's first close and after its last, so that no asset is held at a stale price.
    """
    close = panel.close[:, panel.column(ticker)]
    known = np.flatnonzero(np.isfinite(close))
    out = np.full(len(rows), np.nan)
    if len(known):
        inside = (rows >= known[0]) & (rows <= known[-1])
        out[inside] = close[known[np.searchsorted(known, rows[inside], side="right") - 1]]
    return out


def indicator_column(indicator: Indicator, prices: Floats) -> Floats:
    """Compute an indicator of a series (T,) that may be NaN before its start and after its end."""
    column = np.full(len(prices), np.nan)
    known = np.flatnonzero(np.isfinite(prices))
    if len(known):
        span = slice(known[0], known[-1] + 1)
        column[span] = apply_indicator(indicator, np.ascontiguousarray(prices[span]))
    return column


def first_known(column: Floats) -> int:
    """Return the first row that is not NaN; the length of the column if there is none."""
    known = np.isfinite(column)
    return int(known.argmax()) if known.any() else len(column)


def last_known(column: Floats) -> int:
    """Return the last row that is not NaN; -1 if there is none."""
    known = np.isfinite(column)
    return len(column) - 1 - int(known[::-1].argmax()) if known.any() else -1
