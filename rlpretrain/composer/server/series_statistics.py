"""Composer's statistics of a series of daily values.

A recorded answer of the service fixes the definitions: returns lead from the capital, before the first purchase, to
the second day's value, then from close to close; the deviation is that of a sample, a year has 252 days
whatever the asset, and the risk-free rate is zero; growth is annualised over the days, including the first; the
drawdown is positive. Trailing months and years are 21 and 252 days, which no record confirms.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rlpretrain.composer.protocol.search_columns import RELATION_NAMES

__all__ = ["relation", "series_statistics"]

DAYS_PER_YEAR = 252

_TRAILING_DAYS = {
    "trailing_one_month_return": 21,
    "trailing_three_month_return": 63,
    "trailing_one_year_return": 252,
}


def series_statistics(values: NDArray[np.float64], capital: float | None = None) -> dict[str, float]:
    """Compute the statistics of one series.

    Parameters
    ----------
    values
        (n,) positive values at each close, n >= 1.
    capital
        Value before the first day; None takes the first value.

    Returns
    -------
    dict of str to float
        `STATISTIC_NAMES` -> fraction or ratio; 0 where a ratio's divisor is 0.
    """
    path = values if capital is None else np.concatenate(([capital], values[1:]))
    returns = path[1:] / path[:-1] - 1.0
    growth = float(values[-1] / path[0])
    annualised = growth ** (DAYS_PER_YEAR / len(values)) - 1.0
    deviation = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    drawdown = float((1.0 - path / np.maximum.accumulate(path)).max())
    statistics = {
        "calmar_ratio": annualised / drawdown if drawdown > 0 else 0.0,
        "cumulative_return": growth - 1.0,
        "annualized_rate_of_return": annualised,
        "max_drawdown": drawdown,
        "sharpe_ratio": float(returns.mean()) / deviation * math.sqrt(DAYS_PER_YEAR)
        if deviation > 0
        else 0.0,
        "standard_deviation": deviation * math.sqrt(DAYS_PER_YEAR),
    }
    for name, days in _TRAILING_DAYS.items():
        statistics[name] = float(values[-1] / values[max(len(values) - 1 - days, 0)] - 1.0)
    return statistics


def relation(values: NDArray[np.float64], benchmark: NDArray[np.float64]) -> dict[str, float]:
    """Regress daily returns on a benchmark's.

    Parameters
    ----------
    values, benchmark
        (n,) positive values at each close; days on which either is NaN are left out.

    Returns
    -------
    dict of str to float
        `RELATION_NAMES` -> figure, alpha as an annualised fraction; all are 0 if either series does not move.
    """
    known = np.isfinite(values) & np.isfinite(benchmark)
    own, other = (series[known][1:] / series[known][:-1] - 1.0 for series in (values, benchmark))
    if len(own) < 2 or other.std() == 0.0 or own.std() == 0.0:
        return dict.fromkeys(RELATION_NAMES, 0.0)
    covariance = float(((own - own.mean()) * (other - other.mean())).mean())
    beta = covariance / float(other.var())
    correlation = covariance / float(own.std() * other.std())
    return {
        "alpha": float(own.mean() - beta * other.mean()) * DAYS_PER_YEAR,
        "beta": beta,
        "pearson_r": correlation,
        "r_square": correlation**2,
    }
