"""Statistics of an equity curve, with Composer's names and definitions.

All are computed from one series of daily returns whose first element leads from the starting capital, before the
first purchase, to the second day's value. A recorded answer of the service fixes the definitions: its mean and
deviation match its final value, to eight digits, only for that series and a sample deviation (ddof 1); the
annualised return is (final value / capital)^(252 / days) - 1 with the first day counted among the days; the
contribution of the best day is its log return over all log growth. Where the record does not decide
(sortino_ratio, tail_ratio, trailing windows), the textbook definition is used. All figures are fractions;
drawdowns are positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from rlpretrain.market.panel import Floats

__all__ = [
    "STATISTICS",
    "TRADING_DAYS",
    "benchmark_statistics",
    "concentration",
    "portfolio_statistics",
    "statistics_of_many",
]

TRADING_DAYS = 252

_ROOT = math.sqrt(TRADING_DAYS)


class _Curves:
    """S equity curves over equally many days, with what several statistics share, computed when first asked for."""

    def __init__(self, returns: Floats, turnover: Floats | None, concentration: Floats | None) -> None:
        self.returns = returns
        self._turnover, self._concentration = turnover, concentration
        self.days = returns.shape[1] + 1

    @property
    def turnover(self) -> Floats:
        """(S, n + 1)."""
        return _given(self._turnover, "turnover")

    @property
    def concentration(self) -> Floats:
        """(S, n + 1)."""
        return _given(self._concentration, "concentration")

    @cached_property
    def equity(self) -> Floats:
        """(S, n + 1) value over the starting capital."""
        start = np.ones((len(self.returns), 1))
        return np.concatenate([start, np.cumprod(1.0 + self.returns, axis=1)], axis=1)

    @cached_property
    def annualised(self) -> Floats:
        growth = self.equity[:, -1]
        return np.where(growth <= 0.0, -1.0, np.maximum(growth, 0.0) ** (TRADING_DAYS / self.days) - 1.0)

    @cached_property
    def largest_fall(self) -> Floats:
        """(S,) from a peak of the equity, positive."""
        return np.asarray((1.0 - self.equity / np.maximum.accumulate(self.equity, axis=1)).max(axis=1))

    @cached_property
    def mean(self) -> Floats:
        return np.asarray(self.returns.mean(axis=1))

    @cached_property
    def deviation(self) -> Floats:
        """(S,) sample deviation (ddof 1)."""
        if self.returns.shape[1] < 2:
            return np.full(len(self.returns), np.nan)
        return np.asarray(self.returns.std(axis=1, ddof=1))

    @cached_property
    def centred(self) -> Floats:
        """(S, n) returns minus their mean, over their population deviation."""
        population = self.deviation * math.sqrt(1.0 - 1.0 / self.returns.shape[1])
        return _over(self.returns - self.mean[:, None], population[:, None])

    @cached_property
    def ascending(self) -> Floats:
        """(S, n) returns, the worst first; NaN last."""
        return np.sort(self.returns, axis=1)

    @cached_property
    def best_logs(self) -> Floats:
        """(S, n) log returns, the best first."""
        return np.log1p(np.ascontiguousarray(self.ascending[:, ::-1]))

    def quantile(self, share: float) -> Floats:
        """Return a quantile of the returns (S,), interpolated linearly."""
        place = share * (self.returns.shape[1] - 1)
        low, high = self.ascending[:, math.floor(place)], self.ascending[:, math.ceil(place)]
        return np.where(np.isnan(self.ascending[:, -1]), np.nan, low + (high - low) * (place % 1.0))


def _given(values: Floats | None, name: str) -> Floats:
    if values is None:
        raise ValueError(f"the statistic needs the {name} of every day")
    return values


def _over(numerator: Floats, denominator: Floats) -> Floats:
    """Divide where the denominator is positive; NaN elsewhere."""
    return numerator / np.where(denominator > 0.0, denominator, np.nan)


def _trailing(window: int) -> Callable[[_Curves], Floats]:
    """Return the statistic of the growth over the last trading days; it needs more days than the window."""

    def statistic(curves: _Curves) -> Floats:
        if curves.days <= window:
            return np.full(len(curves.returns), np.nan)
        return curves.equity[:, -1] / curves.equity[:, -1 - window] - 1.0

    return statistic


def _contribution(share: float) -> Callable[[_Curves], Floats]:
    """Return the statistic of the best days' part of all log growth; `share` of the days, at least one."""

    def statistic(curves: _Curves) -> Floats:
        logs = curves.best_logs
        best, total = logs[:, : max(1, int(share * logs.shape[1]))].sum(axis=1), logs.sum(axis=1)
        return np.where((total == 0.0) | (curves.ascending[:, 0] <= -1.0), np.nan, best / total)

    return statistic


