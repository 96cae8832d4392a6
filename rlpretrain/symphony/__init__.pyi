from .backtesting import BacktestResult, Fill, backtest, library_backtest, yearly_statistics
from .costs import Costs
from .evaluate import Evaluator
from .fidelity import (
    MIN_COMMON_DAYS,
    DailyComparison,
    Fidelity,
    compare_daily_values,
    equal_holdings,
)
from .fractionability import FRACTIONABILITY, WHOLE_SHARE_TICKERS, Fractionability
from .many import backtest_many, replay_many
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
from .processes import work_through
from .replay import Replay
from .statistics import benchmark_statistics, portfolio_statistics, statistics_of_many
from .stitching import ReplayedVersion, stitch

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
    "ReplayedVersion",
    "Selection",
    "Symphony",
    "backtest",
    "backtest_many",
    "benchmark_statistics",
    "compare_daily_values",
    "equal_holdings",
    "library_backtest",
    "parse_symphony",
    "portfolio_statistics",
    "replay_many",
    "statistics_of_many",
    "stitch",
    "work_through",
    "yearly_statistics",
]
