"""Composer's functions of a price series.

Every function takes adjusted closes (n,), all finite and positive, and gives a float64 array (n,) that is NaN
until enough days are known; the value at row t uses rows up to t only. Windows are trading days. Sums run
over each window afresh rather than being updated from day to day: equal windows then give bit-equal values
wherever they stand, so that ties are ties, and no rounding error is carried along.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from rlpretrain.market.panel import Floats
from rlpretrain.symphony.compiled import compiled
from rlpretrain.symphony.nodes import Indicator

__all__ = ["PARAMETERS", "PRICE_LEVELS", "SHORTEST_WINDOW", "apply_indicator"]


@compiled
def cumulative_return(close: Floats, window: int) -> Floats:
    """P[t] / P[t-N] - 1, percent."""
    out = np.full(len(close), np.nan)
    for t in range(window, len(close)):
        out[t] = 100.0 * (close[t] / close[t - window] - 1.0)
    return out


@compiled
def moving_average_price(close: Floats, window: int) -> Floats:
    """Mean of the last N closes."""
    out = np.full(len(close), np.nan)
    for t in range(window - 1, len(close)):
        total = 0.0
        for i in range(t - window + 1, t + 1):
            total += close[i]
        out[t] = total / window
    return out


@compiled
def exponential_moving_average(values: Floats, window: int) -> Floats:
    """Recursive mean, alpha = 2 / (N + 1), started at the mean of the first N values after leading NaN."""
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
    """Mean of the last N daily returns, percent a day."""
    out = np.full(len(close), np.nan)
    for t in range(window, len(close)):
        total = 0.0
        for i in range(t - window + 1, t + 1):
            total += close[i] / close[i - 1] - 1.0
        out[t] = 100.0 * total / window
    return out


@compiled
def standard_deviation_return(close: Floats, window: int) -> Floats:
    """Sample deviation (ddof 1) of the last N daily returns, percent a day, not annualised."""
    out = np.full(len(close), np.nan)
    for t in range(window, len(close)):
        total = 0.0
        for i in range(t - window + 1, t + 1):
            total += close[i] / close[i - 1] - 1.0
        mean = total / window
        squares = 0.0
        for i in range(t - window + 1, t + 1):
            squares += (close[i] / close[i - 1] - 1.0 - mean) ** 2
        out[t] = 100.0 * np.sqrt(squares / (window - 1))
    return out


@compiled
def standard_deviation_price(close: Floats, window: int, ddof: int) -> Floats:
    """Deviation of the last N closes, in the unit of the price."""
    out = np.full(len(close), np.nan)
    for t in range(window - 1, len(close)):
        total = 0.0
        for i in range(t - window + 1, t + 1):
            total += close[i]
        mean = total / window
        squares = 0.0
        for i in range(t - window + 1, t + 1):
            squares += (close[i] - mean) ** 2
        out[t] = np.sqrt(squares / (window - ddof))
    return out


@compiled
def max_drawdown(close: Floats, window: int) -> Floats:
    """Largest fall from a peak within the last N closes, positive percent."""
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
    """Wilder's index, 0 to 100, recursive over all history and started at the mean of the first N changes.

    A series that never moved gives 0, as TA-Lib does.
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


def _convergence(close: Floats, short: int, long: int) -> Floats:
    """Moving-average convergence/divergence: short less long exponential mean, in the unit of the price."""
    return exponential_moving_average(close, short) - exponential_moving_average(close, long)


def _oscillator(close: Floats, short: int, long: int) -> Floats:
    """Percentage price oscillator: the convergence in percent of the long mean."""
    slow = exponential_moving_average(close, long)
    return 100.0 * (exponential_moving_average(close, short) - slow) / slow


def _bollinger(close: Floats, window: int, deviations: float) -> Floats:
    """Mean of N closes plus a number of population deviations (Bollinger's own definition, ddof 0)."""
    return moving_average_price(close, window) + deviations * standard_deviation_price(close, window, 0)


_WINDOW = ("window",)
_CROSSING = ("short-window", "long-window")
_SIGNAL = ("short-window", "long-window", "smooth-window")
_BAND = ("window", "standard-deviations")

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "cumulative-return": _WINDOW,
    "current-price": (),
    "exponential-moving-average-price": _WINDOW,
    "lower-bollinger": _BAND,
    "max-drawdown": _WINDOW,
    "moving-average-convergence-divergence": _CROSSING,
    "moving-average-convergence-divergence-signal": _SIGNAL,
    "moving-average-price": _WINDOW,
    "moving-average-return": _WINDOW,
    "percentage-price-oscillator": _CROSSING,
    "percentage-price-oscillator-signal": _SIGNAL,
    "relative-strength-index": _WINDOW,
    "standard-deviation-price": _WINDOW,
    "standard-deviation-return": _WINDOW,
    "upper-bollinger": _BAND,
}
"""Composer's name of each function -> names of its parameters, in the order of `Indicator.parameters`."""

PRICE_LEVELS = frozenset(
    {
        "current-price",
        "exponential-moving-average-price",
        "lower-bollinger",
        "moving-average-convergence-divergence",
        "moving-average-convergence-divergence-signal",
        "moving-average-price",
        "standard-deviation-price",
        "upper-bollinger",
    }
)
"""Functions whose value scales with the price; all others are the same for a price and any multiple of it."""

SHORTEST_WINDOW: Mapping[str, int] = {"standard-deviation-price": 2, "standard-deviation-return": 2}
"""Functions that have no value for a window of one day -> the shortest that has."""

_FUNCTIONS: Mapping[str, Callable[..., Floats]] = {
    "cumulative-return": cumulative_return,
    "current-price": lambda close: close,
    "exponential-moving-average-price": exponential_moving_average,
    "lower-bollinger": lambda close, window, deviations: _bollinger(close, window, -deviations),
    "max-drawdown": max_drawdown,
    "moving-average-convergence-divergence": _convergence,
    "moving-average-convergence-divergence-signal": lambda close, short, long, smooth: (
        exponential_moving_average(_convergence(close, short, long), smooth)
    ),
    "moving-average-price": moving_average_price,
    "moving-average-return": moving_average_return,
    "percentage-price-oscillator": _oscillator,
    "percentage-price-oscillator-signal": lambda close, short, long, smooth: exponential_moving_average(
        _oscillator(close, short, long), smooth
    ),
    "relative-strength-index": relative_strength_index,
    "standard-deviation-price": lambda close, window: standard_deviation_price(close, window, 1),
    "standard-deviation-return": standard_deviation_return,
    "upper-bollinger": _bollinger,
}


def apply_indicator(indicator: Indicator, close: Floats) -> Floats:
    """Compute an indicator of a price series.

    Parameters
    ----------
    indicator
        A function of `PARAMETERS` with all its parameters.
    close
        Adjusted closes (n,), finite, positive, without gaps.

    Returns
    -------
    Array (n,), NaN until enough days are known; percent for returns, deviations of returns and drawdowns.
    """
    names = PARAMETERS[indicator.function]
    arguments = [
        value if name == "standard-deviations" else int(value)
        for name, value in zip(names, indicator.parameters, strict=True)
    ]
    return _FUNCTIONS[indicator.function](close, *arguments)
