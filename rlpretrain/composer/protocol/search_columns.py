"""The columns that a search can name, as documented by the service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

__all__ = [
    "BENCHMARKS",
    "COLUMNS",
    "NODE_COUNTS",
    "RELATION_NAMES",
    "STATISTIC_COLUMNS",
    "STATISTIC_NAMES",
]

STATISTIC_NAMES = (
    "calmar_ratio",
    "cumulative_return",
    "annualized_rate_of_return",
    "max_drawdown",
    "sharpe_ratio",
    "standard_deviation",
    "trailing_one_month_return",
    "trailing_three_month_return",
    "trailing_one_year_return",
)
"""Statistics of one series."""

RELATION_NAMES = ("alpha", "beta", "pearson_r", "r_square")
"""Statistics of a series relative to a benchmark."""

BENCHMARKS = {"spy": "SPY", "btcusd": "BTC-USD"}
"""Part of a column's name -> ticker."""

NODE_COUNTS = {
    "num_node_" + step.replace("-", "_"): step
    for step in (
        "asset",
        "filter",
        "group",
        "if",
        "if-child",
        "wt-cash-equal",
        "wt-cash-specified",
        "wt-inverse-vol",
    )
}
"""Name of a column -> the kind of node that it counts."""

_PERIODS = ("oos", "train")
_TEXTS = ("name", "description", "asset_classes", "rebalance_frequency")


def _statistic_columns() -> Iterator[str]:
    for period in _PERIODS:
        yield from (f"{period}_{name}" for name in STATISTIC_NAMES)
        for benchmark in BENCHMARKS:
            yield from (f"{period}_{benchmark}_{name}" for name in (*STATISTIC_NAMES, *RELATION_NAMES))


STATISTIC_COLUMNS = frozenset(_statistic_columns())
"""The columns that require a backtest."""

COLUMNS: Mapping[str, type] = {
    **dict.fromkeys(_TEXTS, str),
    **dict.fromkeys(NODE_COUNTS, float),
    **{f"{period}_num_backtest_days": float for period in _PERIODS},
    **dict.fromkeys(sorted(STATISTIC_COLUMNS), float),
}
"""Name of each column -> ``str`` or ``float``."""
