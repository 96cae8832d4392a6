"""Prices: the panel, where it comes from, calendars and regimes."""

from rlpretrain.market.calendars import calendar_days, exchange_sessions, is_crypto
from rlpretrain.market.panel import AssetSeries, Dates, Floats, PricePanel
from rlpretrain.market.provider import (
    FilesProvider,
    GeneratedProvider,
    load_market,
    market_symbols,
    parse_provider,
)
from rlpretrain.market.regimes import REGIMES, RegimeMethod, classify_regime

__all__ = [
    "REGIMES",
    "AssetSeries",
    "Dates",
    "FilesProvider",
    "Floats",
    "GeneratedProvider",
    "PricePanel",
    "RegimeMethod",
    "calendar_days",
    "classify_regime",
    "exchange_sessions",
    "is_crypto",
    "load_market",
    "market_symbols",
    "parse_provider",
]
