"""From a replay to an equity curve with costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import SymphonyError
from rlpretrain.market.panel import Dates, Floats, PricePanel
from rlpretrain.symphony.costs import Costs
from rlpretrain.symphony.evaluate import Evaluator, Replay
from rlpretrain.symphony.parse import parse_symphony
from rlpretrain.symphony.prices import filled_close
from rlpretrain.symphony.statistics import benchmark_statistics, portfolio_statistics

__all__ = ["BacktestResult", "Fill", "backtest", "library_backtest"]

Fill: TypeAlias = Literal["same_close", "next_open", "next_close"]

COST_ITEMS = ("slippage", "spread_markup", "reg_fee", "taf_fee")

_SEC_RATE = 27.80e-6
_TAF_RATE = 0.000166
_TAF_CAP = 8.30


@dataclass(frozen=True)
class BacktestResult:
    """An equity curve and what it cost."""

    symphony_id: str
    dates: Dates
    """(D,) trading days."""
    equity: Floats
    """(D,) value at each close, after that close's trades."""
    returns: Floats
    """(D - 1,) fraction, from close to close."""
    turnover: Floats
    """(D,) value traded that day over the portfolio's value; buying everything is 1."""
    costs: Mapping[str, float]
    """Dollars spent on slippage, spread_markup, reg_fee and taf_fee over the whole span."""
    stats: Mapping[str, float]
    """Composer's statistics, fractions; see `rlpretrain.symphony.statistics`."""
    benchmarks: Mapping[str, Mapping[str, float]]
    """alpha, beta, r_square and pearson_r against each benchmark ticker."""
    capital: float

    @property
    def yearly(self) -> dict[str, dict[str, float]]:
        """Sharpe ratio, annualised return and drawdown of each calendar year."""
        years = self.dates.astype("datetime64[Y]")
        found: dict[str, dict[str, float]] = {}
        for year in np.unique(years):
            rows = np.flatnonzero(years == year)
            # The year starts from the last value of the year before, or from the first day's.
            rows = np.concatenate([[max(rows[0] - 1, 0)], rows[max(1 - rows[0], 0) :]])
            stats = portfolio_statistics(
                self.equity[rows], capital=float(self.equity[rows[0]]), days=len(rows) - 1
            )
            names = ("sharpe_ratio", "annualized_rate_of_return", "max_drawdown")
            found[str(year)] = {name: stats[name] for name in names}
        return found


def backtest(
    replay: Replay,
    panel: PricePanel,
    costs: Costs | None = None,
    fill: Fill = "same_close",
    *,
    capital: float = 10_000.0,
    benchmarks: tuple[str, ...] = (),
) -> BacktestResult:
    """Trade a replay's weights.

    Parameters
    ----------
    replay
        Weights decided at each close.
    panel
        The panel that the replay was made on.
    costs
        Composer's defaults when left out.
    fill
        ``same_close`` trades at the close that decided, as Composer's backtest does. ``next_open`` trades at the
        next day's open, on days on which an asset concerned has no open at that day's close; ``next_close`` at the
        next day's close.
    capital
        Dollars at the start.
    benchmarks
        Tickers to compare the daily returns with.
    """
    costs = Costs() if costs is None else costs
    rows = np.searchsorted(panel.dates, replay.dates)
    columns = [panel.column(ticker) for ticker in replay.tickers]
    close = np.stack([filled_close(panel, ticker, rows) for ticker in replay.tickers], axis=1)
    before, after, price = _growth(replay, panel.open[np.ix_(rows, columns)], close, fill)
    lag = 0 if fill == "same_close" else 1
    days = len(rows)
    trades = np.zeros(days, np.bool_)
    trades[lag:] = replay.rebalanced[: days - lag]
    targets = np.zeros_like(replay.targets)
    targets[lag:] = replay.targets[: days - lag]
    crypto = panel.crypto[columns]
    slippage = np.where(
        crypto, costs.slippage if costs.crypto_slippage is None else costs.crypto_slippage, costs.slippage
    )
    spread = np.where(crypto, costs.spread_markup, 0.0)
    regulatory = np.where(crypto, 0.0, _SEC_RATE * costs.regulatory_fee)
    activity = np.where(crypto, 0.0, _TAF_RATE * costs.taf_fee)
    equity, turnover, spent = _trade(
        capital, targets, trades, before, after, price, slippage, spread, regulatory, activity
    )
    stats = portfolio_statistics(
        equity, capital=capital, days=days, turnover=turnover, weights=replay.targets
    )
    returns = equity[1:] / equity[:-1] - 1.0
    compared = {ticker: benchmark_statistics(returns, _returns(panel, ticker, rows)) for ticker in benchmarks}
    itemised = dict(zip(COST_ITEMS, spent.tolist(), strict=True))
    return BacktestResult(
        replay.symphony.symphony_id,
        replay.dates,
        equity,
        returns,
        turnover,
        itemised,
        stats,
        compared,
        capital,
    )


