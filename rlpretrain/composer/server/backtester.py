"""The interface that the embedded server needs from a backtester."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["BacktestOptions", "BacktestOutcome", "Backtester"]


@dataclass(frozen=True)
class BacktestOptions:
    """Costs and capital of a backtest, with the service's defaults."""

    capital: float = 10_000.0
    """Dollars."""
    slippage_percent: float = 0.0001
    """Fraction of each amount traded in equities."""
    spread_markup: float = 0.002
    """Fraction of each amount traded in crypto."""
    apply_reg_fee: bool = True
    apply_taf_fee: bool = True
    broker: str = "ALPACA_WHITE_LABEL"
    benchmark_tickers: tuple[str, ...] = ("SPY",)


@dataclass(frozen=True)
class BacktestOutcome:
    """Daily values of a symphony and its benchmarks."""

    dates: NDArray[np.datetime64]
    """(n,) ascending days; the first one is the day of the first purchase."""
    values: NDArray[np.float64]
    """(n,) dollars at each close, after costs."""
    benchmarks: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Ticker -> (n,) value of an amount held throughout, in any unit; NaN before its first price."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Ticker -> units held at the last close."""
    weights: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Ticker -> (n,) share of the value held after each close; empty if the backtester does not compute it."""
    rebalanced: NDArray[np.bool_] | None = None
    """(n,) whether the weights were reset at the close; None if the backtester does not compute it."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """Name of a cost -> dollars paid over all days."""


class Backtester(Protocol):
    """Backtests one symphony; called from several threads.

    Raises `SymphonyError` when the tree cannot be evaluated and `DataError` when prices are missing.
    """

    def __call__(
        self,
        document: Mapping[str, Any],
        start: dt.date | None,
        end: dt.date | None,
        options: BacktestOptions,
    ) -> BacktestOutcome:
        """Backtest `document` from `start` to `end`, both included; None means as far as prices go."""
