"""Composer symphonies: parse, replay, backtest."""

from rlpretrain.symphony.backtest import BacktestResult, Fill, backtest, library_backtest, yearly_statistics
from rlpretrain.symphony.costs import Costs
from rlpretrain.symphony.evaluate import Evaluator, Replay
from rlpretrain.symphony.fidelity import (
    MIN_COMMON_DAYS,
    DailyComparison,
    Fidelity,
    compare_daily_values,
    equal_holdings,
)
from rlpretrain.symphony.nodes import (
    Branch,
    Comparison,
    Compound,
    Indicator,
    Leaf,
    Metric,
    PathStep,
    Selection,
    Symphony,
)
from rlpretrain.symphony.parse import parse_symphony
from rlpretrain.symphony.statistics import benchmark_statistics, portfolio_statistics

__all__ = [
    "MIN_COMMON_DAYS",
    "BacktestResult",
    "Branch",
    "Comparison",
    "Compound",
    "Costs",
    "DailyComparison",
    "Evaluator",
    "Fidelity",
    "Fill",
    "Indicator",
    "Leaf",
    "Metric",
    "PathStep",
    "Replay",
    "Selection",
    "Symphony",
    "backtest",
    "benchmark_statistics",
    "compare_daily_values",
    "equal_holdings",
    "library_backtest",
    "parse_symphony",
    "portfolio_statistics",
    "yearly_statistics",
]
