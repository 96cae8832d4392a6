"""The state vector at each close: one function for patterns and environments alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlpretrain.errors import DataError
from rlpretrain.features.asset import asset_features
from rlpretrain.features.context import MarketContext
from rlpretrain.features.names import ASSET, LIMIT, MARKET, POSITION, VOTES
from rlpretrain.market import AssetSeries

__all__ = ["position_features", "state_matrix", "unrealised_feature"]

_TENTHS, _TWENTIETHS = np.float32(10.0), np.float32(0.05)


def state_matrix(
    series: AssetSeries, context: MarketContext, votes: NDArray[np.floating] | None
) -> NDArray[np.float32]:
    """Compute all of the state vector that does not depend on the trader's position, (n, 61).

    Row i is known at the close of ``series.dates[i]``. Rows in the warm-up of the asset or the market contain
    NaN; ``np.isfinite(states).all(axis=1)`` marks the valid ones.

    Parameters
    ----------
    series
        The asset's bars.
    context
        The market around it, see `market_context`.
    votes
        (n, 9) the library's votes at each of the series' closes; NaN, where a vote is not known yet, becomes
        zero. None sets them all to zero.

    Raises
    ------
    DataError
        The asset has closes only, or `votes` has another shape.
    """
    state = np.zeros((len(series), POSITION.start), dtype=np.float32)
    state[:, ASSET] = asset_features(series)
    state[:, MARKET] = context.at(series.dates)
    if votes is not None:
        shape = (len(series), VOTES.stop - VOTES.start)
        if votes.shape != shape:
            raise DataError(f"{series.symbol}: votes have shape {votes.shape}, expected {shape}")
        state[:, VOTES] = np.clip(np.nan_to_num(votes, nan=0.0), -LIMIT, LIMIT)
    return state


def position_features(
    in_position: ArrayLike,
    unrealised_return: ArrayLike,
    days_held: ArrayLike,
) -> NDArray[np.float32]:
    """Compute the position's block of the state vector, (..., 3), from numbers or arrays that broadcast.

    Parameters
    ----------
    in_position
        Whether the asset is held, with all of the equity.
    unrealised_return
        Return since the entry, fraction; 0.1 becomes 1.
    days_held
        Bars since the entry; 20 become 1.
    """
    columns = (
        np.asarray(in_position, dtype=np.float32),
        np.asarray(unrealised_return, dtype=np.float32) * _TENTHS,
        np.asarray(days_held, dtype=np.float32) * _TWENTIETHS,
    )
    features = np.empty((*np.broadcast_shapes(*(column.shape for column in columns)), 3), dtype=np.float32)
    for i, column in enumerate(columns):
        # Faster than `numpy.clip` for the few numbers of one step.
        features[..., i] = np.minimum(np.maximum(column, -LIMIT), LIMIT)
    return features


def unrealised_feature(unrealised_return: float) -> float:
    """Return the second of `position_features` for one number, to the last digit and without an array."""
    return min(max(float(np.float32(unrealised_return) * _TENTHS), -LIMIT), LIMIT)
