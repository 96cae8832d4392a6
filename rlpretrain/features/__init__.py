"""The 64-number state vector: what an agent sees at a close."""

from rlpretrain.features.context import SOURCES, MarketContext, market_context
from rlpretrain.features.names import (
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
from rlpretrain.features.state import position_features, state_matrix

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
