"""How much a vote on one asset says about another: exposures known at the start of each quarter, and pooled votes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Floats, PricePanel
from rlpretrain.patterns.strategies.exposures import declared
from rlpretrain.patterns.voting.electorate import MIN_ELECTORATE

__all__ = ["RELATED", "PooledVotes", "QuarterExposures", "pool_votes", "quarterly_exposures"]

RELATED = 0.5
"""Exposure, in either direction, from which on two assets count as related; all exposures enter the pool."""
_WINDOW = 504
"""Sessions of the regression: two years."""
_LEAST = 252
"""Common sessions before which two assets have no exposure to each other, unless their products declare one."""
_SHRINK = 126.0
"""Sessions without any relation that are added to those that were observed."""


@dataclass(frozen=True)
class QuarterExposures:
    """Exposures in force on the rows [first, stop) of a panel."""

    first: int
    stop: int
    exposures: Floats
    """(A, A), symmetric, in [-1, 1]: what one asset gains, in its deviations, when the other gains one of its own."""


def quarterly_exposures(panel: PricePanel, assets: Sequence[str]) -> Iterator[QuarterExposures]:
    """Estimate the assets' exposures to each other for each calendar quarter, from returns before it.

    Two products that are declared to follow the same thing have 1, or -1 where one of them is inverse; a multiple
    changes nothing, because votes and returns are in deviations. For all others it is the slope of a regression
    through zero of one asset's session returns on the other's, both over their deviations, on the common sessions
    among the last 504. It is shrunk by n / (n + 126) for n of them, and zero for fewer than 252.
    """
    columns = [panel.column(asset) for asset in assets]
    close = panel.close[panel.sessions][:, columns]
    returns = np.full_like(close, np.nan)
    returns[1:] = np.log(close[1:] / close[:-1])
    known = declared(assets)
    quarters = panel.dates.astype("datetime64[M]").astype(np.int64) // 3
    firsts = np.flatnonzero(np.diff(quarters, prepend=-1))
    for first, stop in zip(firsts.tolist(), [*firsts[1:].tolist(), len(quarters)], strict=True):
        seen = int(np.searchsorted(panel.sessions, first))
        measured = _slopes(returns[max(seen - _WINDOW, 0) : seen])
        yield QuarterExposures(first, stop, np.where(known != 0.0, known, measured))


def _slopes(returns: Floats) -> Floats:
    """Return the shrunk slopes of standardised returns on each other, (A, A)."""
    there = np.isfinite(returns)
    filled, common = np.where(there, returns, 0.0), there.astype(np.float64)
    days = common.T @ common
    squares = np.square(filled).T @ common
    scale = np.sqrt(squares * squares.T)
    usable = (days >= _LEAST) & (scale > 0.0)
    slope = np.where(usable, filled.T @ filled / np.where(usable, scale, 1.0), 0.0)
    # Products of matrices of another size differ in the last digit, and other assets must not change an exposure.
    return np.round(slope * days / (days + _SHRINK), 6)


@dataclass(frozen=True)
class PooledVotes:
    """Votes on related assets as votes on each asset; both arrays are (T, A)."""

    pooled: Floats
    """Mean relative vote over all assets, weighted by exposure; NaN where too few strategies could vote."""
    count: NDArray[np.int32]
    """Votes on the asset and on those related to it: a strategy counts once for each of them that it could hold."""


def pool_votes(
    panel: PricePanel, assets: Sequence[str], relative: Floats, eligible: NDArray[np.int32]
) -> PooledVotes:
    """Pool the votes on all assets, each with the exposure of an asset to it.

    For exposures e, relative votes r and n strategies that could hold an asset,
    ``sum(sqrt(n) e r) / sum(sqrt(n) |e|)`` over the assets that at least `MIN_ELECTORATE` strategies could hold.

    Parameters
    ----------
    relative
        (T, A) relative votes on each of the panel's days.
    eligible
        (T, A) strategies that could hold each asset.
    """
    weight = np.where(eligible >= MIN_ELECTORATE, np.sqrt(eligible), 0.0)
    voted = np.where(eligible >= MIN_ELECTORATE, eligible, 0)
    weighted = weight * relative
    total, norm = np.zeros(relative.shape), np.zeros(relative.shape)
    count = np.zeros(eligible.shape, dtype=np.int32)
    for quarter in quarterly_exposures(panel, assets):
        rows, size = slice(quarter.first, quarter.stop), np.abs(quarter.exposures)
        # One asset at a time, in order, so that an asset without votes changes not even the last digit.
        for column in np.flatnonzero(voted[rows].any(axis=0)):
            total[rows] += weighted[rows, column, None] * quarter.exposures[column]
            norm[rows] += weight[rows, column, None] * size[column]
            count[rows] += voted[rows, column, None] * (size[column] >= RELATED)
    enough = (count >= MIN_ELECTORATE) & (norm > 0.0)
    return PooledVotes(np.where(enough, total / np.where(enough, norm, 1.0), np.nan), count)
