"""The market's regime, classified from a benchmark's closes to date."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlpretrain.market.panel import AssetSeries

__all__ = ["REGIMES", "RegimeMethod", "classify_regime"]

REGIMES = ("bull", "bear", "sideways", "volatile")
RegimeMethod = Literal["rules", "markov"]

_TREND_DAYS = 200
"""The slow average, which is usually called the long-term trend."""
_MOMENTUM_DAYS = 63
"""A quarter; the direction over it must agree with the side of the average."""
_VOLATILITY_DAYS = 20
_NORMAL_DAYS = 504
"""Two years of past volatility define what is normal for this asset."""
_HIGH = 1.3
"""Volatility over its trailing median that makes a mixed trend volatile."""
_EXTREME = 2.0
"""Volatility over its trailing median at which even a rising market counts as volatile."""


def classify_regime(benchmark: AssetSeries, method: RegimeMethod = "rules") -> NDArray[np.str_]:
    """Name the regime at each close, (n,): 'bull', 'bear', 'sideways' or 'volatile'.

    By *rules*, with the close's side of its 200-day average, the sign of the 63-day return, and the 20-day
    volatility over the median of its last 504 values (at least 60):

    - *bull*: above the average and risen, volatility ratio under 2;
    - *bear*: below the average and fallen;
    - *volatile*: risen but ratio 2 or more, or a mixed trend with ratio 1.3 or more;
    - *sideways*: a mixed trend and a lower ratio; also the first 199 days, when there is no average yet.

    Thresholds are in days and ratios of the asset's own volatility, so one rule serves any benchmark. By
    *markov*, with a hidden Markov model; see `rlpretrain.market.markov_regimes`. Either way a day's regime depends
    only on closes up to and including that day.
    """
    if method == "markov":
        from rlpretrain.market.markov_regimes import (
            markov_regimes,
        )  # It compiles code, which the rules need not wait for.

        return markov_regimes(benchmark)
    return _by_rules(benchmark)


def _by_rules(benchmark: AssetSeries) -> NDArray[np.str_]:
    close = pd.Series(benchmark.close)
    returns = pd.Series(np.log(benchmark.close)).diff()
    average = close.rolling(_TREND_DAYS).mean()
    momentum = close / close.shift(_MOMENTUM_DAYS) - 1
    volatility = returns.rolling(_VOLATILITY_DAYS).std()
    ratio = (volatility / volatility.rolling(_NORMAL_DAYS, min_periods=60).median()).to_numpy()
    up = ((close > average) & (momentum > 0)).to_numpy()
    down = ((close < average) & (momentum < 0)).to_numpy()
    mixed = ~up & ~down
    regime = np.full(len(close), "sideways", dtype="<U8")
    regime[up] = "bull"
    regime[down] = "bear"
    regime[(up & (ratio >= _EXTREME)) | (mixed & (ratio >= _HIGH))] = "volatile"
    regime[: _TREND_DAYS - 1] = "sideways"
    return regime
