"""Panels of calm prices into which the tests put one fault each."""

import datetime as dt
from dataclasses import replace

import numpy as np

from rlpretrain.market import PricePanel, exchange_sessions, is_crypto
from rlpretrain.market.calendars import calendar_days
from rlpretrain.market.findings import PriceFinding
from rlpretrain.market.quality import check_prices

PRICES = ("open", "high", "low", "close")


def calm(*symbols: str, days: int = 300, seed: int = 0, typical: float = 0.01) -> PricePanel:
    """Bars of a random walk with ranges: those of equities on sessions from 2015 on, those of crypto on every day."""
    crypto = np.array([is_crypto(symbol) for symbol in symbols])
    first = dt.date(2015, 1, 2)
    dates = calendar_days(first, first + dt.timedelta(days=days - 1)) if crypto.any() else None
    sessions = exchange_sessions(first, first + dt.timedelta(days=2 * days))
    dates = sessions[:days] if dates is None else dates
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, typical, (len(dates), len(symbols))), axis=0))
    opened = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0, typical / 4, close.shape))
    high, low = np.fmax(opened, close) * (1 + typical / 4), np.fmin(opened, close) * (1 - typical / 4)
    arrays = {"open": opened, "high": high, "low": low, "close": close, "volume": np.full_like(close, 1e6)}
    for array in arrays.values():
        array[np.ix_(~np.isin(dates, sessions), ~crypto)] = np.nan
    return PricePanel(symbols=symbols, dates=dates, crypto=crypto, source="test", **arrays)


def closes_alone(panel: PricePanel) -> PricePanel:
    blank = np.full_like(panel.close, np.nan)
    return replace(panel, open=blank, high=blank, low=blank, volume=blank)


def split(panel: PricePanel, row: int, ratio: float, column: int = 0) -> PricePanel:
    """The panel as it is if a split of one asset at a row is not adjusted for."""
    arrays = {name: getattr(panel, name).copy() for name in PRICES}
    for array in arrays.values():
        array[row:, column] /= ratio
    return replace(panel, **arrays)


def altered(panel: PricePanel, row: int, column: int = 0, **values: float) -> PricePanel:
    """The panel with some values of one bar replaced."""
    arrays = {name: getattr(panel, name).copy() for name in values}
    for name, value in values.items():
        arrays[name][row, column] = value
    return replace(panel, **arrays)


def found(panel: PricePanel, *trust: str) -> list[PriceFinding]:
    return list(check_prices(panel, trust).findings)


def rules(panel: PricePanel) -> set[tuple[str, str]]:
    """Ticker and rule of each finding."""
    return {(finding.ticker, finding.rule) for finding in found(panel)}
