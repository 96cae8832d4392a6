"""Votes moved in time, for a placebo: the same habits at other times, so that they know nothing of the days they meet.

From one week to the next a moved vote changes as the true one did, on all assets at once: how often it changes, how
long it lasts, how certain it is and how assets agree stay as they are. Only its relation to prices is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from rlpretrain.errors import DataError
from rlpretrain.market import Dates
from rlpretrain.patterns.voting.vote_panel import VotePanel

__all__ = ["Move", "move_votes"]

_WEEK = 7
_YEAR = 52
"""Weeks."""


@dataclass(frozen=True)
class Move:
    """By how much votes are moved, and within which days they go round."""

    weeks: int
    first: np.datetime64
    """First day with a vote."""
    until: np.datetime64
    """First day after the days within which votes go round."""

    @classmethod
    def draw(cls, votes: VotePanel, until: np.datetime64, seed: int) -> Self:
        """Draw a move of a year to half the days with votes before `until`; of just half where that is not a year.

        Raises
        ------
        DataError
            There are no two weeks of votes before that day.
        """
        voted = votes.dates[votes.eligible.any(axis=1) & (votes.dates < until)]
        half = int((until - voted[0]).astype(int)) // _WEEK // 2 if len(voted) else 0
        if half == 0:
            raise DataError(f"there are no two weeks of votes before {until}", hint="move validation_start")
        rng = np.random.default_rng([seed, 8])
        return cls(int(rng.integers(_YEAR, half + 1)) if half > _YEAR else half, voted[0], until)

    @property
    def share(self) -> float:
        """The move as a share of the days within which votes go round, in (0, 1/2]."""
        return self.weeks / int((self.until - self.first).astype(int) // _WEEK)

    def sources(self, dates: Dates) -> Dates:
        """Return the day whose votes each date gets, (n,).

        It lies `weeks` before the date, so no vote comes from a later day than it would otherwise. Only the first days
        with votes get those of the last weeks before `until`: votes go round, in whole weeks.
        """
        source = dates - np.timedelta64(self.weeks * _WEEK, "D")
        span = int((self.until - self.first).astype(int)) // _WEEK * _WEEK
        wraps = (dates >= self.first) & (source < self.first)
        return np.where(wraps, source + np.timedelta64(span, "D"), source)


def move_votes(votes: VotePanel, move: Move, assets: Sequence[str]) -> VotePanel:
    """Return the votes on some assets moved in time; assets that the panel does not have are left out."""
    known = [asset for asset in assets if votes.column(asset) is not None]
    columns = [votes.assets.index(asset) for asset in known]
    rows = np.searchsorted(votes.dates, move.sources(votes.dates), side="right") - 1
    moved = {}
    for field in fields(VotePanel)[2:]:
        column = getattr(votes, field.name)[:, columns][np.maximum(rows, 0)]
        column[rows < 0] = 0
        moved[field.name] = column
    return replace(votes, assets=tuple(known), **moved)
