"""Settings of the days that agents trade."""

from __future__ import annotations

from rlpretrain.market.settings import MarketSettings, RegimeSettings, TradingSettings
from rlpretrain.patterns.settings import VoteSettings

__all__ = ["EpisodeSettings"]


class EpisodeSettings(MarketSettings, TradingSettings, RegimeSettings, VoteSettings):
    """How an asset's days look to an agent, and what its trades cost."""
