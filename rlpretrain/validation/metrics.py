"""Performance of one asset's trajectory: risk-adjusted returns, risk, trades.

Returns are simple net returns per bar, as fractions; losses (drawdown, value at risk, expected shortfall)
are positive fractions. The risk-free rate is zero throughout. A figure that the data do not define (no trades,
no variance, too few bars) is None, never zero or infinity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict
from skfolio import measures

if TYPE_CHECKING:
    from rlpretrain.environments.trajectory import Trade, Trajectory

__all__ = [
    "PerformanceMetrics",
    "median_metrics",
    "performance_metrics",
    "sharpe_ratio",
    "timing_contributions",
    "timing_score",
]

Floats = NDArray[np.float64]

_NO_VARIANCE = 1e-12
"""Deviation per bar below which a series counts as constant: it is rounding, not risk."""


class PerformanceMetrics(BaseModel):
    """Figures of one trajectory, or their medians over seeds; None where a figure is undefined."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bars: int
    timing_score: float
    """Annualised net return minus mean exposure x asset return, over the asset's volatility; see `timing_score`."""
    cumulative_return: float
    annualised_return: float | None
    sharpe_ratio: float | None
    sortino_ratio: float | None
    calmar_ratio: float | None
    information_ratio: float | None
    """Relative to holding the asset; annualised."""
    max_drawdown: float
    value_at_risk_95: float | None
    """Loss per bar."""
    value_at_risk_99: float | None
    expected_shortfall: float | None
    """Mean loss per bar in the worst 5 %."""
    volatility: float | None
    """Annualised."""
    trades: float
    """Closed trades; a median over seeds may be fractional."""
    win_rate: float | None
    profit_factor: float | None
    average_win: float | None
    average_loss: float | None
    """Mean net return of losing trades, negative."""
    trade_duration: float | None
    """Mean bars in a trade."""
    longest_win_streak: float | None
    longest_loss_streak: float | None
    exposure: float
    """Share of bars in the market."""
    turnover: float
    """Sides traded per year: an entry is one, an exit is one."""
    cost_drag: float
    """Costs per year, as a fraction of equity."""


def timing_score(
    net_returns: ArrayLike, asset_returns: ArrayLike, exposure: ArrayLike, bars_per_year: float
) -> float:
    """Return the annualised net return minus what mean exposure alone earns, in units of the asset's volatility.

    ``bars_per_year * mean(net - mean(exposure) * asset) / (std(asset) * sqrt(bars_per_year))``. Being always long or
    always flat scores zero except for costs, whatever the asset did: the score rewards *when* an agent is in the
    market, not that it is. It is comparable among assets, because it is scaled by each asset's own volatility.

    Parameters
    ----------
    net_returns, asset_returns, exposure
        (m,) per bar: return after costs, the asset's own return, and the share of equity held over the bar.
    bars_per_year
        252 for equities, 365 for crypto.

    Returns
    -------
    float
        The score; 0.0 for an asset that never moved, where there is nothing to time.

    Raises
    ------
    ValueError
        The arrays are empty, differ in length or contain a value that is not finite.
    """
    return float(timing_contributions(net_returns, asset_returns, exposure, bars_per_year).mean())


def timing_contributions(
    net_returns: ArrayLike, asset_returns: ArrayLike, exposure: ArrayLike, bars_per_year: float
) -> Floats:
    """Return the contribution of each bar to the timing score, (m,); the mean over bars is `timing_score`.

    Raises
    ------
    ValueError
        As `timing_score`.
    """
    net, asset, held = (np.asarray(a, dtype=np.float64) for a in (net_returns, asset_returns, exposure))
    if not net.shape == asset.shape == held.shape or net.ndim != 1 or not len(net):
        raise ValueError(f"need three equal non-empty rows, got {net.shape}, {asset.shape}, {held.shape}")
    if not (np.isfinite(net).all() and np.isfinite(asset).all() and np.isfinite(held).all()):
        raise ValueError("returns and exposure must be finite")
    deviation = float(asset.std())
    if deviation <= _NO_VARIANCE:
        return np.zeros(len(net))
    return np.asarray((net - held.mean() * asset) * (math.sqrt(bars_per_year) / deviation), dtype=np.float64)


def sharpe_ratio(returns: ArrayLike, bars_per_year: float) -> float | None:
    """Return the annualised Sharpe ratio with a zero risk-free rate; None where the returns do not vary.

    Mean over sample deviation (n - 1), times the root of `bars_per_year`.
    """
    values = np.asarray(returns, dtype=np.float64)
    return _annualised_ratio(values, _deviation(values), bars_per_year)


