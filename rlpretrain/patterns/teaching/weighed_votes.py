"""The views that a teacher weighs up: votes that count by the confidence in them and by the strategies' records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlpretrain.features import trailing_score
from rlpretrain.market import AssetSeries, Floats, PricePanel
from rlpretrain.patterns.voting.confidence import confidence
from rlpretrain.patterns.voting.relatives import pool_votes
from rlpretrain.patterns.voting.tally import Side, Tally
from rlpretrain.patterns.voting.vote_panel import VotePanel

__all__ = ["SEEN", "VOTES", "WeighedVotes"]

VOTES = ("relative", "weighted")
"""Votes on an asset: one for each strategy, and one for each by its record to date."""
SEEN = (*VOTES, *(f"related_{name}" for name in VOTES), "risk_on")
"""Views that a teacher weighs up: votes on the asset, votes on all assets by its exposures to them, and the share of
strategies that take risk by the asset's appetite. Each is in deviations from its trailing year, and more of it means
that the library expects a rise."""
_LARGEST = 3.0
"""Bound on a view, so that no single day counts as much as many others."""


@dataclass(frozen=True)
class WeighedVotes:
    """The votes on all assets, each times the confidence in the side that it is for."""

    votes: VotePanel
    own: dict[str, Floats]
    """Kind of vote -> (T, A) votes on each asset."""
    pooled: dict[str, Floats]
    """Kind of vote -> (T, A) votes on all assets, pooled as in `rlpretrain.features.VIEWS`."""

    @classmethod
    def of(cls, tally: Tally, panel: PricePanel) -> WeighedVotes:
        """Weight the votes: those for a rise by the `confidence` in the holders, the others by that in the others."""
        votes = tally.votes
        for_rise, for_fall = (
            _confidence(side, tally.independence) for side in (tally.supporters, tally.dissenters)
        )
        own = {}
        for name in VOTES:
            vote = votes.view(name).astype(np.float64)
            own[name] = vote * np.where(vote > 0.0, for_rise, for_fall)
        pooled = {
            name: pool_votes(panel, votes.assets, weighed, votes.eligible).pooled
            for name, weighed in own.items()
        }
        return cls(votes, own, pooled)

    def views(self, series: AssetSeries) -> Floats:
        """Return the views of an asset at its closes, (n, 5) in the order of `SEEN`, each within 3 deviations."""
        rows = np.searchsorted(self.votes.dates, series.dates)
        column = self.votes.assets.index(series.symbol)
        views = [own[rows, column] for own in self.own.values()]
        views += [
            trailing_score(pooled[rows, column, None], series.bars_per_year)[:, 0]
            for pooled in self.pooled.values()
        ]
        views.append(self.votes.view("risk_on")[rows, column].astype(np.float64))
        return np.asarray(np.clip(np.stack(views, axis=1), -_LARGEST, _LARGEST), dtype=np.float64)


def _confidence(side: Side, independence: Floats) -> Floats:
    return confidence(
        count=side.count, skill=side.skill, clean=side.clean, firm=side.firm, independence=independence
    )
