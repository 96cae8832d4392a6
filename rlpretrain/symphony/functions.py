"""Composer's functions of a price series.

Every function takes adjusted closes (n,), all finite and positive, and returns a float64 array (n,) that is NaN
until enough days are known; the value at row t uses rows up to t only. Windows are trading days. Sums are
computed afresh for each window, from its oldest value to its newest, rather than updated from day to day: equal
windows then give bitwise equal values wherever they are, so that ties are ties, and no rounding error accumulates.
The loops add the k-th value of all windows before the next, which a processor does for several days at once.
"""

from __future__ import annotations

import numpy as np

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.compiled import compiled

__all__ = [
    "convergence",
    "convergence_signal",
    "cumulative_return",
    "current_price",
    "exponential_moving_average",
    "lower_band",
    "max_drawdown",
    "moving_average_price",
    "moving_average_return",
    "oscillator",
    "oscillator_signal",
    "relative_strength_index",
    "standard_deviation_price",
    "standard_deviation_return",
    "upper_band",
]


def current_price(close: Floats) -> Floats:
    """Return the closes themselves."""
    return close


@compiled
def cumulative_return(close: Floats, window: int) -> Floats:
    """Compute P[t] / P[t-N] - 1, percent."""
    out = np.full(len(close), np.nan)
    for t in range(window, len(close)):
        out[t] = 100.0 * (close[t] / close[t - window] - 1.0)
    return out


@compiled
def _window_sums(values: Floats, window: int) -> Floats:
    """Return the sums of all windows, from that of the first N values on."""
    out = np.zeros(max(0, len(values) - window + 1))
    for k in range(window):
        for t in range(len(out)):
            out[t] += values[t + k]
    return out


@compiled
def _window_deviations(values: Floats, window: int, ddof: int) -> Floats:
    """Return the standard deviations of all windows, from that of the first N values on."""
    means = _window_sums(values, window) / window
    squares = np.zeros(len(means))
    for k in range(window):
        for t in range(len(means)):
            squares[t] += (values[t + k] - means[t]) ** 2
    return np.sqrt(squares / (window - ddof))


@compiled
def _daily_returns(close: Floats) -> Floats:
    return close[1:] / close[:-1] - 1.0


@compiled
def moving_average_price(close: Floats, window: int) -> Floats:
    """Compute the mean of the last N closes."""
    out = np.full(len(close), np.nan)
    out[window - 1 :] = _window_sums(close, window) / window
    return out


@compiled
def exponential_moving_average(values: Floats, window: int) -> Floats:
    """Compute the recursive mean, alpha = 2 / (N + 1), started at the mean of the first N values after leading NaN."""
    out = np.full(len(values), np.nan)
    start = 0
    while start < len(values) and np.isnan(values[start]):
        start += 1
    if start + window > len(values):
        return out
    total = 0.0
    for i in range(start, start + window):
        total += values[i]
    average = total / window
    out[start + window - 1] = average
    alpha = 2.0 / (window + 1.0)
    for t in range(start + window, len(values)):
        average += alpha * (values[t] - average)
        out[t] = average
    return out


@compiled
def moving_average_return(close: Floats, window: int) -> Floats:
    """Compute the mean of the last N daily returns, percent a day."""
    out = np.full(len(close), np.nan)
    out[window:] = 100.0 * _window_sums(_daily_returns(close), window) / window
    return out


@compiled
def standard_deviation_return(close: Floats, window: int) -> Floats:
    """Compute the sample deviation (ddof 1) of the last N daily returns, percent a day, not annualised."""
    out = np.full(len(close), np.nan)
    out[window:] = 100.0 * _window_deviations(_daily_returns(close), window, 1)
    return out


@compiled
def _deviation_of_closes(close: Floats, window: int, ddof: int) -> Floats:
    out = np.full(len(close), np.nan)
    out[window - 1 :] = _window_deviations(close, window, ddof)
    return out


@compiled
def max_drawdown(close: Floats, window: int) -> Floats:
    """Compute the largest fall from a peak within the last N closes, positive percent."""
    out = np.full(len(close), np.nan)
    for t in range(window - 1, len(close)):
        peak = close[t - window + 1]
        worst = 0.0
        for i in range(t - window + 2, t + 1):
            if close[i] > peak:
                peak = close[i]
            else:
                worst = max(worst, 1.0 - close[i] / peak)
        out[t] = 100.0 * worst
    return out


@compiled
def relative_strength_index(close: Floats, window: int) -> Floats:
    """Compute Wilder's index, 0 to 100, recursive over all history, started at the mean of the first N changes.

    A series that never moved gives 0, as in TA-Lib.
    """
    out = np.full(len(close), np.nan)
    if len(close) <= window:
        return out
    gain = 0.0
    loss = 0.0
    for t in range(1, window + 1):
        change = close[t] - close[t - 1]
        gain += max(change, 0.0)
        loss += max(-change, 0.0)
    gain /= window
    loss /= window
    for t in range(window, len(close)):
        if t > window:
            change = close[t] - close[t - 1]
            gain = (gain * (window - 1) + max(change, 0.0)) / window
            loss = (loss * (window - 1) + max(-change, 0.0)) / window
        movement = gain + loss
        out[t] = 100.0 * gain / movement if movement > 0.0 else 0.0
    return out


def standard_deviation_price(close: Floats, window: int) -> Floats:
    """Compute the sample deviation (ddof 1) of the last N closes, in the unit of the price."""
    return _deviation_of_closes(close, window, 1)


def upper_band(close: Floats, window: int, deviations: float) -> Floats:
    """Compute the mean of N closes plus population deviations (Bollinger's own definition, ddof 0)."""
    return moving_average_price(close, window) + deviations * _deviation_of_closes(close, window, 0)


def lower_band(close: Floats, window: int, deviations: float) -> Floats:
    """Compute the mean of N closes minus population deviations."""
    return upper_band(close, window, -deviations)


def convergence(close: Floats, short: int, long: int) -> Floats:
    """Compute MACD, the short minus the long exponential mean, in the unit of the price."""
    return exponential_moving_average(close, short) - exponential_moving_average(close, long)


def convergence_signal(close: Floats, short: int, long: int, smooth: int) -> Floats:
    """Compute the exponential mean of the convergence."""
    return exponential_moving_average(convergence(close, short, long), smooth)


def oscillator(close: Floats, short: int, long: int) -> Floats:
    """Compute the percentage price oscillator: the convergence in percent of the long mean."""
    slow = exponential_moving_average(close, long)
    return 100.0 * (exponential_moving_average(close, short) - slow) / slow


def oscillator_signal(close: Floats, short: int, long: int, smooth: int) -> Floats:
    """Compute the exponential mean of the oscillator."""
    return exponential_moving_average(oscillator(close, short, long), smooth)
