"""What sub-strategies earn, and the splits that depend on it.

A filter or an inverse-volatility split over groups reads each group's simulated equity: its daily
returns when it is rebalanced at every close, without costs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.budget import needing_returns
from rlpretrain.symphony.compiled import compiled
from rlpretrain.symphony.distances import Contest, noise_of, trailing_deviation
from rlpretrain.symphony.nodes import (
    Asset,
    Empty,
    EqualWeight,
    Filter,
    If,
    Indicator,
    InverseVolatility,
    Metric,
    SpecifiedWeight,
    Symphony,
)
from rlpretrain.symphony.prices import PriceTable, condition_tickers, first_known, indicator_column
from rlpretrain.symphony.splits import divide

__all__ = ["Substrategies", "indispensable_tickers"]


class Substrategies:
    """The parts of a symphony that must be known for all days before weights can be decided.

    Parameters
    ----------
    symphony
        A parsed symphony.
    table
        Prices on its calendar.
    stop
        Row after the last one on which all its tickers have a price.
    contests
        Whether to keep what each filter sorted by, for `contest`.
    absent
        Tickers without any price, for which no day has to wait; None if prices of all tickers are known to the end.
    """

    def __init__(
        self,
        symphony: Symphony,
        table: PriceTable,
        stop: int,
        *,
        contests: bool = False,
        absent: frozenset[str] | None = None,
    ) -> None:
        self._symphony, self._table, self._stop = symphony, table, stop
        self._absent = frozenset[str]() if absent is None else absent
        self._complete = absent is None
        self._incomplete: dict[int, NDArray[np.bool_]] = {}
        self._contests: dict[int, Contest] | None = {} if contests else None
        self._splits: dict[int, Floats] = {}
        self._holds: dict[int, NDArray[np.bool_]] = {}
        self._returns: dict[int, Floats] = {}
        self._equities: dict[int, Floats] = {}
        self.starts: list[int] = []
        """First row on which each node can be decided: all its tickers and windows are known."""
        self._needed = needing_returns(symphony.nodes)
        for position in range(len(symphony.nodes)):
            self.starts.append(self._start(position))
            if position in self._needed:
                self._returns[position] = self._daily_returns(position)
        self._returns.clear()
        self._equities.clear()

    def split(self, position: int) -> Floats:
        """Return the fraction for each child of a filter or inverse-volatility node (m, T)."""
        return self._splits[position]

    def holds(self, position: int) -> NDArray[np.bool_]:
        """Return for each day whether the condition of an `If` is true (T,); the array must not be changed."""
        return self._holds[position]

    def contest(self, position: int) -> Contest:
        """Return what a filter sorted its children by."""
        assert self._contests is not None  # noqa: S101 - asked for when this was built
        return self._contests[position]

    def incomplete(self, position: int) -> NDArray[np.bool_]:
        """Return the days (T,) on which a filter or inverse-volatility node does not know all its children."""
        return self._incomplete[position]

    def bottleneck(self) -> str:
        """Return in words which ticker starts last."""
        table = self._table
        firsts = {ticker: table.span(ticker)[0] for ticker in self._symphony.tickers}
        ticker = max(firsts, key=lambda name: (firsts[name], name))
        if firsts[ticker] >= len(table):
            return f"{ticker} has no price"
        return f"the youngest ticker is {ticker}, from {table.dates[firsts[ticker]]}"

    def _start(self, position: int) -> int:
        node = self._symphony.nodes[position]
        match node:
            case Asset(ticker):
                return 0 if ticker in self._absent else self._table.span(ticker)[0]
            case Empty():
                return 0
            case If(condition, _):
                # Looked up once, because hashing a condition takes longer than most of what is done with it.
                self._holds[position], own = self._table.evaluated(condition)
                if self._absent:
                    own = self._table.condition_start(condition, self._absent)
            case Filter() | InverseVolatility():
                own = self._divide(position, node)
            case EqualWeight() | SpecifiedWeight():
                own = 0
        return max(own, *[self.starts[child] for child in node.children])

    def _divide(self, position: int, node: Filter | InverseVolatility) -> int:
        """Split a node's portion between its children; return the first row on which that can be decided."""
        below = [self._symphony.nodes[child] for child in node.children]
        tickers = tuple([child.ticker for child in below if isinstance(child, Asset)])
        assets_only = len(tickers) == len(below)
        if assets_only and self._complete and self._contests is None:
            self._splits[position], start = self._table.split(node, tickers)
            return start
        if assets_only:
            values = np.stack(self._table.sort_columns(node.indicator, tickers))
        else:
            # Not by levels: the parser refuses to sort groups by them.
            values = np.stack([self._column(child, node.indicator) for child in node.children])
        start = self._first(position, node.children, values)
        split = self._splits[position] = divide(node, values, start, self._stop)
        if isinstance(node, Filter) and self._contests is not None:
            pairs = zip(node.children, values, strict=True)
            noise = np.stack([noise_of(column, self._volatility(child)) for child, column in pairs])
            self._contests[position] = Contest(node.children, values, split, node.highest, noise)
        return start

    def _first(self, position: int, children: tuple[int, ...], values: Floats) -> int:
        """Return the first row on which the values (m, T) of all children are known, but for absent tickers."""
        if self._complete:
            return max(first_known(row) for row in values)
        self._incomplete[position] = np.asarray(np.isnan(values).any(axis=0))
        nodes = [self._symphony.nodes[child] for child in children]
        waited = [not (isinstance(node, Asset) and node.ticker in self._absent) for node in nodes]
        return max((first_known(row) for row in values[waited]), default=0)

    def _column(self, child: int, indicator: Indicator) -> Floats:
        """Return an indicator of a child (T,): of its price if it is an asset, else of its equity."""
        node = self._symphony.nodes[child]
        if isinstance(node, Asset):
            return self._table.metric(Metric(indicator, node.ticker))
        if child not in self._equities:
            equity = np.full(len(self._table), np.nan)
            start = self.starts[child]
            if start < self._stop:
                equity[start] = 1.0
                equity[start + 1 : self._stop] = np.cumprod(
                    1.0 + self._returns[child][start + 1 : self._stop]
                )
            self._equities[child] = equity
        return indicator_column(indicator, self._equities[child])

    def _volatility(self, child: int) -> Floats:
        """Return the trailing deviation of a child's daily returns (T,)."""
        node = self._symphony.nodes[child]
        if isinstance(node, Asset):
            return self._table.volatility(node.ticker)
        returns = self._returns[child].copy()
        returns[: self.starts[child] + 1] = np.nan
        return trailing_deviation(returns)

    def _daily_returns(self, position: int) -> Floats:
        """Return the return of a node into each close (T,): yesterday's weights times today's returns.

        It is 0 until the day after the first one on which the node can be decided.
        """
        node, start = self._symphony.nodes[position], self.starts[position]
        if isinstance(node, Asset):
            return self._table.daily_returns(node.ticker)
        returns = np.zeros(len(self._table))
        if start + 1 >= self._stop:
            return returns
        # What it would have earned before it can be decided is never asked for.
        held, earned = slice(start, self._stop - 1), slice(start + 1, self._stop)
        today = returns[earned]
        match node:
            case Empty():
                pass
            case EqualWeight(children):
                for child in children:
                    today += self._returns[child][earned] / len(children)
            case SpecifiedWeight(children, weights):
                for child, weight in zip(children, weights, strict=True):
                    today += self._returns[child][earned] * weight
            case If(_, (then, otherwise)):
                holds = self._holds[position][held]
                _follow(today, holds, self._returns[then][earned], self._returns[otherwise][earned])
            case Filter(_, _, _, children) | InverseVolatility(children, _):
                split = self._splits[position][:, held]
                for j, child in enumerate(children):
                    _add_held(today, split[j], self._returns[child][earned])
        return returns


def indispensable_tickers(symphony: Symphony) -> set[str]:
    """Return the tickers that sub-strategies hold or read: without one of their prices no day can be replayed."""
    found: set[str] = set()
    for position in needing_returns(symphony.nodes):
        node = symphony.nodes[position]
        if isinstance(node, Asset):
            found.add(node.ticker)
        elif isinstance(node, If):
            found |= condition_tickers(node.condition)
    return found


@compiled
def _follow(returns: Floats, holds: NDArray[np.bool_], then: Floats, otherwise: Floats) -> None:
    """Set the returns (k,) to those of the branch (k,) that a condition chose on the day before (k,)."""
    for t in range(len(returns)):
        returns[t] = then[t] if holds[t] else otherwise[t]


@compiled
def _add_held(returns: Floats, share: Floats, child: Floats) -> None:
    """Add a child's returns (k,) by its share on the day before (k,); where it has none, they may be NaN."""
    for t in range(len(returns)):
        if share[t] > 0.0:
            returns[t] += share[t] * child[t]
