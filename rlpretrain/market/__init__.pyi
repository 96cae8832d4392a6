from .calendars import calendar_days, exchange_sessions, first_close_after, is_crypto
from .panel import AssetSeries, Dates, Floats, PricePanel
from .provider import (
    FilesProvider,
    GeneratedProvider,
    load_market,
    market_symbols,
    parse_provider,
)
from .regimes import REGIMES, RegimeMethod, classify_regime

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
    "first_close_after",
    "is_crypto",
    "load_market",
    "market_symbols",
    "parse_provider",
]
