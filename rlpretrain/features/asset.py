"""The 41 numbers of the state that come from an asset's own bars at each close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import talib

from rlpretrain.errors import DataError
from rlpretrain.features import rolling
from rlpretrain.features.names import ASSET, LIMIT, STATE_NAMES
from rlpretrain.market import AssetSeries, Floats

__all__ = ["CASH_VOLATILITY", "asset_features", "daily_volatility", "log_ratio", "scaled_returns"]

CASH_VOLATILITY = 0.03
"""Yearly volatility up to which an asset is cash, whose steady interest is no timing."""
_SCALE_DAYS = 60
"""Window of the volatility that returns and distances are measured in."""
_SMALLEST = 1e-6
"""Minimum daily volatility: for an asset that does not move, the divisor is this and not zero."""
_PARKINSON = 1 / (4 * np.log(2))
"""Mean of the squared log range of a Brownian motion is 4 ln 2 times its variance (Parkinson 1980)."""


@dataclass(frozen=True)
class _Bars:
    """Bars without holes, (n,) each."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def _complete(series: AssetSeries) -> _Bars:
    """Fill in what a day with only a close lacks, from that day and the one before."""
    close = series.close
    previous = np.concatenate((close[:1], close[:-1]))
    opening = np.where(np.isfinite(series.open), series.open, previous)
    top, bottom = np.maximum(opening, close), np.minimum(opening, close)
    high = np.fmax(series.high, top)
    low = np.fmin(series.low, bottom)
    known = np.isfinite(series.volume) & (series.volume > 0)
    last = np.maximum.accumulate(np.where(known, np.arange(len(close)), -1))
    volume = np.where(last >= 0, series.volume[np.maximum(last, 0)], 1.0)
    return _Bars(opening, high, low, close, volume)


def daily_volatility(log_close: Floats) -> Floats:
    """Compute the standard deviation of daily log returns over 60 bars, (n,); never zero."""
    returns = log_close - rolling.lagged(log_close, 1)
    return np.maximum(rolling.deviation(returns, _SCALE_DAYS), _SMALLEST)


def scaled_returns(log_close: Floats, days: int) -> Floats:
    """Compute the log return over `days` bars in standard deviations of such a return, (n,)."""
    volatility = daily_volatility(log_close)
    return np.asarray((log_close - rolling.lagged(log_close, days)) / (volatility * np.sqrt(days)))


def log_ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Compute the log of a ratio of volatilities or ranges, either of which may be zero."""
    return np.asarray(np.log(np.maximum(numerator, _SMALLEST) / np.maximum(denominator, _SMALLEST)))


def _between(value: Floats, low: Floats, high: Floats) -> Floats:
    """Map `value` from [low, high] to [-1, 1]; zero when the bounds are equal."""
    width = high - low
    flat = width <= 0
    place = 2 * (value - low) / np.where(flat, 1.0, width) - 1
    return np.where(flat & np.isfinite(place), 0.0, place)


def asset_features(series: AssetSeries) -> Floats:
    """Compute the asset's block of the state vector at each close, (n, 41); NaN in the warm-up of 250 bars.

    Indicators are TA-Lib's. No number depends on the level of prices or volumes; all are clipped to [-5, 5].

    Raises
    ------
    DataError
        The asset has closes only.
    """
    if len(series) == 0:
        return np.zeros((0, ASSET.stop))
    if np.isfinite(series.high).mean() <= 0.9:
        raise DataError(
            f"{series.symbol} has closes only, so it has no state vector",
            hint="add its opens, highs and lows",
        )
    bars = _complete(series)
    columns = {
        **_moves(bars),
        **_trend(bars),
        **_oscillators(bars),
        **_breakout(bars),
        **_risk(bars, series.bars_per_year),
        **_volume(bars),
    }
    features = np.column_stack([columns[name] for name in STATE_NAMES[ASSET]])
    return np.clip(features, -LIMIT, LIMIT)


def _moves(bars: _Bars) -> dict[str, Floats]:
    log_close = np.log(bars.close)
    volatility = daily_volatility(log_close)
    columns = {f"return_{n}": scaled_returns(log_close, n) for n in (1, 2, 3, 5, 10, 20, 60, 120, 250)}
    reach = np.log(bars.high / bars.low)
    return {
        **columns,
        "gap": (np.log(bars.open) - rolling.lagged(log_close, 1)) / volatility,
        "body": np.log(bars.close / bars.open) / volatility,
        "close_location": _between(bars.close, bars.low, bars.high),
        "range": log_ratio(reach, rolling.mean(reach, 20)),
    }


def _trend(bars: _Bars) -> dict[str, Floats]:
    log_close = np.log(bars.close)
    volatility = daily_volatility(log_close)
    mean = {n: rolling.mean(log_close, n) for n in (10, 20, 50, 200)}
    columns = {f"average_{n}": (log_close - mean[n]) / (volatility * np.sqrt(n)) for n in mean}
    return {
        **columns,
        "average_50_200": (mean[50] - mean[200]) / (volatility * np.sqrt(200)),
    }


def _true_range(bars: _Bars) -> Floats:
    """Compute Wilder's average true range of 14 bars, never zero."""
    return np.maximum(talib.ATR(bars.high, bars.low, bars.close, 14), _SMALLEST * bars.close)


