"""Settings of the episodes that agents trade."""

from __future__ import annotations

from typing import Literal

from rlpretrain.market.settings import MarketSettings, RegimeSettings, TradingSettings
from rlpretrain.patterns.settings import VoteSettings
from rlpretrain.sections import Section, run_setting

__all__ = ["EpisodeSettings", "Reward", "RewardSettings"]

Reward = Literal["net", "exposure_adjusted"]
"""Whether being in the market pays what the asset usually does, or only the choice of days pays."""


class EpisodeSettings(MarketSettings, TradingSettings, RegimeSettings, VoteSettings):
    """State of an asset as an agent sees it, and the cost of its trades."""


class RewardSettings(Section):
    """What agents are rewarded for while they learn."""

    reward: Reward = run_setting(
        "net",
        "Transfer",
        "What RL rewards: net growth, or net growth less what the asset has usually paid for being held.",
        title="Reward",
        choices={
            "net": "net growth, exposure included",
            "exposure_adjusted": "net growth less the asset's usual growth while it is held",
        },
    )
