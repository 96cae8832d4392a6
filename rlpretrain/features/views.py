"""The library's views of an asset: meaning of each number of the votes block, and how it follows from the counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rlpretrain.market import Floats

__all__ = ["VIEWS", "VIEW_NAMES", "View", "VoteFigures", "trailing_score"]


@dataclass(frozen=True)
class VoteFigures:
    """What was counted at n bars of A assets that share a calendar; NaN where nobody could vote."""

    share: Floats
    """(n, A) strategies that hold the asset over those that could."""
    relative: Floats
    """(n, A) the share in deviations from its trailing year, see `trailing_score`."""
    by_standing: Floats
    """(n, A) the same with each strategy weighted by its standing to date."""
    pooled: Floats
    """(n, A) mean of the relative votes on all assets, each times the exposure of this asset to it."""
    risk_on: Floats
    """(n,) share of all strategies whose holdings gain when investors take more risk."""
    appetite: Floats
    """(A,) how much the asset itself gains then, in [-1, 1]."""
    effective: Floats
    """(n, A) effective number of independent strategies among those that could hold the asset."""
    turning: Floats
    """(n, A) mean probability that a usual day turns the nearest decision of such a strategy."""
    year: int
    """Bars in a year."""


@dataclass(frozen=True)
class View:
    """One number of the votes block."""

    name: str
    """Name without the block's prefix ``votes_``."""
    description: str
    unit: str
    compute: Callable[[VoteFigures], Floats]
    """Function that returns the (n, A) view at each bar from the figures up to that bar; NaN where it is unknown."""


def trailing_score(values: Floats, year: int) -> Floats:
    """Return (value - trailing mean) / trailing deviation over a year that ends today, (n, A).

    NaN values are left out; the score is 0 where the value is NaN, has never moved, or a quarter of a year is unknown.
    """
    trailing = pd.DataFrame(values).rolling(year, min_periods=year // 4)
    mean, deviation = trailing.mean().to_numpy(), trailing.std(ddof=0).to_numpy()
    defined = np.isfinite(values) & (deviation > 1e-9)
    return np.where(defined, (values - mean) / np.where(defined, deviation, 1.0), 0.0)


def _change(bars: int) -> Callable[[VoteFigures], Floats]:
    def compute(figures: VoteFigures) -> Floats:
        share = np.nan_to_num(figures.share)
        change = np.zeros_like(share)
        change[bars:] = share[bars:] - share[:-bars]
        return change

    return compute


VIEWS: tuple[View, ...] = (
    View(
        "share",
        "Share of the strategies able to hold the asset that hold it",
        "fraction",
        lambda figures: figures.share,
    ),
    View(
        "relative",
        "Share of the votes relative to its trailing year",
        "deviations",
        lambda figures: figures.relative,
    ),
    View(
        "weighted",
        "Relative share, with votes weighted by the strategies' performance to date",
        "deviations",
        lambda figures: trailing_score(figures.by_standing, figures.year),
    ),
    View("change_1", "Change of the share since the previous close", "fraction", _change(1)),
    View("change_5", "Change of the share over 5 closes", "fraction", _change(5)),
    View(
        "related",
        "Votes on all assets, each times this asset's exposure to it, relative to their trailing year",
        "deviations",
        lambda figures: trailing_score(figures.pooled, figures.year),
    ),
    View(
        "risk_on",
        "Share of the strategies that take risk, relative to its trailing year, times the asset's appetite for risk",
        "deviations",
        lambda figures: trailing_score(figures.risk_on[:, None], figures.year) * figures.appetite,
    ),
    View(
        "independent",
        "Log of one plus the effective number of independent strategies able to hold the asset",
        "log",
        lambda figures: np.log1p(figures.effective),
    ),
    View(
        "turning",
        "Mean probability that a usual day turns the nearest decision of a strategy able to hold the asset",
        "fraction",
        lambda figures: figures.turning,
    ),
)
"""All views in the order of the state vector; a row here is all that a further one needs."""

VIEW_NAMES: tuple[str, ...] = tuple(view.name for view in VIEWS)