def _oscillators(bars: _Bars) -> dict[str, Floats]:
    high, low, close = bars.high, bars.low, bars.close
    log_close = np.log(close)
    spread = np.maximum(rolling.deviation(log_close, 20), _SMALLEST)
    histogram = talib.MACD(close, 12, 26, 9)[2]
    return {
        "rsi_2": (talib.RSI(close, 2) - 50) / 25,
        "adx_14": (talib.ADX(high, low, close, 14) - 25) / 25,
        "directional_14": (talib.PLUS_DI(high, low, close, 14) - talib.MINUS_DI(high, low, close, 14)) / 25,
        "macd_histogram": histogram / _true_range(bars),
        "williams_14": talib.WILLR(high, low, close, 14) / 50 + 1,
        "bollinger_20": (log_close - rolling.mean(log_close, 20)) / spread,
        "bandwidth": log_ratio(spread, rolling.mean(spread, 120)),
        "money_flow_14": (talib.MFI(high, low, close, bars.volume, 14) - 50) / 25,
        "aroon_25": talib.AROONOSC(high, low, 25) / 50,
    }


def _breakout(bars: _Bars) -> dict[str, Floats]:
    true_range = _true_range(bars)
    log_close = np.log(bars.close)
    top = rolling.highest(log_close, 250)
    return {
        "above_high_20": (bars.close - rolling.lagged(rolling.highest(bars.high, 20), 1)) / (3 * true_range),
        "above_low_20": (bars.close - rolling.lagged(rolling.lowest(bars.low, 20), 1)) / (3 * true_range),
        "position_55": _between(log_close, rolling.lowest(log_close, 55), rolling.highest(log_close, 55)),
        "position_250": _between(log_close, rolling.lowest(log_close, 250), top),
        "drawdown_250": (log_close - top) / (daily_volatility(log_close) * np.sqrt(250)),
    }


def _risk(bars: _Bars, bars_per_year: int) -> dict[str, Floats]:
    log_close = np.log(bars.close)
    returns = log_close - rolling.lagged(log_close, 1)
    month = rolling.deviation(returns, 20)
    parkinson = np.sqrt(_PARKINSON * rolling.mean(np.log(bars.high / bars.low) ** 2, 20))
    steps = np.diff(bars.close, prepend=bars.close[:1])
    return {
        "volatility_5_20": log_ratio(rolling.deviation(returns, 5), month),
        "volatility_20_250": log_ratio(month, rolling.deviation(returns, 250)),
        "volatility": np.log(np.maximum(month, _SMALLEST) * np.sqrt(bars_per_year) / 0.2),
        "range_volatility": log_ratio(parkinson, month),
        "skewness_60": _finite(rolling.skewness(returns, 60)),
        "autocorrelation_60": _finite(4 * rolling.correlation(returns, rolling.lagged(returns, 1), 60)),
        "streak": rolling.streak(steps) / 3,
    }


def _volume(bars: _Bars) -> dict[str, Floats]:
    log_volume = np.log(bars.volume)
    spread = rolling.deviation(log_volume, 20)
    return {
        "volume_20": (log_volume - rolling.mean(log_volume, 20)) / np.maximum(spread, 1e-3),
        "volume_5_60": rolling.mean(log_volume, 5) - rolling.mean(log_volume, 60),
    }


def _finite(values: Floats) -> Floats:
    """Set statistics that are undefined on a constant window to zero; keep the warm-up NaN."""
    filled = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    filled[:61] = np.nan
    return filled
