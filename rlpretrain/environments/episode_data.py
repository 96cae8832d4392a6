"""One asset's days as an agent sees them: state rows, fills and costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.features import MarketContext, state_matrix
from rlpretrain.market import AssetSeries, Dates, Floats, PricePanel
from rlpretrain.patterns import VotePanel
from rlpretrain.patterns.strategies.fills import Fill, fill_prices

__all__ = ["EpisodeData", "build_episode_data", "fill_growth", "traded_value"]

_VOLATILITY_WINDOW = 60
_VOLUME_WINDOW = 20


@dataclass(frozen=True)
class EpisodeData:
    """The bars of one asset from the first complete state on; all arrays are (n,) but `states`.

    A decision at the close of bar t is filled within bar t + 1. The fill splits that bar's growth in two:
    ``before[t + 1]`` is earned by the old position, ``after[t + 1]`` by the new one.

    Raises
    ------
    DataError
        Arrays differ in length, a number is missing, or a price or deviation is not positive.
    """

    symbol: str
    dates: Dates
    states: NDArray[np.float32]
    """(n, 61): asset, market and votes as known at each close."""
    before: Floats
    """Fill price of the bar over the previous close; ``before[0]`` is 1."""
    after: Floats
    """Close of the bar over its fill price."""
    fill_price: Floats
    volatility: Floats
    """Standard deviation of the last 60 daily returns, known at each close; makes rewards comparable among assets."""
    cost: float
    """Cost of a trade as a fraction of the amount traded, on each side."""
    bars_per_year: int
    traded_value: Floats | None = None
    """Mean of close times volume over the last 20 bars, known at each close; NaN where a volume is unknown."""

    def __post_init__(self) -> None:
        bars = len(self.dates)
        for name in ("states", "before", "after", "fill_price", "volatility"):
            values = getattr(self, name)
            if len(values) != bars:
                raise DataError(f"{self.symbol} has {bars} days, but {len(values)} rows of {name}")
            sound = np.isfinite(values) & ((values > 0) | (name == "states"))
            if not sound.all():
                day = self.dates[int(np.argmin(sound.reshape(bars, -1).all(axis=1)))]
                raise DataError(
                    f"{self.symbol}: {name} of {day} is not a {'' if name == 'states' else 'positive '}number",
                    hint="leave the bar out of the prices, or mend it",
                )

    def __len__(self) -> int:
        return len(self.dates)

    def rows(self, start: np.datetime64 | None, stop: np.datetime64 | None) -> tuple[int, int]:
        """Return the first row dated `start` or later and the first row dated `stop` or later.

        Raises
        ------
        DataError
            Fewer than two bars lie between them.
        """
        first = 0 if start is None else int(np.searchsorted(self.dates, start))
        last = len(self.dates) if stop is None else int(np.searchsorted(self.dates, stop))
        if last - first < 2:
            raise DataError(
                f"{self.symbol} has {max(last - first, 0)} bars with a complete state between {start} and {stop}",
                hint="move the windows or choose an asset with a longer history",
            )
        return first, last


def fill_growth(series: AssetSeries, fill: Fill) -> tuple[Floats, Floats, Floats]:
    """Split each bar's growth at the price at which the previous close's decision is filled.

    Parameters
    ----------
    series
        Bars of one asset.
    fill
        ``next_open``, or ``next_close``; a bar without an open is filled at its close.

    Returns
    -------
    before, after, price
        (n,) each: fill over previous close, close over fill, and the fill price.
    """
    price = fill_prices(series, fill)
    previous = np.concatenate([price[:1], series.close[:-1]])
    return price / previous, series.close / price, price


def build_episode_data(
    panel: PricePanel,
    context: MarketContext,
    votes: VotePanel | None,
    symbol: str,
    *,
    fill: Fill = "next_open",
    cost_bps: float = 5.0,
    crypto_cost_bps: float = 20.0,
) -> EpisodeData:
    """Compute the state rows of one asset, and the growth and the cost of its trades.

    Parameters
    ----------
    panel, context
        Prices, and the market features computed from them.
    votes
        The library's votes; None blanks them.
    symbol
        Asset with opens, highs and lows.

    Raises
    ------
    DataError
        The asset is unknown, has closes only, or has too short a history for one complete state.
    """
    series = panel.series(symbol)
    columns = None if votes is None else votes.for_asset(symbol, series.dates)
    states = state_matrix(series, context, columns)
    complete = np.atleast_1d(np.isfinite(states).all(axis=1))
    if not complete.any():
        raise DataError(f"{symbol} has too short a history for a state vector ({len(series)} bars)")
    first = int(np.argmax(complete))
    if not complete[first:].all():
        raise DataError(f"{symbol} has an incomplete state after {series.dates[first]}")
    before, after, price = fill_growth(series, fill)
    before[first] = 1.0
    return EpisodeData(
        symbol=symbol,
        dates=series.dates[first:],
        states=states[first:],
        before=before[first:],
        after=after[first:],
        fill_price=price[first:],
        volatility=_volatility(series.close)[first:],
        cost=(crypto_cost_bps if series.crypto else cost_bps) / 10_000,
        bars_per_year=series.bars_per_year,
        traded_value=traded_value(series)[first:],
    )


def traded_value(series: AssetSeries) -> Floats:
    """Return the trailing mean of the value that is traded in a bar; NaN until there are enough bars with a volume."""
    traded = series.close * series.volume
    means = np.full(len(traded), np.nan)
    if len(traded) >= _VOLUME_WINDOW:
        means[_VOLUME_WINDOW - 1 :] = sliding_window_view(traded, _VOLUME_WINDOW).mean(axis=1)
    return means


def _volatility(close: Floats) -> Floats:
    """Return the trailing standard deviation of daily returns; early bars use the returns that there are."""
    returns = np.concatenate([[0.0], close[1:] / close[:-1] - 1.0])
    total, square = np.cumsum(returns), np.cumsum(returns**2)
    n = np.minimum(np.arange(1, len(close) + 1), _VOLATILITY_WINDOW)
    lagged = np.arange(len(close)) - n
    window_total = total - np.where(lagged >= 0, total[lagged], 0.0)
    window_square = square - np.where(lagged >= 0, square[lagged], 0.0)
    variance = np.maximum(window_square / n - (window_total / n) ** 2, 0.0)
    # A floor of one basis point keeps rewards finite on a price that does not move.
    return np.maximum(np.sqrt(variance), 1e-4)
