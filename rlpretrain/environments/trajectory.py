"""What a policy did and earned over a window."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from rlpretrain.market import Dates, Floats

__all__ = ["Trade", "Trajectory"]


@dataclass(frozen=True)
class Trade:
    """One position from entry to exit; an open one ends at the window's last close."""

    entry: dt.date
    exit: dt.date
    entry_price: float
    exit_price: float
    net_return: float
    """Fraction, after costs on both sides (on the entry alone while it is open)."""
    bars: int
    closed: bool


@dataclass(frozen=True)
class Trajectory:
    """Bars after the first decision; all arrays are (m,)."""

    symbol: str
    dates: Dates
    net_returns: Floats
    """Return of the equity over each bar, fraction, after costs."""
    asset_returns: Floats
    """Return of the asset over each bar, fraction."""
    exposure: Floats
    """Share of the bar's variance-time in which the asset was held: 1 when the position after the bar's fill is long
    and fills are at the open; the position before it where the fill is at the close."""
    costs: Floats
    bars_per_year: int
    trades: tuple[Trade, ...]

    def __len__(self) -> int:
        return len(self.dates)

    @property
    def equity(self) -> Floats:
        """Growth of 1 since the start, (m,)."""
        return np.asarray(np.cumprod(1.0 + self.net_returns), dtype=np.float64)
