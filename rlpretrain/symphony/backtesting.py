"""Computing an equity curve with costs from a replay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import SymphonyError
from rlpretrain.market.findings import left_out_because
from rlpretrain.market.panel import Dates, Floats, PricePanel
from rlpretrain.symphony.costs import Costs
from rlpretrain.symphony.evaluate import Evaluator
from rlpretrain.symphony.fractionability import WHOLE_SHARE_TICKERS
from rlpretrain.symphony.parse import parse_symphony
from rlpretrain.symphony.prices import filled_close
from rlpretrain.symphony.replay import Replay
from rlpretrain.symphony.share_prices import share_price_factor
from rlpretrain.symphony.statistics import benchmark_statistics, portfolio_statistics
from rlpretrain.symphony.trading import COST_ITEMS, cost_rates, trade

__all__ = ["BacktestResult", "Fill", "backtest", "library_backtest", "yearly_statistics"]

Fill: TypeAlias = Literal["same_close", "next_open", "next_close"]

_YEARLY = ("sharpe_ratio", "annualized_rate_of_return", "max_drawdown")


@dataclass(frozen=True)
class BacktestResult:
    """An equity curve and what it cost."""

    symphony_id: str
    dates: Dates
    """(D,) trading days."""
    equity: Floats
    """(D,) dollars at each close, after that close's trades."""
    returns: Floats
    """(D - 1,) fraction, close to close; the first one starts from the capital before the first purchase."""
    turnover: Floats
    """(D,) value traded that day over the portfolio's value; buying everything is 1."""
    costs: Mapping[str, float]
    """Dollars spent on slippage, spread_markup, reg_fee and taf_fee over the whole span."""
    weights: Floats
    """(D, n) held after each close, as `Replay.targets`."""
    benchmarks: Mapping[str, Mapping[str, float]]
    """alpha, beta, r_square and pearson_r against each benchmark ticker."""
    shares: Mapping[str, float]
    """Units of each ticker held after the last close."""

    @cached_property
    def stats(self) -> Mapping[str, float]:
        """Composer's statistics, computed when first asked for; see `portfolio_statistics`."""
        return self.statistics()

    def statistics(self, names: Sequence[str] | None = None) -> dict[str, float]:
        """Compute only some statistics; all of them if None."""
        return portfolio_statistics(self.returns, turnover=self.turnover, weights=self.weights, names=names)


def backtest(
    replay: Replay,
    panel: PricePanel,
    costs: Costs | None = None,
    fill: Fill = "same_close",
    *,
    capital: float = 10_000.0,
    benchmarks: Sequence[str] = (),
    whole_share_tickers: Collection[str] = WHOLE_SHARE_TICKERS,
) -> BacktestResult:
    """Trade a replay's weights.

    Parameters
    ----------
    replay
        Weights decided at each close.
    panel
        The panel that was replayed.
    costs
        Composer's defaults if None.
    fill
        ``same_close`` trades at the close that decided, as Composer's backtest does. ``next_open`` trades at
        the next day's open, or at that day's close when an asset involved has no open. ``next_close`` trades
        at the next day's close.
    capital
        Dollars at the start.
    benchmarks
        Tickers to compare the daily returns with.
    whole_share_tickers
        Tickers of which only whole shares are held, as Composer's backtest does where its broker splits none; see
        `FRACTIONABILITY`. They follow from the split-adjusted price of a share, and so from later splits: leave this
        empty for what is learned.

    Raises
    ------
    SymphonyError
        A benchmark has no prices.
    """
    rows = np.searchsorted(panel.dates, replay.dates)
    columns = np.array([panel.column(ticker) for ticker in replay.tickers], np.intp)
    close = replay.closes
    before, after, price = _growth(replay, panel, rows, columns, fill)
    targets, trades = replay.targets, replay.rebalanced
    if fill != "same_close":
        targets, trades = _a_day_later(targets), _a_day_later(trades)
    rates = cost_rates(Costs() if costs is None else costs, panel.crypto[columns])
    whole = np.array([ticker in whole_share_tickers for ticker in replay.tickers], np.bool_)
    last_price = close[-1].copy()
    for i in np.flatnonzero(whole):
        factor = share_price_factor(panel, replay.tickers[i], rows)
        price[:, i] *= factor
        last_price[i] *= factor[-1]
    equity, turnover, spent, holdings = trade(capital, targets, trades, before, after, price, rates, whole)
    returns = equity[1:] / np.concatenate([[capital], equity[1:-1]]) - 1.0
    # A ticker that has ended is not held and has no price.
    shares = np.divide(holdings, last_price, out=np.zeros_like(holdings), where=holdings != 0.0)
    return BacktestResult(
        symphony_id=replay.symphony.symphony_id,
        dates=replay.dates,
        equity=equity,
        returns=returns,
        turnover=turnover,
        costs=dict(zip(COST_ITEMS, spent.tolist(), strict=True)),
        weights=replay.targets,
        benchmarks={name: benchmark_statistics(returns, _returns(panel, name, rows)) for name in benchmarks},
        shares=dict(zip(replay.tickers, shares.tolist(), strict=True)),
    )


