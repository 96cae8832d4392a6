"""Composer's functions, one row each, with all that parsing, replay, wording and categories need to know."""

from __future__ import annotations

from rlpretrain.market.panel import Floats
from rlpretrain.symphony import functions
from rlpretrain.symphony.evidence import BAND, DEVIATION, DRAWDOWN, LEVEL, OSCILLATOR, RETURN
from rlpretrain.symphony.indicator_function import (
    ANY_VALUE,
    DOLLARS,
    FROM_TOTAL_LOSS,
    NOT_NEGATIVE,
    PERCENT,
    POINTS,
    UP_TO_HUNDRED,
    IndicatorFunction,
    Number,
    Window,
)
from rlpretrain.symphony.nodes import Indicator
from rlpretrain.table import Table

__all__ = ["INDICATORS", "apply_indicator"]

# Real documents use these names of parameters. The other spellings come from converters written by Composer's
# users, whose output may come back as a document.
_WINDOW = Window("window")
_TWO_DAYS = Window("window", shortest=2)
_SHORT = Window("short-window")
_LONG = Window("long-window")
_SMOOTH = Window("smooth-window", other_spellings=("signal-window",))
_DEVIATIONS = Number("standard-deviations", 0.0, 100.0, other_spellings=("num-std-dev", "std-dev"))

INDICATORS = Table(
    "indicator",
    "rlpretrain.indicators",
    IndicatorFunction,
    (
        IndicatorFunction(
            name="current-price",
            compute=functions.current_price,
            parameters=(),
            words="price of {ticker}",
            unit=DOLLARS,
            bounds=NOT_NEGATIVE,
            evidence=LEVEL,
        ),
        IndicatorFunction(
            name="cumulative-return",
            compute=functions.cumulative_return,
            parameters=(_WINDOW,),
            words="cumulative return of {ticker} over {days}",
            unit=PERCENT,
            bounds=FROM_TOTAL_LOSS,
            evidence=RETURN,
        ),
        IndicatorFunction(
            name="moving-average-price",
            compute=functions.moving_average_price,
            parameters=(_WINDOW,),
            words="SMA({window}) of {ticker}",
            unit=DOLLARS,
            bounds=NOT_NEGATIVE,
            evidence=LEVEL,
        ),
        IndicatorFunction(
            name="exponential-moving-average-price",
            compute=functions.exponential_moving_average,
            parameters=(_WINDOW,),
            words="EMA({window}) of {ticker}",
            unit=DOLLARS,
            bounds=NOT_NEGATIVE,
            evidence=LEVEL,
        ),
        IndicatorFunction(
            name="moving-average-return",
            compute=functions.moving_average_return,
            parameters=(_WINDOW,),
            words="mean daily return of {ticker} over {days}",
            unit=PERCENT,
            bounds=FROM_TOTAL_LOSS,
            evidence=RETURN,
        ),
        IndicatorFunction(
            name="standard-deviation-return",
            compute=functions.standard_deviation_return,
            parameters=(_TWO_DAYS,),
            words="standard deviation of daily returns of {ticker} over {days}",
            unit=PERCENT,
            bounds=NOT_NEGATIVE,
            evidence=DEVIATION,
        ),
        IndicatorFunction(
            name="standard-deviation-price",
            compute=functions.standard_deviation_price,
            parameters=(_TWO_DAYS,),
            words="standard deviation of prices of {ticker} over {days}",
            unit=DOLLARS,
            bounds=NOT_NEGATIVE,
            evidence=DEVIATION,
        ),
        IndicatorFunction(
            name="max-drawdown",
            compute=functions.max_drawdown,
            parameters=(_WINDOW,),
            words="max drawdown of {ticker} over {days}",
            unit=PERCENT,
            bounds=UP_TO_HUNDRED,
            evidence=DRAWDOWN,
        ),
        IndicatorFunction(
            name="relative-strength-index",
            compute=functions.relative_strength_index,
            parameters=(_WINDOW,),
            words="RSI({window}) of {ticker}",
            unit=POINTS,
            bounds=UP_TO_HUNDRED,
            evidence=OSCILLATOR,
        ),
        IndicatorFunction(
            name="moving-average-convergence-divergence",
            compute=functions.convergence,
            parameters=(_SHORT, _LONG),
            words="MACD({short-window}, {long-window}) of {ticker}",
            unit=DOLLARS,
            bounds=ANY_VALUE,
            evidence=LEVEL,
        ),
        IndicatorFunction(
            name="moving-average-convergence-divergence-signal",
            compute=functions.convergence_signal,
            parameters=(_SHORT, _LONG, _SMOOTH),
            words="MACD signal({short-window}, {long-window}, {smooth-window}) of {ticker}",
            unit=DOLLARS,
            bounds=ANY_VALUE,
            evidence=LEVEL,
        ),
        IndicatorFunction(
            name="percentage-price-oscillator",
            compute=functions.oscillator,
            parameters=(_SHORT, _LONG),
            words="PPO({short-window}, {long-window}) of {ticker}",
            unit=PERCENT,
            bounds=FROM_TOTAL_LOSS,
            evidence=LEVEL,
        ),
        IndicatorFunction(
            name="percentage-price-oscillator-signal",
            compute=functions.oscillator_signal,
            parameters=(_SHORT, _LONG, _SMOOTH),
            words="PPO signal({short-window}, {long-window}, {smooth-window}) of {ticker}",
            unit=PERCENT,
            bounds=ANY_VALUE,
            evidence=LEVEL,
        ),
        IndicatorFunction(
            name="upper-bollinger",
            compute=functions.upper_band,
            parameters=(_WINDOW, _DEVIATIONS),
            words="upper Bollinger band({window}, {standard-deviations}) of {ticker}",
            unit=DOLLARS,
            bounds=ANY_VALUE,
            evidence=BAND,
        ),
        IndicatorFunction(
            name="lower-bollinger",
            compute=functions.lower_band,
            parameters=(_WINDOW, _DEVIATIONS),
            words="lower Bollinger band({window}, {standard-deviations}) of {ticker}",
            unit=DOLLARS,
            bounds=ANY_VALUE,
            evidence=BAND,
        ),
    ),
)
"""Functions by Composer's name."""


def apply_indicator(indicator: Indicator, close: Floats) -> Floats:
    """Compute an indicator of a price series.

    Parameters
    ----------
    indicator
        A function of `INDICATORS` with all its parameters.
    close
        Adjusted closes (n,), finite, positive, without gaps.

    Returns
    -------
    Array (n,), NaN until enough days are known, in the function's unit.
    """
    row = INDICATORS[indicator.function]
    arguments = [
        int(value) if isinstance(parameter, Window) else value
        for parameter, value in zip(row.parameters, indicator.parameters, strict=True)
    ]
    return row.compute(close, *arguments)
