"""Where missing prices may be downloaded from, one row each.

The settings list these rows, so a row's fetch loads what it needs when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlpretrain.errors import SettingsError
from rlpretrain.table import Table

if TYPE_CHECKING:
    from rlpretrain.market.panel import AssetSeries

__all__ = ["PRICE_SOURCES", "PriceSource"]


@dataclass(frozen=True, kw_only=True)
class PriceSource:
    """One source.

    Parameters
    ----------
    name
        The value of the setting `price_updates` that selects it.
    description
        Name that the trigger form shows.
    fetch
        Returns all daily bars of a ticker, adjusted for splits and dividends. Raises `DataError` if there are none,
        and `SettingsError` if a package or a key is missing. Several threads call it at once.
    """

    name: str
    description: str
    fetch: Callable[[str], AssetSeries]

    def __post_init__(self) -> None:
        if not (self.name and self.description) or self.name == "none":
            raise SettingsError(
                f"the price source {self.name!r} needs a description, and a name other than 'none'"
            )


def _yahoo(symbol: str) -> AssetSeries:
    from rlpretrain.market.yahoo import yahoo_series

    return yahoo_series(symbol)


def _alpaca(symbol: str) -> AssetSeries:
    from rlpretrain.market.alpaca import alpaca_series

    return alpaca_series(symbol)


PRICE_SOURCES: Table[PriceSource] = Table(
    "price source",
    "rlpretrain.price_sources",
    PriceSource,
    (
        PriceSource(name="yahoo", description="Yahoo Finance", fetch=_yahoo),
        PriceSource(name="alpaca", description="Alpaca", fetch=_alpaca),
    ),
)
