"""Annual returns and Sharpe ratios of versions before and after they existed, on the days there were and resampled.

Strategies share days, so the days of the whole library are resampled together, in blocks: in one resample every
version sees the same good and bad days.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlpretrain.analysis.date_bootstrap import date_weights
from rlpretrain.analysis.day_blocks import day_block_length
from rlpretrain.analysis.decay_sample import JudgedVersion
from rlpretrain.market import Dates

__all__ = ["RESAMPLES", "DecayFigures", "Pair", "decay_figures"]

RESAMPLES = 299
"""Enough for standard errors, which need fewer than quantiles do."""
_MIN_DRAWN = 21
"""Minimum number of days of a side that a resample must contain."""
_LOST = 1e-6
"""Smallest growth of a day, where everything is lost: its logarithm must be finite."""
_LARGEST = 50.0
"""Largest logarithm of a year's growth; beyond it, a few resampled days would overflow."""
_FLAT = 1e-12
"""Variance per day below which returns are constant up to rounding."""

Floats = NDArray[np.float64]


class Pair(NamedTuple):
    """A figure promised and delivered, (1 + resamples, versions) each: the first row is of the days there were."""

    promised: Floats
    delivered: Floats


@dataclass(frozen=True)
class DecayFigures:
    """Figures of V versions, and of the S strategies to which they belong."""

    days: Dates
    """(D,) all days that any figure depends on."""
    block: int
    """Mean days in a block."""
    annual_return: Pair
    """(1 + resamples, V) compound return in a year."""
    sharpe: Pair
    """(1 + resamples, V) annualised; NaN where the returns do not vary."""
    strategies: tuple[str, ...]
    """Symphony ids, (S,)."""
    strategy_return: Pair
    """(1 + resamples, S) the same with the versions of a strategy pooled: each promise counts as its days delivered."""
    strategy_sharpe: Pair


def decay_figures(judged: list[JudgedVersion], rng: np.random.Generator) -> DecayFigures:
    """Compute the figures of versions that are ordered by strategy; there is at least one."""
    days, block = _days(judged)
    # The first column counts every day once, so that all figures of the days there were stand in the first row.
    weights = np.vstack([np.ones(len(days)), date_weights(len(days), block, RESAMPLES, rng)])
    by_day = np.ascontiguousarray(weights.T)
    versions: list[tuple[Floats, Floats]] = []
    pooled: list[tuple[Floats, Floats]] = []
    names: list[str] = []
    for symphony_id, found in groupby(judged, key=lambda version: version.record.symphony_id):
        group = list(found)
        names.append(symphony_id)
        together = [np.zeros((4, 1 + RESAMPLES)) for _ in range(2)]
        for version in group:
            bars = version.record.bars_per_year
            promised, delivered = (
                _sums(version, side, days, by_day) for side in (version.promised, version.delivered)
            )
            versions.append((_figures(promised, bars), _figures(delivered, bars)))
            together[0] += promised * (delivered[0, 0] / promised[0, 0])
            together[1] += delivered
        bars = group[-1].record.bars_per_year
        pooled.append((_figures(together[0], bars), _figures(together[1], bars)))
    own, strategies = (np.array(rows).transpose(2, 1, 3, 0) for rows in (versions, pooled))
    return DecayFigures(
        days=days,
        block=block,
        annual_return=Pair(own[0, 0], own[0, 1]),
        sharpe=Pair(own[1, 0], own[1, 1]),
        strategies=tuple(names),
        strategy_return=Pair(strategies[0, 0], strategies[0, 1]),
        strategy_sharpe=Pair(strategies[1, 0], strategies[1, 1]),
    )


def _days(judged: list[JudgedVersion]) -> tuple[Dates, int]:
    """Return all days, and the block length that suits the mean return of the versions on each."""
    dates, returns = (
        np.concatenate(
            [
                getattr(version.record, name)[side]
                for version in judged
                for side in (version.promised, version.delivered)
            ]
        )
        for name in ("dates", "returns")
    )
    days, place = np.unique(dates, return_inverse=True)
    mean = np.bincount(place, returns.astype(np.float64)) / np.bincount(place)
    return days, day_block_length(mean[:, None])


def _sums(version: JudgedVersion, side: slice, days: Dates, weights: Floats) -> Floats:
    """Sum days, log growth, returns and squared returns of a side, (4, 1 + resamples)."""
    returns = version.record.returns[side].astype(np.float64)
    place = np.searchsorted(days, version.record.dates[side])
    first, last = place[0], place[-1] + 1
    daily = np.zeros((4, last - first))
    daily[:, place - first] = (
        np.ones(len(returns)),
        np.log(np.maximum(1.0 + returns, _LOST)),
        returns,
        returns**2,
    )
    sums: Floats = daily @ weights[first:last]
    return sums


def _figures(sums: Floats, bars_per_year: int) -> Floats:
    """Compute annual return and Sharpe ratio from the sums, (2, 1 + resamples); NaN where too few days were drawn."""
    known = sums[0] >= _MIN_DRAWN
    growth, mean, square = np.divide(sums[1:], sums[0], out=np.full(sums[1:].shape, np.nan), where=known)
    variance = square - mean**2
    varies = np.greater(variance, _FLAT)
    sharpe = np.full(len(mean), np.nan)
    sharpe[varies] = mean[varies] / np.sqrt(variance[varies]) * np.sqrt(bars_per_year)
    return np.vstack([np.expm1(np.minimum(growth * bars_per_year, _LARGEST)), sharpe])
