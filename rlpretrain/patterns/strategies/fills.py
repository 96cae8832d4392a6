"""Fill prices: the price in the next bar at which the decision of a close is traded."""

from __future__ import annotations

from typing import Literal

import numpy as np

from rlpretrain.errors import DataError
from rlpretrain.market import AssetSeries, Floats

__all__ = ["Fill", "fill_prices"]

Fill = Literal["next_open", "next_close"]


def fill_prices(series: AssetSeries, fill: Fill) -> Floats:
    """Return the price at which the previous close's decision is filled within each bar.

    Parameters
    ----------
    series
        Bars of one asset, n of them.
    fill
        ``next_open``, which falls back to the close where a bar has no open, or ``next_close``.

    Returns
    -------
    Floats
        (n,); a decision at the close of bar t is filled at element t + 1.

    Raises
    ------
    DataError
        `fill` is neither of them.
    """
    if fill == "next_open":
        return np.where(np.isfinite(series.open), series.open, series.close)
    if fill == "next_close":
        return series.close.copy()
    raise DataError(f"unknown fill {fill!r}", hint="next_open or next_close")
