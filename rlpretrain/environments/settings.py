"""Settings of the episodes that agents trade."""

from __future__ import annotations

from rlpretrain.market.settings import MarketSettings, RegimeSettings, TradingSettings
from rlpretrain.patterns.settings import VoteSettings

__all__ = ["EpisodeSettings"]


class EpisodeSettings(MarketSettings, TradingSettings, RegimeSettings, VoteSettings):
    """State of an asset as an agent sees it, and the cost of its trades."""
