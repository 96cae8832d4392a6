"""At which next close a decision turns: what the margin of a decision means in prices.

The next day is imagined: one ticker closes at some price, and the others close where they closed last. The decision
turns at the price nearest to the ticker's last close at which it falls otherwise than at the last close. Indicators are
computed from the whole history with that close added, by the functions of the replay, so no formula is inverted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.levels import scaled_sides
from rlpretrain.symphony.margins import Decision
from rlpretrain.symphony.nodes import Comparison, Compound, Condition, If, Metric
from rlpretrain.symphony.prices import PriceTable, condition_tickers, indicator_column

__all__ = ["Turn", "next_turn"]

_STEP, _FARTHEST = 0.0025, 0.4
"""The search walks by a quarter of a percent, to 40 % below and above the last close in logarithms."""
_EXACT = 1e-7
"""Width of the interval, in logarithms, in which the turning point is found at last."""


@dataclass(frozen=True)
class Turn:
    """The next close at which a decision turns, if no other price moves."""

    ticker: str
    last_close: float
    close: float
    """Where it turns; the last close itself if an unchanged close turns it, because the window moves on."""

    @property
    def change(self) -> float:
        """Change from the last close, fraction."""
        return self.close / self.last_close - 1.0

    def as_json(self) -> dict[str, Any]:
        """Return the turning point as JSON values."""
        return {
            "ticker": self.ticker,
            "last_close": self.last_close,
            "close": self.close,
            "change": self.change,
        }

    def __str__(self) -> str:
        if self.change == 0.0:
            return f"turns even if {self.ticker} closes unchanged at {self.close:,.6g}"
        return f"turns if {self.ticker} closes at {self.close:,.6g} ({100 * self.change:+.3g} %)"


def next_turn(table: PriceTable, row: int, decision: Decision) -> Turn | None:
    """Return where a decision turns at the close after `row`; None if no close within 33 % below or 49 % above does.

    Of several tickers, each moved alone, it is the one that needs the smallest move. A filter turns where the last
    child that it selects and the first that it does not change places; that is computed if both are assets.

    Parameters
    ----------
    table
        Prices on the symphony's calendar, from `Evaluator.table`.
    row
        Row of the close at which the decision was made; later rows are not read.
    decision
        From `Evaluator.decisions` of that close.
    """
    condition = _condition_of(decision, table)
    if condition is None:
        return None
    days = _Imagined(table, row)
    now = days.holds_at_last_close(condition)
    turns = [days.turn(condition, ticker, now) for ticker in sorted(condition_tickers(condition))]
    return min((turn for turn in turns if turn is not None), key=lambda turn: abs(turn.change), default=None)


def _condition_of(decision: Decision, table: PriceTable) -> Condition | None:
    """Return the condition behind a decision; that of a filter is that its last choice beats the first one left out."""
    node = decision.rule.node
    if isinstance(node, If):
        return node.condition
    if decision.left not in table or decision.right not in table:
        return None
    left, right = Metric(node.indicator, decision.left), Metric(node.indicator, decision.right)
    return Comparison(left, "gt" if node.highest else "lt", right)


class _Imagined:
    """The prices up to a row, followed by one imagined day."""

    def __init__(self, table: PriceTable, row: int) -> None:
        self._table, self._row = table, row
        self._closes: dict[str, Floats] = {}

    def holds_at_last_close(self, condition: Condition) -> bool:
        return bool(self._table.condition(condition)[self._row])

    def turn(self, condition: Condition, ticker: str, now: bool) -> Turn | None:
        """Return the nearest close of one ticker at which the condition is not as `now`."""
        last = float(self._table.close(ticker)[self._row])
        if not math.isfinite(last):
            return None

        def turned(change: float) -> bool:
            return self._holds(condition, ticker, last * math.exp(change)) != now

        if turned(0.0):
            return Turn(ticker, last, last)
        found = [change for change in (_first(turned, -1.0), _first(turned, 1.0)) if change is not None]
        return Turn(ticker, last, last * math.exp(min(found, key=abs))) if found else None

    def _holds(self, condition: Condition, ticker: str, close: float) -> bool:
        """Return whether a condition holds on the imagined day; a comparison with what is unknown does not."""
        if isinstance(condition, Compound):
            parts = (self._holds(part, ticker, close) for part in condition.conditions)
            return all(parts) if condition.every else any(parts)
        sides = [condition.left, *([] if isinstance(condition.right, float) else [condition.right])]
        values = self._values(sides, scaled_sides(condition), ticker, close)
        left, right = values[0], condition.right if isinstance(condition.right, float) else values[1]
        match condition.comparator:
            case "gt":
                return left > right
            case "gte":
                return left >= right
            case "lt":
                return left < right
            case "lte":
                return left <= right
            case "eq":
                return left == right

    def _values(
        self, metrics: Sequence[Metric], by_level: Sequence[Metric], ticker: str, close: float
    ) -> list[float]:
        """Return metrics on the imagined day; levels of prices are those of the raw closes, where all are known."""
        raw = {metric.ticker: self._table.raw_close(metric.ticker) for metric in by_level}
        values = []
        for metric in metrics:
            history = self._history(metric.ticker)
            history[-1] = close if metric.ticker == ticker else history[-2]
            value = float(indicator_column(metric.indicator, history)[-1])
            quoted = raw.get(metric.ticker)
            if metric in by_level and quoted is not None and None not in raw.values():
                value *= float(quoted[self._row]) / float(history[-2])
            values.append(value)
        return values

    def _history(self, ticker: str) -> Floats:
        """Return a ticker's closes up to the row, and room for one more, which the caller fills."""
        if ticker not in self._closes:
            self._closes[ticker] = np.append(self._table.close(ticker)[: self._row + 1], np.nan)
        return self._closes[ticker]


def _first(turned: Callable[[float], bool], sign: float) -> float | None:
    """Return the smallest change in one direction, in logarithms, that turns; None if none does."""
    for step in range(1, round(_FARTHEST / _STEP) + 1):
        if turned(sign * step * _STEP):
            inside, outside = (step - 1) * _STEP, step * _STEP
            while outside - inside > _EXACT:
                middle = 0.5 * (inside + outside)
                inside, outside = (inside, middle) if turned(sign * middle) else (middle, outside)
            return sign * outside
    return None
