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
from .state import position_features, state_matrix, unrealised_feature
from .views import VIEW_NAMES, VIEWS, View, VoteFigures, trailing_score

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
    "VIEWS",
    "VIEW_NAMES",
    "VOTES",
    "Feature",
    "MarketContext",
    "View",
    "VoteFigures",
    "market_context",
    "position_features",
    "state_matrix",
    "trailing_score",
    "unrealised_feature",
]
