"""Trades: one asset in one strategy, from entry to exit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market import AssetSeries, Dates, Floats
from rlpretrain.patterns.array_files import load_arrays, save_arrays
from rlpretrain.patterns.strategies.fills import Fill, fill_prices

__all__ = ["TradeTable", "asset_trades"]


@dataclass(frozen=True)
class TradeTable:
    """Closed trades in columns of equal length; prices are adjusted, returns are fractions.

    A position that is still open at the end of the data is not a trade yet.
    """

    strategy: NDArray[np.str_]
    """Content hash of the strategy's tree."""
    asset: NDArray[np.str_]
    decided: NDArray[np.datetime64]
    """Close at which the strategy decided to hold the asset; with strategy and asset, the trade's
    identity."""
    entered: NDArray[np.datetime64]
    """Day of the fill."""
    exited: NDArray[np.datetime64]
    entry_price: Floats
    exit_price: Floats
    cost: Floats
    """Costs of both sides, as a fraction of the money invested."""
    net_return: Floats
    """Return after costs."""
    mae: Floats
    """Maximum adverse excursion: the worst price while in position over the entry price, minus 1; at
    most 0."""
    mfe: Floats
    """Maximum favourable excursion: the same for the best price; at least 0."""
    holding_days: NDArray[np.int32]
    """Bars of the asset from entry to exit."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if len(getattr(self, field.name)) != len(self):
                raise DataError(f"trades: column {field.name} has another length than the rest")

    def __len__(self) -> int:
        return len(self.strategy)

    def take(self, rows: NDArray[Any]) -> TradeTable:
        """Return the rows selected by a mask or by positions."""
        return TradeTable(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @classmethod
    def concatenate(cls, parts: Sequence[TradeTable]) -> TradeTable:
        """Join tables; without tables the result is empty."""
        if not parts:
            return _EMPTY
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def save(self, path: Path | str) -> None:
        """Write one ``.npz`` without pickled objects; equal tables give equal bytes."""
        save_arrays(path, {field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, path: Path | str) -> TradeTable:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            The file is missing or contains no trades.
        """
        arrays = load_arrays(path)
        if set(arrays) != {field.name for field in fields(cls)}:
            raise DataError(f"{path} contains no trades")
        return cls(**arrays)


def asset_trades(
    strategy: str,
    series: AssetSeries,
    dates: Dates,
    held: NDArray[np.bool_],
    *,
    fill: Fill,
    cost_bps: float,
) -> TradeTable:
    """Cut one asset's holdings into trades.

    Parameters
    ----------
    strategy
        Content hash of the strategy.
    series
        Bars of the asset.
    dates, held
        (D,) the strategy's closes, and whether it holds the asset after each.
    fill
        Price of the fills, see `fill_prices`.
    cost_bps
        Cost of each side, basis points of the amount traded.

    Returns
    -------
    TradeTable
        Ordered by entry. Decisions whose fills lie beyond the data, or fall on the same bar, are left out.
    """
    change = np.diff(held.astype(np.int8), prepend=0)
    buys, sells = dates[change == 1], dates[change == -1]
    buys = buys[: len(sells)]
    # A decision is filled by the first bar after it; if the asset trades less often than the strategy decides, it
    # waits for one.
    entry = np.searchsorted(series.dates, buys, side="right")
    leave = np.searchsorted(series.dates, sells, side="right")
    closed = (leave < len(series)) & (entry < leave)
    buys, entry, leave = buys[closed], entry[closed], leave[closed]
    if not len(buys):
        return _EMPTY
    price = fill_prices(series, fill)
    bought, sold, cost = price[entry], price[leave], cost_bps / 10_000
    low = np.where(np.isfinite(series.low), series.low, series.close)
    high = np.where(np.isfinite(series.high), series.high, series.close)
    if fill == "next_close":  # The entry bar's range is before the fill.
        worst, best = _extremes(low, high, entry + 1, leave + 1)
    else:  # The exit bar's range is after the fill.
        worst, best = _extremes(low, high, entry, leave)
    worst = np.minimum(np.minimum(worst, sold), bought)
    best = np.maximum(np.maximum(best, sold), bought)
    count = len(buys)
    return TradeTable(
        strategy=np.full(count, strategy),
        asset=np.full(count, series.symbol),
        decided=buys,
        entered=series.dates[entry],
        exited=series.dates[leave],
        entry_price=bought,
        exit_price=sold,
        cost=cost + (1.0 - cost) * sold / bought * cost,
        net_return=(1.0 - cost) ** 2 * sold / bought - 1.0,
        mae=worst / bought - 1.0,
        mfe=best / bought - 1.0,
        holding_days=(leave - entry).astype(np.int32),
    )


def _extremes(
    low: Floats, high: Floats, start: NDArray[np.intp], stop: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Return the lowest low and highest high of each [start, stop); the intervals are disjoint and not empty."""
    # reduceat cuts at every bound; the even pieces are the trades, the odd ones the gaps between them.
    bounds = np.column_stack([start, stop]).ravel()
    low, high = np.append(low, np.inf), np.append(high, -np.inf)
    return np.minimum.reduceat(low, bounds)[::2], np.maximum.reduceat(high, bounds)[::2]


_DAYS = np.array([], dtype="datetime64[D]")
_TEXT = np.array([], dtype=np.str_)
_NONE = np.array([], dtype=np.float64)
_EMPTY = TradeTable(
    strategy=_TEXT, asset=_TEXT, decided=_DAYS, entered=_DAYS, exited=_DAYS, entry_price=_NONE,
    exit_price=_NONE, cost=_NONE, net_return=_NONE, mae=_NONE, mfe=_NONE, holding_days=np.array([],
    dtype=np.int32),
)  # fmt: skip