def performance_metrics(trajectory: Trajectory) -> PerformanceMetrics:
    """Compute the metrics of one trajectory.

    Sharpe and information ratio: mean over sample deviation, annualised by the root of bars per year. Sortino: the
    deviation is the root mean square of losses over all bars, with a target of zero. Calmar: annualised return over
    maximum drawdown. Value at risk and expected shortfall are historical, per bar (`skfolio.measures`).

    Raises
    ------
    ValueError
        The trajectory has no bars or its returns are not finite.
    """
    net = np.asarray(trajectory.net_returns, dtype=np.float64)
    asset = np.asarray(trajectory.asset_returns, dtype=np.float64)
    exposure = np.asarray(trajectory.exposure, dtype=np.float64)
    per_year = trajectory.bars_per_year
    years = len(net) / per_year
    score = timing_score(net, asset, exposure, per_year)
    growth = float(np.prod(1.0 + net))
    annualised = growth ** (1.0 / years) - 1.0 if growth > 0 and len(net) > 1 else None
    drawdown = float(measures.max_drawdown(measures.get_drawdowns(net, compounded=True)))
    downside = float(measures.semi_deviation(net, min_acceptable_return=0.0, biased=True))
    volatility = _deviation(net)
    active = net - asset
    return PerformanceMetrics(
        bars=len(net),
        timing_score=score,
        cumulative_return=growth - 1.0,
        annualised_return=annualised,
        sharpe_ratio=_annualised_ratio(net, volatility, per_year),
        sortino_ratio=_annualised_ratio(net, downside, per_year),
        calmar_ratio=annualised / drawdown if annualised is not None and drawdown > _NO_VARIANCE else None,
        information_ratio=_annualised_ratio(active, _deviation(active), per_year),
        max_drawdown=max(drawdown, 0.0),
        value_at_risk_95=_tail(measures.value_at_risk, net, 0.95),
        value_at_risk_99=_tail(measures.value_at_risk, net, 0.99),
        expected_shortfall=_tail(measures.cvar, net, 0.95),
        volatility=None if volatility is None else volatility * math.sqrt(per_year),
        **_trade_statistics(trajectory.trades),
        exposure=float(exposure.mean()),
        turnover=sum(2 if trade.closed else 1 for trade in trajectory.trades) / years,
        cost_drag=float(np.sum(trajectory.costs)) / years,
    )


def median_metrics(metrics: Sequence[PerformanceMetrics]) -> PerformanceMetrics:
    """Return each figure's median over seeds; a figure is None when it is undefined for most of them.

    Raises
    ------
    ValueError
        There is nothing to take the median of.
    """
    if not metrics:
        raise ValueError("no metrics to combine")
    if len(metrics) == 1:
        return metrics[0]
    combined: dict[str, float | None] = {}
    for name in PerformanceMetrics.model_fields:
        known = [value for m in metrics if (value := getattr(m, name)) is not None]
        combined[name] = float(np.median(known)) if 2 * len(known) > len(metrics) else None
    return PerformanceMetrics.model_validate({**combined, "bars": metrics[0].bars})


def _deviation(values: Floats) -> float | None:
    if len(values) < 2:
        return None
    return float(values.std(ddof=1))


def _annualised_ratio(values: Floats, deviation: float | None, bars_per_year: float) -> float | None:
    if deviation is None or deviation <= _NO_VARIANCE:
        return None
    return float(values.mean()) / deviation * math.sqrt(bars_per_year)


def _tail(measure: Callable[..., Any], returns: Floats, level: float) -> float | None:
    """Return a tail measure; None where the tail contains less than one bar."""
    if len(returns) * (1.0 - level) < 1.0 - 1e-9:
        return None
    return float(measure(returns, beta=level))


def _trade_statistics(trades: Sequence[Trade]) -> dict[str, float | None]:
    closed = [trade for trade in trades if trade.closed]
    returns = np.array([trade.net_return for trade in closed], dtype=np.float64)
    wins, losses = returns[returns > 0], returns[returns < 0]
    gross_loss = float(-losses.sum())
    any_trade = len(returns) > 0
    return {
        "trades": float(len(returns)),
        "win_rate": float(np.mean(returns > 0)) if any_trade else None,
        "profit_factor": float(wins.sum()) / gross_loss if gross_loss > 0 else None,
        "average_win": float(wins.mean()) if len(wins) else None,
        "average_loss": float(losses.mean()) if len(losses) else None,
        "trade_duration": float(np.mean([trade.bars for trade in closed])) if any_trade else None,
        "longest_win_streak": float(_longest_run(returns > 0)) if any_trade else None,
        "longest_loss_streak": float(_longest_run(returns < 0)) if any_trade else None,
    }


def _longest_run(flags: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0