_OF_EQUITY: Mapping[str, Callable[[_Curves], Floats]] = {
    "size": lambda curves: np.full(len(curves.returns), float(curves.returns.shape[1])),
    "cumulative_return": lambda curves: curves.equity[:, -1] - 1.0,
    "annualized_rate_of_return": lambda curves: curves.annualised,
    "max_drawdown": lambda curves: curves.largest_fall,
    "calmar_ratio": lambda curves: _over(curves.annualised, curves.largest_fall),
    "trailing_one_day_return": _trailing(1),
    "trailing_one_week_return": _trailing(5),
    "trailing_two_week_return": _trailing(10),
    "trailing_one_month_return": _trailing(21),
    "trailing_three_month_return": _trailing(63),
    "trailing_one_year_return": _trailing(252),
}
"""Defined on the first day too."""
_OF_RETURNS: Mapping[str, Callable[[_Curves], Floats]] = {
    "mean": lambda curves: curves.mean,
    "median": lambda curves: curves.quantile(0.5),
    "min": lambda curves: curves.returns.min(axis=1),
    "max": lambda curves: curves.returns.max(axis=1),
    "standard_deviation": lambda curves: curves.deviation * _ROOT,
    "sharpe_ratio": lambda curves: _over(curves.mean, curves.deviation) * _ROOT,
    "sortino_ratio": lambda curves: (
        _over(curves.mean, np.sqrt(np.square(np.minimum(curves.returns, 0.0)).mean(axis=1))) * _ROOT
    ),
    "win_rate": lambda curves: (curves.returns > 0.0).mean(axis=1),
    "skewness": lambda curves: (curves.centred * np.square(curves.centred)).mean(axis=1),
    "kurtosis": lambda curves: np.square(np.square(curves.centred)).mean(axis=1) - 3.0,
    "tail_ratio": lambda curves: _over(curves.quantile(0.95), -curves.quantile(0.05)),
    "top_one_day_contribution": _contribution(0.0),
    "top_five_percent_day_contribution": _contribution(0.05),
    "top_ten_percent_day_contribution": _contribution(0.10),
}
"""NaN as long as there is no return."""
_OF_HOLDINGS: Mapping[str, Callable[[_Curves], Floats]] = {
    # Selling one asset to buy another counts once; the first purchase does not count.
    "annualized_turnover": lambda curves: (
        curves.turnover[:, 1:].sum(axis=1) / 2.0 * TRADING_DAYS / curves.days
    ),
    "herfindahl_index": lambda curves: curves.concentration.mean(axis=1),
}
STATISTICS: Mapping[str, Callable[[_Curves], Floats]] = {**_OF_EQUITY, **_OF_RETURNS, **_OF_HOLDINGS}
"""Composer's name -> how the figures of S curves (S,) are computed."""


def portfolio_statistics(
    returns: Floats,
    *,
    turnover: Floats | None = None,
    weights: Floats | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, float]:
    """Compute the statistics of a portfolio's daily returns.

    Parameters
    ----------
    returns
        (n,) fraction, from the starting capital on; n + 1 trading days.
    turnover
        (n + 1,) value traded over the portfolio's value.
    weights
        (n + 1, m) holdings after each close, for the concentration.
    names
        Those to compute, of `STATISTICS`; all that can be computed if None.

    Returns
    -------
    Composer's names -> figures. A figure is NaN where it is undefined, for example a ratio to a deviation of zero.
    """
    found = statistics_of_many(
        returns[None],
        turnover=None if turnover is None else turnover[None],
        concentration=None if weights is None else concentration(weights)[None],
        names=names,
    )
    return {name: float(figures[0]) for name, figures in found.items()}


def statistics_of_many(
    returns: Floats,
    *,
    turnover: Floats | None = None,
    concentration: Floats | None = None,
    names: Sequence[str] | None = None,
) -> dict[str, Floats]:
    """Compute the statistics of S portfolios over equally many days; only what the names need is computed.

    Parameters
    ----------
    returns
        (S, n), see `portfolio_statistics`.
    turnover, concentration
        (S, n + 1) each; see `concentration`.
    names
        Those to compute; all that can be computed if None.

    Returns
    -------
    Composer's names -> figures (S,), bit for bit those of `portfolio_statistics`.

    Raises
    ------
    ValueError
        A name is unknown, or its figures need an array that is not given.
    """
    if names is None:
        given = {"annualized_turnover": turnover, "herfindahl_index": concentration}
        names = [name for name in STATISTICS if name not in given or given[name] is not None]
    unknown = sorted(set(names) - STATISTICS.keys())
    if unknown:
        raise ValueError(f"unknown statistics {', '.join(unknown)}; known are {', '.join(STATISTICS)}")
    curves = _Curves(np.ascontiguousarray(returns), turnover, concentration)
    undefined = _OF_RETURNS.keys() if curves.days == 1 else ()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return {
            name: np.full(len(returns), np.nan) if name in undefined else np.asarray(STATISTICS[name](curves))
            for name in names
        }


def concentration(weights: Floats) -> Floats:
    """Return the sum of squared weights after each close (n + 1,), cash included; 1 is a single holding."""
    # Products are several times as fast as sums along a short last axis.
    cash = 1.0 - weights @ np.ones(weights.shape[1])
    squares: Floats = np.einsum("ti,ti->t", weights, weights)
    return squares + np.square(cash)


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
    covariance = float(((x - x.mean()) * (y - y.mean())).mean())
    beta = covariance / float(x.var())
    correlation = covariance / float(x.std() * y.std())
    return {
        "alpha": float(y.mean() - beta * x.mean()) * TRADING_DAYS,
        "beta": beta,
        "r_square": correlation**2,
        "pearson_r": correlation,
    }
