"""The state vector's layout: names, order, meaning and unit of its 64 numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rlpretrain.features.views import VIEWS

__all__ = [
    "ASSET",
    "FEATURES",
    "LIMIT",
    "MARKET",
    "POSITION",
    "STATE_DIM",
    "STATE_NAMES",
    "STATE_VERSION",
    "VOTES",
    "Feature",
]

STATE_VERSION = "2"
"""Version of the layout; it changes whenever a number changes its place or meaning, and models record it."""

LIMIT = 5.0
"""Every number lies in [-LIMIT, LIMIT]."""

Block = Literal["asset", "market", "votes", "position"]


@dataclass(frozen=True)
class Feature:
    """One number of the state vector."""

    name: str
    description: str
    unit: str
    block: Block


_SIGMA = "deviations"
"""Over the 60-day standard deviation of daily log returns, times the square root of the horizon in bars."""

_ASSET = (
    *((f"return_{n}", f"Log return over {n} bars", _SIGMA) for n in (1, 2, 3, 5, 10, 20, 60, 120, 250)),
    ("gap", "Log move from the previous close to the open", _SIGMA),
    ("body", "Log move from the open to the close", _SIGMA),
    ("close_location", "Where the close lies between the day's low (-1) and high (+1)", "-1..1"),
    ("range", "Log high over low, over its mean of 20 bars", "log ratio"),
    *((f"average_{n}", f"Log close minus its mean of {n} bars", _SIGMA) for n in (10, 20, 50, 200)),
    ("average_50_200", "Mean log close of 50 bars minus that of 200", _SIGMA),
    ("rsi_2", "Wilder's relative strength index of 2 bars, (RSI - 50) / 25", "-2..2"),
    ("adx_14", "Average directional index of 14 bars, (ADX - 25) / 25", "-1..3"),
    (
        "directional_14",
        "Difference between the plus and minus directional indicators of 14 bars, / 25",
        "-4..4",
    ),
    (
        "macd_histogram",
        "MACD (12, 26) minus its signal (9), over the average true range of 14 bars",
        "ranges",
    ),
    ("williams_14", "Williams %R of 14 bars, scaled to -1 (lowest) .. +1 (highest)", "-1..1"),
    (
        "bollinger_20",
        "Log close minus its mean of 20 bars, in standard deviations",
        "deviations",
    ),
    ("bandwidth", "Bollinger's bandwidth of 20 bars over its mean of 120 bars", "log ratio"),
    ("money_flow_14", "Money flow index of 14 bars, (MFI - 50) / 25", "-2..2"),
    ("aroon_25", "Aroon oscillator of 25 bars, / 50", "-2..2"),
    (
        "above_high_20",
        "Close minus the highest high of the 20 bars before, in average true ranges, / 3",
        "ranges / 3",
    ),
    (
        "above_low_20",
        "Close minus the lowest low of the 20 bars before, in average true ranges, / 3",
        "ranges / 3",
    ),
    (
        "position_55",
        "Where the close lies between the lowest (-1) and highest (+1) close of 55 bars",
        "-1..1",
    ),
    (
        "position_250",
        "Where the close lies between the lowest (-1) and highest (+1) close of 250 bars",
        "-1..1",
    ),
    ("drawdown_250", "Log close over the highest close of 250 bars", _SIGMA),
    ("volatility_5_20", "Standard deviation of log returns of 5 bars over that of 20", "log ratio"),
    ("volatility_20_250", "Standard deviation of log returns of 20 bars over that of 250", "log ratio"),
    ("volatility", "Annualised standard deviation of log returns of 20 bars, over 20 %", "log ratio"),
    (
        "range_volatility",
        "Parkinson's volatility from highs and lows of 20 bars over that of closes",
        "log ratio",
    ),
    ("skewness_60", "Skewness of log returns of 60 bars", "number"),
    ("autocorrelation_60", "Correlation of successive log returns of 60 bars, times 4", "-4..4"),
    ("streak", "Closes in a row in one direction, negative when falling, / 3", "bars / 3"),
    ("volume_20", "Log volume minus its mean of 20 bars, in standard deviations", "deviations"),
    ("volume_5_60", "Mean log volume of 5 bars minus that of 60", "log ratio"),
)

_MARKET = (
    ("market_return_5", "Benchmark: log return over 5 sessions", _SIGMA),
    ("market_return_20", "Benchmark: log return over 20 sessions", _SIGMA),
    ("market_average_200", "Benchmark: log close minus its mean of 200 sessions", _SIGMA),
    ("market_volatility", "Benchmark: volatility of 20 sessions over that of 250", "log ratio"),
    ("market_drawdown", "Benchmark: log close over the highest of 250 sessions", _SIGMA),
    ("bond_return_20", "Long bonds: log return over 20 sessions", _SIGMA),
    ("fear_return_10", "Volatility futures: log return over 10 sessions", _SIGMA),
    *((f"regime_{name}", f"1 when the benchmark's regime is {name}", "0 or 1") for name in
      ("bull", "bear", "sideways", "volatile")),
)  # fmt: skip

_VOTES = tuple((f"votes_{view.name}", view.description, view.unit) for view in VIEWS)

_POSITION = (
    ("in_position", "1 when the asset is held", "0 or 1"),
    ("unrealised_return", "Return since the entry, in steps of 10 %", "tenths"),
    ("days_held", "Bars since the entry, in steps of 20", "bars / 20"),
)

_BLOCKS: tuple[tuple[Block, tuple[tuple[str, str, str], ...]], ...] = (
    ("asset", _ASSET),
    ("market", _MARKET),
    ("votes", _VOTES),
    ("position", _POSITION),
)

FEATURES: tuple[Feature, ...] = tuple(
    Feature(name, description, unit, block) for block, rows in _BLOCKS for name, description, unit in rows
)
"""All numbers in the state vector's order."""

STATE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
STATE_DIM = len(STATE_NAMES)


def _place(block: Block) -> slice:
    places = [place for place, feature in enumerate(FEATURES) if feature.block == block]
    return slice(places[0], places[-1] + 1)


ASSET = _place("asset")
"""Positions of the numbers from the asset's own bars."""
MARKET = _place("market")
"""Positions of the numbers from the market around it."""
VOTES = _place("votes")
"""Positions of the library's votes."""
POSITION = _place("position")
"""Positions of the numbers about the trader's position."""