def library_backtest(document: Mapping[str, Any], panel: PricePanel, **options: Any) -> BacktestResult:
    """Parse, replay and backtest a document in one call; `options` go to `backtest`.

    Raises
    ------
    SymphonyError
        See `parse_symphony` and `Evaluator.replay`.
    """
    symphony = parse_symphony(document, symphony_id=str(document.get("id", "symphony")))
    return backtest(Evaluator(panel).replay(symphony), panel, **options)


def _returns(panel: PricePanel, ticker: str, rows: NDArray[np.intp]) -> Floats:
    if ticker not in panel:
        raise SymphonyError(f"no prices of benchmark {ticker}")
    close = filled_close(panel, ticker, rows)
    return close[1:] / close[:-1] - 1.0


def _growth(replay: Replay, opens: Floats, close: Floats, fill: Fill) -> tuple[Floats, Floats, Floats]:
    """Give each asset's growth from the last close to the day's trade and from there to the close, and the price."""
    before = np.ones_like(close)
    before[1:] = close[1:] / close[:-1]
    after = np.ones_like(close)
    price = close.copy()
    if fill == "next_open":
        held = replay.targets > 0
        concerned = np.zeros_like(held)
        concerned[1:] = held[:-1]
        concerned[2:] |= held[:-2]
        at_open = ~(concerned & ~np.isfinite(opens)).any(axis=1)
        at_open[0] = False
        before[at_open] *= opens[at_open] / close[at_open]
        after[at_open] = close[at_open] / opens[at_open]
        price[at_open] = opens[at_open]
    # What is not known concerns no asset held or bought that day.
    return np.nan_to_num(before, nan=1.0), np.nan_to_num(after, nan=1.0), np.nan_to_num(price, nan=1.0)


@numba.njit(cache=True)  # type: ignore[misc]
def _trade(
    capital: float,
    targets: Floats,
    trades: NDArray[np.bool_],
    before: Floats,
    after: Floats,
    price: Floats,
    slippage: Floats,
    spread: Floats,
    regulatory: Floats,
    activity: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Hold dollars of each asset (n,) through all days; all matrices (D, n).

    On a day with a trade the value after it, V', pays for the trade itself: V' = V - cost(w V' - holdings). The cost
    is a contraction in V', so that iterating from V' = V converges in a few steps.
    """
    days, assets = targets.shape
    equity = np.empty(days)
    turnover = np.zeros(days)
    spent = np.zeros(4)
    items = np.zeros(4)
    holdings = np.zeros(assets)
    cash = capital
    for t in range(days):
        value = cash
        for i in range(assets):
            holdings[i] *= before[t, i]
            value += holdings[i]
        if trades[t]:
            left = value
            for _ in range(50):
                items[:] = 0.0
                traded = 0.0
                for i in range(assets):
                    change = targets[t, i] * left - holdings[i]
                    size = abs(change)
                    traded += size
                    items[0] += slippage[i] * size
                    items[1] += spread[i] * size
                    if change < 0.0:
                        items[2] += regulatory[i] * size
                        items[3] += min(activity[i] * size / price[t, i], _TAF_CAP)
                previous = left
                left = value - items.sum()
                if abs(left - previous) <= 1e-13 * value:
                    break
            spent += items
            turnover[t] = traded / value
            cash = left
            for i in range(assets):
                holdings[i] = targets[t, i] * left
                cash -= holdings[i]
        total = cash
        for i in range(assets):
            holdings[i] *= after[t, i]
            total += holdings[i]
        equity[t] = total
    return equity, turnover, spent
