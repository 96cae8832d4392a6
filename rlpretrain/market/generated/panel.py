"""The generated market as a price panel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from rlpretrain.errors import DataError
from rlpretrain.market.generated.assets import ASSETS, DERIVED
from rlpretrain.market.generated.bars import Bars, asset_bars, derived_bars
from rlpretrain.market.generated.factors import FIRST_DAY, World
from rlpretrain.market.panel import PricePanel

__all__ = ["GENERATED_SYMBOLS", "generate_panel"]

GENERATED_SYMBOLS: tuple[str, ...] = (*ASSETS, *DERIVED)
"""Every ticker of the generated market."""

_FIELDS = ("open", "high", "low", "close", "volume")


def generate_panel(
    symbols: Sequence[str], *, kind: str, seed: int, start: dt.date, end: dt.date, source: str
) -> PricePanel:
    """Generate the bars of `symbols`, all of them known, from `start` to `end`, both included.

    The panel is a window on one long history that depends on `seed` and `kind` alone: other symbols, an
    earlier start or a later end leave every price as it is.

    Raises
    ------
    DataError
        None of the assets trades in the window.
    """
    if end < max(start, FIRST_DAY):
        raise DataError(f"{source} has no day between {start} and {end}")
    world = World(seed, kind, end)
    first = int(np.searchsorted(world.days, np.datetime64(max(start, FIRST_DAY), "D")))
    dates = world.days[first:]
    values = {name: np.full((len(dates), len(symbols)), np.nan) for name in _FIELDS}
    made: dict[str, Bars] = {}
    crypto = np.array([symbol in ASSETS and ASSETS[symbol].group == "crypto" for symbol in symbols])
    for column, symbol in enumerate(symbols):
        bars, born = _bars(world, symbol, made)
        clock = world.clock(bool(crypto[column]))
        rows = np.searchsorted(world.days, clock[born:]) - first
        inside = rows >= 0
        for name in _FIELDS:
            values[name][rows[inside], column] = getattr(bars, name)[inside]
    known = np.isfinite(values["close"]).any(axis=1)
    if not known.any():
        raise DataError(f"{source}: none of {', '.join(symbols)} trades between {start} and {end}")
    return PricePanel(
        symbols=tuple(symbols),
        dates=dates[known],
        crypto=crypto,
        source=source,
        **{name: array[known] for name, array in values.items()},
    )


def _bars(world: World, symbol: str, made: dict[str, Bars]) -> tuple[Bars, int]:
    """Give a symbol's bars from its inception on, and the row of the clock that this is."""
    asset = ASSETS[DERIVED[symbol].base] if symbol in DERIVED else ASSETS[symbol]
    returns = world.returns(asset)
    if asset.symbol not in made:
        made[asset.symbol] = asset_bars(asset, returns, world.seed)
    bars, inception, price = made[asset.symbol], asset.inception, asset.price
    if symbol in DERIVED:
        product = DERIVED[symbol]
        bars = derived_bars(product, bars, returns, world.seed, fee=world.kind == "regimes")
        inception, price = product.inception, product.price
    born = 0
    if inception is not None:
        born = int(np.searchsorted(world.clock(asset.group == "crypto"), inception))
    return bars.since(born, price), born
