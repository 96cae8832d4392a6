from .backtesting import BacktestResult, Fill, backtest, library_backtest, yearly_statistics
from .costs import Costs
from .evaluate import Evaluator, Replay
from .fidelity import (
    MIN_COMMON_DAYS,
    DailyComparison,
    Fidelity,
    compare_daily_values,
    equal_holdings,
)
from .fractionability import FRACTIONABILITY, WHOLE_SHARE_TICKERS, Fractionability
from .nodes import (
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
from .parse import parse_symphony
from .statistics import benchmark_statistics, portfolio_statistics

__all__ = [
    "FRACTIONABILITY",
    "MIN_COMMON_DAYS",
    "WHOLE_SHARE_TICKERS",
    "BacktestResult",
    "Branch",
    "Comparison",
    "Compound",
    "Costs",
    "DailyComparison",
    "Evaluator",
    "Fidelity",
    "Fill",
    "Fractionability",
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
