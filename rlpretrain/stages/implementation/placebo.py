"""The placebo's view of the market: every day as it was, with the library's votes moved in time."""

from __future__ import annotations

from collections.abc import Sequence

from rlpretrain.environments import EpisodeData
from rlpretrain.environments.episodes import load_episodes
from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.market.settings import MarketSettings
from rlpretrain.patterns.voting.moved_votes import Move, move_votes
from rlpretrain.stages.implementation.market import listed_market, mined_windows, votes_of
from rlpretrain.stages.work import Work

__all__ = ["load_placebo_days", "placebo_move"]


def placebo_move(work: Work[MarketSettings]) -> Move:
    """Return by how much the run's placebo has its votes moved, the same in every stage."""
    return Move.draw(votes_of(work), mined_windows(work).validation_start, work.settings.seed)


def load_placebo_days(work: Work[EpisodeSettings], symbols: Sequence[str]) -> list[EpisodeData]:
    """Fill the state rows of some assets as the placebo sees them; the bars are those of `load_days`.

    Raises
    ------
    StageError, DataError
        As for `load_days`.
    """
    moved = move_votes(votes_of(work), placebo_move(work), symbols)
    return load_episodes(listed_market(work), moved, symbols, work.settings)
