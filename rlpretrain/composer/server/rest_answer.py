"""A backtest in the format of Composer's REST API.

Days are counted from 1970-01-01, amounts are dollars and cents, shares are fractions.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.composer.protocol.spellings import CASH
from rlpretrain.composer.server.series_statistics import relation, series_statistics
from rlpretrain.composer.server.served_catalogue import FinishedBacktest

__all__ = ["rest_backtest_answer"]


def rest_backtest_answer(finished: FinishedBacktest) -> dict[str, Any]:
    """Return a backtest of at least one day in the format of the REST API."""
    outcome, capital = finished.outcome, finished.options.capital
    days = outcome.dates.astype("datetime64[D]").astype(np.int64).tolist()
    series = {finished.symphony_id: outcome.values}
    for ticker, values in outcome.benchmarks.items():
        known = np.flatnonzero(np.isfinite(values))
        if len(known):
            series[ticker] = values * (capital / values[known[0]])
    names = {ticker: ticker for ticker in series} | {finished.symphony_id: finished.name}
    edited = finished.last_edit
    rebalanced = days if outcome.rebalanced is None else np.array(days)[outcome.rebalanced].tolist()
    return {
        "first_day": days[0],
        "last_market_day": days[-1],
        "last_market_days_value": round(float(outcome.values[-1]), 2),
        "last_market_days_holdings": {CASH: 0.0, **outcome.shares},
        "legend": {key: {"name": name} for key, name in names.items()},
        "data_warnings": {},
        "costs": dict(outcome.costs),
        "dvm_capital": {key: _by_day(days, values, decimals=2) for key, values in series.items()},
        "rebalance_days": rebalanced,
        "tdvm_weights": {
            CASH: {},
            **{ticker: _by_day(days, weights, decimals=6) for ticker, weights in outcome.weights.items()},
        },
        "stats": _statistics(finished),
        **({} if edited is None else {"last_semantic_update_at": _zoned(edited)}),
    }


def _zoned(moment: dt.datetime) -> str:
    """Write a time as RFC 9557 does, with the name of its zone."""
    return f"{moment.isoformat(timespec='microseconds')}[{moment.tzinfo}]"


def _statistics(finished: FinishedBacktest) -> dict[str, Any]:
    outcome = finished.outcome
    benchmarks = {}
    for ticker, values in outcome.benchmarks.items():
        known = values[np.isfinite(values)]
        if len(known) >= 2:
            benchmarks[ticker] = {**series_statistics(known), "percent": relation(outcome.values, values)}
    own = series_statistics(outcome.values, finished.options.capital)
    return {**own, "size": len(outcome.values), "benchmarks": benchmarks}


def _by_day(days: list[int], values: NDArray[np.float64], *, decimals: int) -> dict[str, float]:
    rounded = np.round(values, decimals).tolist()
    return {str(day): value for day, value in zip(days, rounded, strict=True) if value == value}
