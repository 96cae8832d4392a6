"""Statistics of an equity curve, with Composer's names and definitions.

Where the service's own outputs settle a definition, it is followed: the Sharpe ratio uses a risk-free rate of 0 and
the population deviation (ddof 0); the annualised return is (V / capital)^(252 / days) - 1 with `days` the number of
trading days including the first; `calmar_ratio` is that return over the largest drawdown. All are fractions, and
drawdowns are positive.
"""

from __future__ import annotations

import numpy as np

from rlpretrain.market.panel import Floats

__all__ = ["TRADING_DAYS", "benchmark_statistics", "drawdown", "portfolio_statistics"]

TRADING_DAYS = 252

_TRAILING = {
    "trailing_one_day_return": 1,
    "trailing_one_week_return": 5,
    "trailing_two_week_return": 10,
    "trailing_one_month_return": 21,
    "trailing_three_month_return": 63,
    "trailing_one_year_return": 252,
}


def drawdown(equity: Floats) -> float:
    """Largest fall from a peak (D,), positive fraction."""
    return float(np.max(1.0 - equity / np.maximum.accumulate(equity)))


def portfolio_statistics(
    equity: Floats,
    *,
    capital: float,
    days: int,
    turnover: Floats | None = None,
    weights: Floats | None = None,
) -> dict[str, float]:
    """Describe an equity curve.

    Parameters
    ----------
    equity
        Daily values (D,).
    capital
        Dollars before the first trade; cumulative and annualised returns count from there.
    days
        Trading days of the span, for annualising.
    turnover
        (D,) value traded over value.
    weights
        (D, n) holdings after each close, for the concentration.

    Returns
    -------
    Composer's names -> fractions. NaN where a figure has no meaning, for example a ratio without any deviation.
    """
    returns = equity[1:] / equity[:-1] - 1.0
    growth = float(equity[-1] / capital)
    annualised = growth ** (TRADING_DAYS / days) - 1.0 if days > 0 else np.nan
    worst = drawdown(equity)
    stats: dict[str, float] = {
        "size": float(len(returns)),
        "cumulative_return": growth - 1.0,
        "annualized_rate_of_return": annualised,
        "max_drawdown": worst,
        "calmar_ratio": annualised / worst if worst > 0 else np.nan,
    }
    stats.update(_moments(returns))
    for name, window in _TRAILING.items():
        stats[name] = float(equity[-1] / equity[-1 - window] - 1.0) if len(equity) > window else np.nan
    if turnover is not None:
        # The first purchase is no turnover of an existing portfolio.
        stats["annualized_turnover"] = float(turnover[1:].sum() / 2.0 * TRADING_DAYS / days)
    if weights is not None:
        stats["herfindahl_index"] = float(np.square(weights).sum(axis=1).mean())
    return stats


def _moments(returns: Floats) -> dict[str, float]:
    if not len(returns):
        names = (
            "mean",
            "median",
            "min",
            "max",
            "standard_deviation",
            "sharpe_ratio",
            "sortino_ratio",
            "win_rate",
        )
        return dict.fromkeys((*names, "skewness", "kurtosis", "tail_ratio", *_CONTRIBUTIONS), np.nan)
    mean, deviation = float(returns.mean()), float(returns.std())
    downside = float(np.sqrt(np.square(np.minimum(returns, 0.0)).mean()))
    centred = (returns - mean) / deviation if deviation > 0 else np.full(len(returns), np.nan)
    low, high = np.percentile(returns, [5, 95])
    root = np.sqrt(TRADING_DAYS)
    return {
        "mean": mean,
        "median": float(np.median(returns)),
        "min": float(returns.min()),
        "max": float(returns.max()),
        "standard_deviation": deviation * root,
        "sharpe_ratio": mean / deviation * root if deviation > 0 else np.nan,
        "sortino_ratio": mean / downside * root if downside > 0 else np.nan,
        "win_rate": float((returns > 0).mean()),
        "skewness": float((centred**3).mean()),
        "kurtosis": float((centred**4).mean() - 3.0),
        "tail_ratio": float(abs(high) / abs(low)) if low != 0 else np.nan,
        **_contributions(returns),
    }


_CONTRIBUTIONS = {
    "top_one_day_contribution": None,
    "top_five_percent_day_contribution": 0.05,
    "top_ten_percent_day_contribution": 0.10,
}


def _contributions(returns: Floats) -> dict[str, float]:
    """Log growth of the best day, and of the best 5 and 10 percent of days, over all log growth."""
    logs = np.sort(np.log1p(np.maximum(returns, -1.0 + 1e-12)))[::-1]
    total = logs.sum()
    if total == 0:
        return dict.fromkeys(_CONTRIBUTIONS, np.nan)
    return {
        name: float(logs[: 1 if share is None else int(share * len(logs))].sum() / total)
        for name, share in _CONTRIBUTIONS.items()
    }


def benchmark_statistics(returns: Floats, benchmark: Floats) -> dict[str, float]:
    """Regress daily returns (n,) on a benchmark's (n,) over the days on which both are known.

    Returns
    -------
    `beta`; `alpha`, the annualised intercept (daily times 252); `pearson_r`; `r_square`.
    """
    both = np.isfinite(returns) & np.isfinite(benchmark)
    x, y = benchmark[both], returns[both]
    if len(x) < 2 or x.std() == 0 or y.std() == 0:
        return dict.fromkeys(("alpha", "beta", "r_square", "pearson_r"), np.nan)
    beta = float(np.mean((x - x.mean()) * (y - y.mean())) / x.var())
    correlation = float(np.corrcoef(x, y)[0, 1])
    return {
        "alpha": float(y.mean() - beta * x.mean()) * TRADING_DAYS,
        "beta": beta,
        "r_square": correlation**2,
        "pearson_r": correlation,
    }
