"""Assets' days for training and validation, from the same panel, votes and state function as the patterns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlpretrain.environments.episode_data import EpisodeData, build_episode_data
from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.errors import DataError
from rlpretrain.features import market_context
from rlpretrain.market import PricePanel
from rlpretrain.patterns import VotePanel

__all__ = ["EPISODE_BARS", "NUM_ENVS", "load_episodes", "training_window"]

NUM_ENVS = 32
"""Episodes that an agent's environment steps at once."""
EPISODE_BARS = 126
"""Bars of a training episode: half a year of sessions."""


def load_episodes(
    panel: PricePanel, votes: VotePanel, symbols: Sequence[str], settings: EpisodeSettings
) -> list[EpisodeData]:
    """Compute the days of some assets; the votes are blank where the settings turn them off.

    Raises
    ------
    DataError
        An asset is unknown, has closes only or too short a history.
    """
    market = market_context(panel, settings.regimes)
    return [
        build_episode_data(
            panel,
            market,
            votes if settings.votes else None,
            symbol,
            fill=settings.fill,
            cost_bps=settings.cost_bps,
            crypto_cost_bps=settings.crypto_cost_bps,
        )
        for symbol in symbols
    ]


def training_window(data: EpisodeData, validation_start: np.datetime64) -> tuple[int, int]:
    """Return the rows on which agents learn: those before the validation window.

    Raises
    ------
    DataError
        They are too few for one episode.
    """
    start, stop = data.rows(None, validation_start)
    if stop - start <= EPISODE_BARS + 1:
        raise DataError(
            f"{data.symbol} has {stop - start} bars with a complete state before {validation_start}; an episode needs "
            f"{EPISODE_BARS + 2}",
            hint="choose an asset with a longer history, or a later validation_start",
        )
    return start, stop
