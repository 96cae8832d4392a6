from .context import SOURCES, MarketContext, market_context
from .names import (
    ASSET,
    FEATURES,
    LIMIT,
    MARKET,
    POSITION,
    STATE_DIM,
    STATE_NAMES,
    STATE_VERSION,
    VOTES,
    Feature,
)
from .state import position_features, state_matrix

__all__ = [
    "ASSET",
    "FEATURES",
    "LIMIT",
    "MARKET",
    "POSITION",
    "SOURCES",
    "STATE_DIM",
    "STATE_NAMES",
    "STATE_VERSION",
    "VOTES",
    "Feature",
    "MarketContext",
    "market_context",
    "position_features",
    "state_matrix",
]
