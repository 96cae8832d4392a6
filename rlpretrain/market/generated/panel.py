"""The generated market as a price panel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from rlpretrain.market.generated.assets import ASSETS, DERIVED
from rlpretrain.market.generated.bars import Bars, asset_bars, derived_bars
from rlpretrain.market.generated.factors import FIRST_DAY, World
from rlpretrain.market.panel import Dates, PricePanel

__all__ = ["GENERATED_SYMBOLS", "generate_panel"]

GENERATED_SYMBOLS: tuple[str, ...] = (*ASSETS, *DERIVED)
"""Every ticker of the generated market."""

_FIELDS = ("open", "high", "low", "close", "volume")


def generate_panel(
    symbols: Sequence[str],
    *,
    kind: str,
    seed: int,
    start: dt.date,
    end: dt.date,
    source: str,
    strength: float = 0.0,
) -> PricePanel:
    """Generate the bars of `symbols`, all of them known, from `start` to `end`, both included.

    The panel is a window on one long history that depends on `seed`, `kind` and `strength` alone: other symbols, an
    earlier start or a later end leave every price as it is. An unborn asset has NaN throughout.
    """
    world = World(seed, kind, end, strength)
    first = int(np.searchsorted(world.days, np.datetime64(max(start, FIRST_DAY), "D")))
    dates = world.days[first:]
    values = {name: np.full((len(dates), len(symbols)), np.nan) for name in _FIELDS}
    made: dict[str, Bars] = {}
    crypto = np.array([symbol in ASSETS and ASSETS[symbol].group == "crypto" for symbol in symbols])
    for column, symbol in enumerate(symbols):
        clock = world.clock(bool(crypto[column]))
        born = _first_row(symbol, clock)
        if born == len(clock):
            continue
        bars = _bars(world, symbol, made).since(born, _first_price(symbol))
        rows = np.searchsorted(world.days, clock[born:]) - first
        inside = rows >= 0
        for name in _FIELDS:
            values[name][rows[inside], column] = getattr(bars, name)[inside]
    known = np.isfinite(values["close"]).any(axis=1)
    kept = {name: array[known] for name, array in values.items()}
    return PricePanel(
        symbols=tuple(symbols),
        dates=dates[known],
        crypto=crypto,
        source=source,
        **kept,
        raw_close=kept["close"],  # Nothing is split here and nothing pays a dividend.
    )


def _first_row(symbol: str, clock: Dates) -> int:
    """Return the clock's row on which a symbol starts to trade, or the clock's length when that is after its end."""
    born = DERIVED[symbol].inception if symbol in DERIVED else ASSETS[symbol].inception
    return 0 if born is None else int(np.searchsorted(clock, born))


def _first_price(symbol: str) -> float:
    return DERIVED[symbol].price if symbol in DERIVED else ASSETS[symbol].price


def _bars(world: World, symbol: str, made: dict[str, Bars]) -> Bars:
    """Return a symbol's bars on the whole clock; `made` keeps those of assets, which products share."""
    asset = ASSETS[DERIVED[symbol].base] if symbol in DERIVED else ASSETS[symbol]
    returns = world.returns(asset)
    if asset.symbol not in made:
        made[asset.symbol] = asset_bars(asset, returns, world.seed)
    if symbol not in DERIVED:
        return made[symbol]
    fee = world.kind == "regimes"
    return derived_bars(DERIVED[symbol], made[asset.symbol], returns, world.seed, fee=fee)
