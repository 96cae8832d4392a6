"""A backtest in the format of Composer's MCP server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.composer.protocol.spellings import DATE_KEY
from rlpretrain.composer.server.series_statistics import relation, series_statistics
from rlpretrain.composer.server.served_catalogue import FinishedBacktest

__all__ = ["mcp_backtest_answer"]

_RATIOS = frozenset({"calmar_ratio", "sharpe_ratio", "alpha", "beta", "pearson_r", "r_square"})


def mcp_backtest_answer(finished: FinishedBacktest, *, daily: bool) -> dict[str, Any]:
    """Return a backtest in the format of MCP's tool: amounts in dollars, shares in percent with two decimals.

    Parameters
    ----------
    finished
        A backtest of at least one day.
    daily
        Whether the daily values are included.
    """
    outcome, options = finished.outcome, finished.options
    statistics = _formatted(series_statistics(outcome.values, options.capital))
    benchmarks = {}
    for ticker, values in outcome.benchmarks.items():
        known = np.isfinite(values)
        if known.sum() >= 2:
            own = series_statistics(values[known])
            benchmarks[ticker] = _formatted({**own, **relation(outcome.values, values)})
    answer: dict[str, Any] = {
        "data_warnings": {},
        "first_day": str(outcome.dates[0]),
        "first_day_value": _dollars(options.capital),
        "last_market_day": str(outcome.dates[-1]),
        "last_market_days_shares": {
            ticker: units for ticker, units in outcome.shares.items() if units != 0.0
        },
        "last_market_days_value": _dollars(float(outcome.values[-1])),
        "stats": {**statistics, "benchmarks": benchmarks},
    }
    if daily:
        series = {finished.name: outcome.values, **outcome.benchmarks}
        answer["daily_values"] = {
            DATE_KEY: outcome.dates.astype("datetime64[D]").astype(str).tolist(),
            **{key: _percent_since_first(values) for key, values in series.items()},
        }
    return answer


def _formatted(statistics: Mapping[str, float]) -> dict[str, Any]:
    return {
        name: round(value, 4) if name in _RATIOS else f"{round(value * 100, 2)}%"
        for name, value in statistics.items()
    }


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}"


def _percent_since_first(values: NDArray[np.float64]) -> list[float | None]:
    known = np.flatnonzero(np.isfinite(values))
    first = values[known[0]] if len(known) else np.nan
    percent = np.round((values / first - 1.0) * 100.0, 2)
    return [None if np.isnan(value) else float(value) for value in percent]
