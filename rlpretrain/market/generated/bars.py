"""Daily bars from daily returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlpretrain.market.generated.assets import Asset, Derived
from rlpretrain.market.generated.factors import Returns
from rlpretrain.market.generated.streams import autoregressive, stream
from rlpretrain.market.panel import Floats

__all__ = ["Bars", "asset_bars", "derived_bars"]

_FLOOR = 0.05
"""A derived product never loses more than 95 % in a day."""


@dataclass(frozen=True)
class Bars:
    """Open, high, low and close of one asset on its own clock, with volume; (n,) each."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def since(self, row: int, price: float) -> Bars:
        """Drop the bars before `row` and scale prices so that the first close kept is `price`."""
        scale = price / self.close[row]
        return Bars(
            self.open[row:] * scale,
            self.high[row:] * scale,
            self.low[row:] * scale,
            self.close[row:] * scale,
            self.volume[row:],
        )


def asset_bars(asset: Asset, returns: Returns, seed: int) -> Bars:
    """Draw an asset's bars around its returns.

    The day is a Brownian motion of the day's volatility, conditioned on its end: the open is a point of the
    bridge after the overnight share of the variance, and high and low follow the exact laws of a bridge's
    maximum and minimum, (c + sqrt(c^2 - 2 s^2 log u)) / 2 with c the log move from open to close (Karatzas &
    Shreve 1991, 4.3). An open drawn this way carries no information about the move that follows it.
    """
    days = len(returns.value)
    share = asset.overnight
    bridge = stream(seed, "overnight", asset.symbol).standard_normal(days)
    gap = share * returns.value + np.sqrt(share * (1 - share)) * returns.volatility * bridge
    close = np.cumprod(1 + returns.value)
    previous = np.concatenate(([1.0], close[:-1]))
    opening = previous * np.maximum(1 + gap, 0.5)
    move = np.log(close / opening)
    spread = 2 * (1 - share) * returns.volatility**2
    uniform = 1 - stream(seed, "extremes", asset.symbol).random((days, 2))
    reach = np.sqrt(move[:, None] ** 2 - spread[:, None] * np.log(uniform))
    # Rounding in exp may push an extreme a hair inside the body.
    high = np.maximum(opening * np.exp((move + reach[:, 0]) / 2), np.maximum(opening, close))
    low = np.minimum(opening * np.exp((move - reach[:, 1]) / 2), np.minimum(opening, close))
    return Bars(opening, high, low, np.asarray(close), _volume(asset.symbol, asset.volume, returns, seed))


def derived_bars(product: Derived, base: Bars, returns: Returns, seed: int, *, fee: bool) -> Bars:
    """Compound a multiple of the base's daily moves, each measured from the base's previous close.

    Open, high and low are the multiple of the base's moves to its open, high and low (low and high swap for
    an inverse product); the fee is taken at the close.
    """
    previous = np.concatenate(([base.open[0]], base.close[:-1]))
    factor = {
        name: np.maximum(1 + product.leverage * (getattr(base, name) / previous - 1), _FLOOR)
        for name in ("open", "high", "low", "close")
    }
    close_factor = factor["close"] - (product.fee / 252 if fee else 0.0)
    close = np.cumprod(close_factor)
    start = np.concatenate(([1.0], close[:-1]))
    top, bottom = ("high", "low") if product.leverage > 0 else ("low", "high")
    return Bars(
        open=start * factor["open"],
        high=start * factor[top],
        low=np.minimum(start * factor[bottom], close),
        close=close,
        volume=_volume(product.symbol, product.volume, returns, seed),
    )


def _volume(symbol: str, typical: float, returns: Returns, seed: int) -> Floats:
    """Draw the units traded: more in volatile times and on days of large moves, and persistent over days."""
    days = len(returns.value)
    mood = autoregressive(stream(seed, "volume", symbol).standard_normal(days), 0.85, 0.25)
    typical_volatility = np.sqrt(np.cumsum(returns.volatility**2) / np.arange(1, days + 1))
    level = 0.6 * np.log(returns.volatility / typical_volatility)
    surprise = 0.25 * np.minimum(np.abs(returns.value) / returns.volatility, 6.0)
    return np.asarray(typical * np.exp(mood + level + surprise))