def library_backtest(
    document: Mapping[str, Any],
    panel: PricePanel,
    *,
    symphony_id: str = "symphony",
    start: dt.date | None = None,
    end: dt.date | None = None,
    costs: Costs | None = None,
    fill: Fill = "same_close",
    capital: float = 10_000.0,
    benchmarks: Sequence[str] = (),
    whole_share_tickers: Collection[str] = WHOLE_SHARE_TICKERS,
) -> BacktestResult:
    """Parse, replay and backtest a document in one call.

    Raises
    ------
    SymphonyError
        See `parse_symphony`, `Evaluator.replay` and `backtest`.
    """
    symphony = parse_symphony(document, symphony_id=symphony_id)
    replay = Evaluator(panel).replay(symphony, start=start, end=end)
    return backtest(
        replay,
        panel,
        costs,
        fill,
        capital=capital,
        benchmarks=benchmarks,
        whole_share_tickers=whole_share_tickers,
    )


def yearly_statistics(
    replay: Replay,
    panel: PricePanel,
    costs: Costs | None = None,
    fill: Fill = "same_close",
    *,
    capital: float = 10_000.0,
    whole_share_tickers: Collection[str] = WHOLE_SHARE_TICKERS,
) -> dict[str, dict[str, float]]:
    """Backtest each calendar year separately, bought on its first trading day.

    Returns
    -------
    Year -> sharpe_ratio, annualized_rate_of_return and max_drawdown.
    """
    years = replay.dates.astype("datetime64[Y]")
    found: dict[str, dict[str, float]] = {}
    for year in np.unique(years):
        first, stop = np.searchsorted(years, year), np.searchsorted(years, year, side="right")
        span = replay.between(int(first), int(stop))
        result = backtest(span, panel, costs, fill, capital=capital, whole_share_tickers=whole_share_tickers)
        found[str(year)] = result.statistics(_YEARLY)
    return found


def _returns(panel: PricePanel, ticker: str, rows: NDArray[np.intp]) -> Floats:
    if ticker not in panel:
        raise SymphonyError(f"no prices of benchmark {ticker}{left_out_because(panel.findings, ticker)}")
    close = filled_close(panel, ticker, rows)
    return close[1:] / close[:-1] - 1.0


def _a_day_later(values: NDArray[Any]) -> NDArray[Any]:
    """Return the values (D, ...) of the day before each day, zero on the first one."""
    later = np.zeros_like(values)
    later[1:] = values[:-1]
    return later


def _growth(
    replay: Replay, panel: PricePanel, rows: NDArray[np.intp], columns: NDArray[np.intp], fill: Fill
) -> tuple[Floats, Floats, Floats]:
    """Return each asset's growth from the last close to the trade and from the trade to the close, and the price."""
    close = replay.closes
    before, after, price = np.ones_like(close), np.ones_like(close), close.copy()
    np.divide(close[1:], close[:-1], out=before[1:])
    if fill == "next_open":
        opens = panel.open[np.ix_(rows, columns)]
        held = replay.targets > 0
        concerned = np.zeros_like(held)
        concerned[1:] = held[:-1]
        concerned[2:] |= held[:-2]
        at_open = ~np.asarray((concerned & ~np.isfinite(opens)).any(axis=1))
        at_open[0] = False
        before[at_open] *= opens[at_open] / close[at_open]
        after[at_open] = close[at_open] / opens[at_open]
        price[at_open] = opens[at_open]
        np.copyto(after, 1.0, where=np.isnan(after))
    # Growth is unknown only for assets that are neither held nor bought that day.
    for values in (before, price):
        np.copyto(values, 1.0, where=np.isnan(values))
    return before, after, price
