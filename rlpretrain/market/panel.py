"""The price panel: daily bars of many assets on one calendar of days."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market.calendars import is_session
from rlpretrain.market.findings import PriceFinding, left_out_because

__all__ = ["AssetSeries", "Dates", "Floats", "PricePanel"]

Dates = NDArray[np.datetime64]
Floats = NDArray[np.float64]

_ARRAYS = ("open", "high", "low", "close", "volume", "raw_close")


@dataclass(frozen=True)
class AssetSeries:
    """Bars of one asset on the days it traded; no gaps, ascending.

    `open`, `high`, `low` and `volume` are NaN where the source has a close only. All arrays are (n,).
    """

    symbol: str
    crypto: bool
    dates: Dates
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    raw_close: Floats | None = None
    """Closes as they were quoted, before later splits and dividends; NaN where unknown, None if the source has none."""

    @property
    def bars_per_year(self) -> int:
        """Bars in a year: 365 for assets that trade every day, 252 for the rest."""
        return 365 if self.crypto else 252

    def __len__(self) -> int:
        return len(self.dates)

    def take(self, rows: NDArray[np.bool_]) -> AssetSeries:
        """Return the bars for which `rows`, (n,), is true."""
        arrays = {name: getattr(self, name) for name in ("dates", *_ARRAYS)}
        return replace(self, **{name: array[rows] for name, array in arrays.items() if array is not None})


@dataclass(frozen=True)
class PricePanel:
    """Adjusted daily bars, (T, A) each; NaN where an asset has no bar that day.

    `dates` is ascending ``datetime64[D]`` and contains every day on which at least one asset has a close.
    `crypto` marks the assets that trade every calendar day.
    """

    symbols: tuple[str, ...]
    dates: Dates
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    crypto: NDArray[np.bool_]
    source: str
    raw_close: Floats | None = None
    """Closes as they were quoted, before later splits and dividends; NaN where unknown, None if no source has any."""
    findings: tuple[PriceFinding, ...] = ()
    """What was found wrong with the prices that were read, including those that were left out."""
    raw_close_origins: Mapping[str, str] = field(default_factory=dict)
    """Ticker -> the columns and files from which its raw closes were read; files alone cannot tell whether a column has
    the closes that were quoted."""

    def __post_init__(self) -> None:
        shape = (len(self.dates), len(self.symbols))
        for name in _ARRAYS:
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise DataError(f"{self.source}: {name} has shape {array.shape}, expected {shape}")
        if len(set(self.symbols)) != len(self.symbols):
            raise DataError(f"{self.source}: a symbol appears twice")
        if len(self.dates) > 1 and not (self.dates[1:] > self.dates[:-1]).all():
            raise DataError(f"{self.source}: dates are not ascending")

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {symbol: i for i, symbol in enumerate(self.symbols)}

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._columns

    def column(self, symbol: str) -> int:
        """Return the column of `symbol`.

        Raises
        ------
        DataError
            The panel has no such asset.
        """
        try:
            return self._columns[symbol]
        except KeyError:
            reason = left_out_because(self.findings, symbol)
            raise DataError(
                f"{self.source} has no prices of {symbol}{reason}",
                hint="add the asset's prices or leave it out",
            ) from None

    @cached_property
    def sessions(self) -> NDArray[np.intp]:
        """Rows of the exchange's sessions on which an asset other than crypto has a close; all rows if all is crypto.

        A session that all assets lack has no row, and a row on a day on which the exchange is shut is no session.
        """
        if self.crypto.all():
            return np.arange(len(self.dates))
        return np.flatnonzero(np.isfinite(self.close[:, ~self.crypto]).any(axis=1) & is_session(self.dates))

    def series(self, symbol: str) -> AssetSeries:
        """Return the bars of one asset without the days it did not trade."""
        column = self.column(symbol)
        rows = np.flatnonzero(np.isfinite(self.close[:, column]))
        return AssetSeries(
            symbol=symbol,
            crypto=bool(self.crypto[column]),
            dates=self.dates[rows],
            open=self.open[rows, column],
            high=self.high[rows, column],
            low=self.low[rows, column],
            close=self.close[rows, column],
            volume=self.volume[rows, column],
            raw_close=None if self.raw_close is None else self.raw_close[rows, column],
        )

    def has_bars(self, symbol: str) -> bool:
        """Return whether the asset has opens, highs and lows, which a state needs, and not closes alone."""
        column = self.column(symbol)
        known = np.isfinite(self.close[:, column])
        return bool(known.any() and np.isfinite(self.high[known, column]).mean() > 0.9)

    def select(self, symbols: Sequence[str]) -> PricePanel:
        """Keep only `symbols`, in that order; days on which none of them trades are dropped."""
        columns = [self.column(symbol) for symbol in symbols]
        rows = np.flatnonzero(np.isfinite(self.close[:, columns]).any(axis=1))
        return self._take(rows, columns, tuple(symbols))

    def between(self, first: np.datetime64 | None, last: np.datetime64 | None) -> PricePanel:
        """Keep the days from `first` to `last`, both included; None leaves that side open."""
        keep = np.ones(len(self.dates), dtype=bool)
        if first is not None:
            keep &= self.dates >= first
        if last is not None:
            keep &= self.dates <= last
        return self._take(np.flatnonzero(keep), list(range(len(self.symbols))), self.symbols)

    def until(self, date: np.datetime64) -> PricePanel:
        """Keep the days up to and including `date`."""
        return self.between(None, date)

    def _take(self, rows: NDArray[np.intp], columns: list[int], symbols: tuple[str, ...]) -> PricePanel:
        grid = np.ix_(rows, np.asarray(columns, dtype=np.intp))
        return PricePanel(
            symbols=symbols,
            dates=self.dates[rows],
            open=self.open[grid],
            high=self.high[grid],
            low=self.low[grid],
            close=self.close[grid],
            volume=self.volume[grid],
            crypto=self.crypto[grid[1][0]],
            source=self.source,
            raw_close=None if self.raw_close is None else self.raw_close[grid],
            findings=self.findings,
            raw_close_origins=self.raw_close_origins,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of symbols, dates and prices: equal exactly when the panels contain the same bars."""
        hasher = hashlib.sha256("\0".join(self.symbols).encode())
        hasher.update(self.dates.astype(np.int64).tobytes())
        for name in _ARRAYS:
            array = getattr(self, name)
            if array is not None:
                hasher.update(np.ascontiguousarray(array).tobytes())
        return hasher.hexdigest()
