"""The 11 numbers of the market around an asset: benchmark, bonds, volatility and regime."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.features import rolling
from rlpretrain.features.asset import daily_volatility, log_ratio, scaled_returns
from rlpretrain.features.names import LIMIT
from rlpretrain.market import REGIMES, Dates, Floats, PricePanel, RegimeMethod, classify_regime

__all__ = ["SOURCES", "MarketContext", "market_context"]

SOURCES: dict[str, tuple[str, ...]] = {
    "benchmark": ("SPY", "VOO", "VTI", "DIA", "QQQ", "IWM"),
    "bonds": ("TLT", "SPTL", "IEF", "AGG", "BND"),
    "volatility": ("VIXY", "VXX", "UVXY", "VIXM"),
}
"""Tickers for each role, best first; the first one in the panel fills it."""


@dataclass(frozen=True)
class MarketContext:
    """The market's block of the state vector, with its dates.

    `values` is (d, 11) at the benchmark's closes `dates`, NaN in the warm-up of 250 sessions. `sources` names
    the ticker behind each role, None where the panel has none; that role's numbers are then zero.
    """

    dates: Dates
    values: Floats
    regimes: NDArray[np.str_]
    """(d,) name of the benchmark's regime, which the last four numbers of `values` encode."""
    sources: dict[str, str | None]

    def at(self, dates: Dates) -> Floats:
        """Return the numbers last known at the close of each day, (n, 11): on a weekend, Friday's.

        They are NaN before the first session, and all zero when there is no benchmark and hence no session.
        """
        if self.sources["benchmark"] is None:
            return np.zeros((len(dates), self.values.shape[1]))
        # Row 0 means "before the first session".
        known = np.vstack((np.full(self.values.shape[1], np.nan), self.values))
        return np.asarray(known[np.searchsorted(self.dates, dates, side="right")])

    def regime_at(self, dates: Dates) -> NDArray[np.str_]:
        """Return the regime last known at the close of each day, (n,); sideways while there is none."""
        known = np.append("sideways", self.regimes)
        return np.asarray(known[np.searchsorted(self.dates, dates, side="right")])


def market_context(panel: PricePanel, regimes: RegimeMethod = "rules") -> MarketContext:
    """Compute the market's block of the state vector from benchmark, bonds and volatility futures.

    Without a benchmark all 11 numbers are zero. Bonds and volatility futures are zero when the panel has
    none, and until they have the history that their number needs, so that they shorten no other asset's history.
    """
    sources = {role: next((s for s in tickers if s in panel), None) for role, tickers in SOURCES.items()}
    if sources["benchmark"] is None:
        return MarketContext(panel.dates[:0], np.zeros((0, 11)), np.array([], dtype=np.str_), sources)
    benchmark = panel.series(sources["benchmark"])
    log_close = np.log(benchmark.close)
    returns = log_close - rolling.lagged(log_close, 1)
    year = daily_volatility(log_close) * np.sqrt(250)
    regime = classify_regime(benchmark, regimes)
    columns = [
        scaled_returns(log_close, 5),
        scaled_returns(log_close, 20),
        (log_close - rolling.mean(log_close, 200)) / (daily_volatility(log_close) * np.sqrt(200)),
        log_ratio(rolling.deviation(returns, 20), rolling.deviation(returns, 250)),
        (log_close - rolling.highest(log_close, 250)) / year,
        _role(panel, sources["bonds"], 20, benchmark.dates),
        _role(panel, sources["volatility"], 10, benchmark.dates),
        *((regime == name).astype(np.float64) for name in REGIMES),
    ]
    values = np.clip(np.column_stack(columns), -LIMIT, LIMIT)
    return MarketContext(benchmark.dates, values, regime, sources)


def _role(panel: PricePanel, symbol: str | None, days: int, dates: Dates) -> Floats:
    """Return the scaled return of a role's asset last known on each of `dates`; zero where unknown."""
    if symbol is None:
        return np.zeros(len(dates))
    series = panel.series(symbol)
    values = np.nan_to_num(scaled_returns(np.log(series.close), days))
    rows = np.searchsorted(series.dates, dates, side="right") - 1
    return np.where(rows >= 0, values[np.maximum(rows, 0)], 0.0)
