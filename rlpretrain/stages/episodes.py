"""The assets' days for training and validation: the same panel, votes and state function as the patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rlpretrain.environments import EpisodeData, build_episode_data
from rlpretrain.errors import DataError, StageError
from rlpretrain.features import market_context
from rlpretrain.patterns import VotePanel
from rlpretrain.stages import mining
from rlpretrain.stages.context import StageContext

__all__ = ["EPISODE_BARS", "NUM_ENVS", "load_episodes", "training_window"]

NUM_ENVS = 32
"""Episodes that an agent's environment steps at once."""
EPISODE_BARS = 126
"""Half a year of sessions."""


def load_episodes(
    context: StageContext,
    symbols: Sequence[str],
    *,
    votes: bool | None = None,
    regimes: Literal["rules", "markov"] | None = None,
) -> list[EpisodeData]:
    """Fill the state rows of some assets.

    Parameters
    ----------
    votes, regimes
        In place of the run's settings, for an agent of another run, which learned to see the market by its own.

    Raises
    ------
    StageError
        The market differs from the one that the patterns were mined on.
    DataError
        An asset is unknown, has closes only or too short a history.
    """
    mined = context.run.require(mining.STAGE)
    config, panel = context.config, context.panel
    if panel.digest != mined.details["market"]:
        raise StageError(
            f"the market {config.market} has changed since the patterns were mined", hint="start a new run"
        )
    voting = config.votes if votes is None else votes
    cast = VotePanel.load(context.run / mining.VOTES) if voting else None
    market = market_context(panel, regimes or config.regimes)
    return [
        build_episode_data(
            panel,
            market,
            cast,
            symbol,
            fill=config.fill,
            cost_bps=config.cost_bps,
            crypto_cost_bps=config.crypto_cost_bps,
        )
        for symbol in symbols
    ]


def training_window(context: StageContext, data: EpisodeData) -> tuple[int, int]:
    """Return the rows on which agents learn: those before the validation window.

    Raises
    ------
    DataError
        They can't hold one episode.
    """
    start, stop = data.rows(None, context.windows.validation_start)
    if stop - start <= EPISODE_BARS + 1:
        raise DataError(
            f"{data.symbol} has {stop - start} bars with a complete state before "
            f"{context.windows.validation_start}, an episode needs {EPISODE_BARS + 2}",
            hint="choose an asset with a longer history, or a later validation_start",
        )
    return start, stop
