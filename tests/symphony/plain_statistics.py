"""The definitions of the statistics for a single series, one after the other: an oracle for the batched form."""

from __future__ import annotations

import numpy as np

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.statistics import TRADING_DAYS

_TRAILING = {
    "trailing_one_day_return": 1,
    "trailing_one_week_return": 5,
    "trailing_two_week_return": 10,
    "trailing_one_month_return": 21,
    "trailing_three_month_return": 63,
    "trailing_one_year_return": 252,
}
"""Name -> trading days."""

_BEST_DAYS = {
    "top_one_day_contribution": 0.0,
    "top_five_percent_day_contribution": 0.05,
    "top_ten_percent_day_contribution": 0.10,
}
"""Name -> share of the days; at least one."""


def plain_statistics(
    returns: Floats, *, turnover: Floats | None = None, weights: Floats | None = None
) -> dict[str, float]:
    """Compute every statistic of one series of daily returns (n,)."""
    equity = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    days = len(equity)
    annualised = _annualised(float(equity[-1]), days)
    worst = float(np.max(1.0 - equity / np.maximum.accumulate(equity)))
    stats = {
        "size": float(len(returns)),
        "cumulative_return": float(equity[-1]) - 1.0,
        "annualized_rate_of_return": annualised,
        "max_drawdown": worst,
        "calmar_ratio": annualised / worst if worst > 0 else np.nan,
        **_distribution(returns),
    }
    for name, window in _TRAILING.items():
        stats[name] = float(equity[-1] / equity[-1 - window]) - 1.0 if days > window else np.nan
    if turnover is not None:
        # Selling one asset to buy another counts once; the first purchase does not count.
        stats["annualized_turnover"] = float(turnover[1:].sum()) / 2.0 * TRADING_DAYS / days
    if weights is not None:
        cash = 1.0 - weights.sum(axis=1)
        stats["herfindahl_index"] = float((np.square(weights).sum(axis=1) + np.square(cash)).mean())
    return stats


def _annualised(growth: float, days: int) -> float:
    if growth <= 0.0:
        return -1.0
    with np.errstate(over="ignore"):
        return float(np.power(growth, TRADING_DAYS / days) - 1.0)


def _distribution(returns: Floats) -> dict[str, float]:
    if not len(returns):
        names = ("mean", "median", "min", "max", "standard_deviation", "sharpe_ratio", "sortino_ratio")
        return dict.fromkeys((*names, "win_rate", "skewness", "kurtosis", "tail_ratio", *_BEST_DAYS), np.nan)
    mean = float(returns.mean())
    deviation = float(returns.std(ddof=1)) if len(returns) > 1 else np.nan
    downside = float(np.sqrt(np.square(np.minimum(returns, 0.0)).mean()))
    moves = deviation > 0.0
    centred = (returns - mean) / returns.std() if moves else np.full(len(returns), np.nan)
    low, high = np.percentile(returns, [5, 95])
    root = np.sqrt(TRADING_DAYS)
    return {
        "mean": mean,
        "median": float(np.median(returns)),
        "min": float(returns.min()),
        "max": float(returns.max()),
        "standard_deviation": deviation * root,
        "sharpe_ratio": mean / deviation * root if moves else np.nan,
        "sortino_ratio": mean / downside * root if downside > 0 else np.nan,
        "win_rate": float((returns > 0).mean()),
        "skewness": float((centred * centred * centred).mean()),
        "kurtosis": float(np.square(np.square(centred)).mean()) - 3.0,
        "tail_ratio": float(high / abs(low)) if low < 0 else np.nan,
        **_contributions(returns),
    }


def _contributions(returns: Floats) -> dict[str, float]:
    if returns.min() <= -1.0:
        return dict.fromkeys(_BEST_DAYS, np.nan)
    logs = np.sort(np.log1p(returns))[::-1]
    total = float(logs.sum())
    return {
        name: float(logs[: max(1, int(share * len(logs)))].sum()) / total if total != 0 else np.nan
        for name, share in _BEST_DAYS.items()
    }
