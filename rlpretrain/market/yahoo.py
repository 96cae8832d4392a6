"""Daily bars from Yahoo Finance, through yfinance, which keeps up with changes of that service.

Yahoo's terms allow personal and research use. How far its closes differ from other vendors' was not measured; what is
known of such differences is in docs/symphonies.md. Its crypto days end at midnight UTC, not at New York's close.
"""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd

from rlpretrain.errors import DataError, SettingsError
from rlpretrain.market.calendars import is_crypto
from rlpretrain.market.files.adjustment import adjust
from rlpretrain.market.panel import AssetSeries

__all__ = ["series_from_frame", "yahoo_series"]

_COLUMNS = {
    "open": "Open",
    "high": "High",
    "low": "Low",
    "close": "Close",
    "adj_close": "Adj Close",
    "volume": "Volume",
    "split": "Stock Splits",
}


def yahoo_series(symbol: str) -> AssetSeries:
    """Fetch all daily bars of a ticker, adjusted for splits and dividends, and its closes as they were quoted.

    Raises
    ------
    SettingsError
        yfinance is not installed.
    DataError
        Yahoo does not know the ticker, or does not answer.
    """
    try:
        import yfinance
    except ImportError:
        raise SettingsError(
            "prices from Yahoo need yfinance", hint="pip install 'rlpretrain[yahoo]'"
        ) from None
    # Every failure is reported with its ticker below; yfinance's own log lines would only repeat it.
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    yfinance.config.debug.hide_exceptions = False
    try:
        frame = yfinance.Ticker(symbol).history(period="max", interval="1d", auto_adjust=False, actions=True)
    # yfinance raises its own errors, curl's and plain exceptions; none of them may stop the other tickers.
    except Exception as error:
        raise DataError(f"{symbol}: Yahoo has no prices: {type(error).__name__}: {error}") from None
    return series_from_frame(symbol, frame)


def series_from_frame(symbol: str, frame: pd.DataFrame) -> AssetSeries:
    """Read yfinance's table: one row for each day, indexed by the day's beginning on the exchange.

    Yahoo's open, high, low and close are adjusted for splits, and its adjusted close for dividends too. Days without
    a close are dropped; if a day appears twice, as the current one may, the last row counts. A zero volume with a
    price, as on days without a trade, is kept.

    Raises
    ------
    DataError
        No day has a close.
    """
    index = pd.DatetimeIndex(frame.index)
    days = index.tz_localize(None) if index.tz is not None else index
    frame = frame.set_axis(days.normalize(), axis=0)
    frame = frame[~frame.index.duplicated(keep="last")].sort_index()
    dates = frame.index.to_numpy().astype("datetime64[D]")
    read = {name: np.asarray(frame[column], np.float64) for name, column in _COLUMNS.items()}
    values = adjust(f"Yahoo's {symbol}", _COLUMNS, read, np.zeros(len(dates), dtype=np.intp), dates)
    known = np.isfinite(values["close"])
    if not known.any():
        raise DataError(f"{symbol}: Yahoo has no prices")
    return AssetSeries(symbol=symbol, crypto=is_crypto(symbol), dates=dates, **values).take(known)
