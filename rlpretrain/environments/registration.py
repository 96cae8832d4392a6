"""The trading environment under an id of Gymnasium's.

Importing this module registers the id. Gymnasium imports it itself if its name stands before the id and a colon:
``gymnasium.make("rlpretrain.environments.registration:rlpretrain/Trading-v0")``.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import gymnasium
import numpy as np

from rlpretrain.environments.episode_data import build_episode_data
from rlpretrain.environments.scalar import TradingEnv
from rlpretrain.features import MarketContext, market_context
from rlpretrain.market import PricePanel, load_market
from rlpretrain.patterns import VotePanel
from rlpretrain.patterns.strategies.fills import Fill

__all__ = ["TRADING", "make_trading_env"]

TRADING = "rlpretrain/Trading-v0"
"""Id of the environment."""


def make_trading_env(
    symbol: str = "QQQ",
    *,
    market: str = "generated:",
    votes: Path | str | None = None,
    start: str | None = None,
    end: str | None = None,
    episode_bars: int = 126,
    seed: int = 0,
    fill: Fill = "next_open",
    cost_bps: float = 5.0,
    crypto_cost_bps: float = 20.0,
) -> TradingEnv:
    """Create an environment that trades one asset; these are the arguments of `gymnasium.make` for it.

    Parameters
    ----------
    symbol
        The asset.
    market
        Where prices come from, as in the setting of this name.
    votes
        A run's ``votes.npz``; without it the votes in the state are zero, as with the setting ``votes=off``.
    start, end
        First day of episodes, and the day before which they end, as ``YYYY-MM-DD``; by default all days. An agent that
        is evaluated later must not learn on the later days.
    episode_bars, seed
        See `TradingEnv`.
    fill, cost_bps, crypto_cost_bps
        When decisions are filled, and the costs of a trade, as in the settings of these names.

    Raises
    ------
    DataError
        The asset is unknown or has too few days for an episode, or a price or state is missing.
    """
    panel, context = _market(market)
    data = build_episode_data(
        panel,
        context,
        None if votes is None else VotePanel.load(Path(votes)),
        symbol,
        fill=fill,
        cost_bps=cost_bps,
        crypto_cost_bps=crypto_cost_bps,
    )
    days = (None if day is None else np.datetime64(day, "D") for day in (start, end))
    return TradingEnv(data, data.rows(*days), episode_bars=episode_bars, seed=seed)


@lru_cache(maxsize=1)
def _market(name: str) -> tuple[PricePanel, MarketContext]:
    """Load a market once for all environments of a vectorised one."""
    panel = load_market(name)
    return panel, market_context(panel)


if TRADING not in gymnasium.registry:
    gymnasium.register(TRADING, entry_point="rlpretrain.environments.registration:make_trading_env")
