"""The embedded server's backtests, by this program's own engine."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from rlpretrain.composer import BacktestOptions, BacktestOutcome
from rlpretrain.market import PricePanel
from rlpretrain.symphony import Costs, Evaluator, backtest, parse_symphony

__all__ = ["EngineBacktester"]


class EngineBacktester:
    """Backtests for the embedded server with this program's own engine.

    A fidelity measured against it tests the plumbing, not the engine; the report says so.
    """

    def __init__(self, panel: PricePanel) -> None:
        self._panel = panel
        self._evaluator = Evaluator(panel)
        # The server calls from several threads; only one at a time may fill the evaluator's shared columns.
        self._lock = threading.Lock()

    def __call__(
        self,
        document: Mapping[str, Any],
        start: dt.date | None,
        end: dt.date | None,
        options: BacktestOptions,
    ) -> BacktestOutcome:
        """Backtest `document` from `start` to `end`, both included; see `Backtester`."""
        symphony = parse_symphony(document, symphony_id=str(document.get("id", "symphony")))
        costs = Costs(
            slippage=options.slippage_percent,
            spread_markup=options.spread_markup,
            regulatory_fee=options.apply_reg_fee,
            taf_fee=options.apply_taf_fee,
        )
        with self._lock:
            replay = self._evaluator.replay(symphony, start=start, end=end)
            result = backtest(replay, self._panel, costs, "same_close", capital=options.capital)
        rows = np.searchsorted(self._panel.dates, result.dates)
        benchmarks = {
            ticker: self._panel.close[rows, self._panel.column(ticker)]
            for ticker in options.benchmark_tickers
            if ticker in self._panel
        }
        return BacktestOutcome(
            dates=result.dates,
            values=result.equity,
            benchmarks=benchmarks,
            shares=result.shares,
            weights={ticker: replay.targets[:, i] for i, ticker in enumerate(replay.tickers)},
            rebalanced=replay.rebalanced,
            costs=result.costs,
        )
