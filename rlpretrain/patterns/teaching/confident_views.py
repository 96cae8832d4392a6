"""The views that a teacher weighs up, those on the asset itself by the confidence in the side that they are on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Dates, Floats
from rlpretrain.patterns.voting.confidence import confidence
from rlpretrain.patterns.voting.tally import Side, Tally

__all__ = ["SEEN", "confident_views"]

_OWN = ("relative", "weighted")
"""Votes on the asset itself: whose confidence is known."""
SEEN = (*_OWN, "related", "risk_on")
"""Views that a teacher weighs up; each is in deviations from its trailing year, more means that a rise is expected."""
_LARGEST = 3.0
"""Bound on a view, so that no single day counts as much as many others."""


def confident_views(tally: Tally, symbol: str, dates: Dates) -> Floats:
    """Return the views of an asset at the closes of its bars, (n, 4) in the order of `SEEN`, each within 3 deviations.

    A vote on the asset counts by the `confidence` in the strategies that are for it: the holders where it is positive,
    the others where it is negative. Each strategy's standing enters the weighted vote, and its exposures those on
    related assets.
    """
    votes = tally.votes
    rows, column = np.searchsorted(votes.dates, dates), votes.assets.index(symbol)
    views = np.stack([votes.view(name)[rows, column].astype(np.float64) for name in SEEN], axis=1)
    views = np.clip(views, -_LARGEST, _LARGEST)
    independence = tally.independence[rows, column]
    holders, others = (
        _confidence(side, rows, column, independence) for side in (tally.supporters, tally.dissenters)
    )
    own = slice(0, len(_OWN))
    views[:, own] *= np.where(views[:, own] > 0.0, holders[:, None], others[:, None])
    return views


def _confidence(side: Side, rows: NDArray[np.intp], column: int, independence: Floats) -> Floats:
    return confidence(
        count=side.count[rows, column],
        skill=side.skill[rows, column],
        clean=side.clean[rows, column],
        firm=side.firm[rows, column],
        independence=independence,
    )
