"""What a rule about prices is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import SettingsError
from rlpretrain.market.findings import Action
from rlpretrain.market.panel import AssetSeries
from rlpretrain.market.quality.prices import Prices

__all__ = ["Found", "QualityRule", "Suspicion", "of_each_ticker", "of_untrusted_bars"]

Found: TypeAlias = Iterator[tuple[NDArray[np.intp], str]]
"""Bars that a rule doubts, by their rows in a ticker's series, each with the reason."""

_FIELDS = ("open", "high", "low", "volume", "raw_close")


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """Days of one ticker that a rule doubts."""

    ticker: str
    """Empty for all tickers."""
    dates: NDArray[np.datetime64]
    """Days doubted, (n,), ascending."""
    detail: str
    """A clause with the figures."""


@dataclass(frozen=True, kw_only=True)
class QualityRule:
    """One rule.

    Parameters
    ----------
    name
        Name in findings, reports and documentation.
    statement
        What it doubts, in a sentence or two, with the thresholds.
    action
        What is done with the bars that it doubts. A rule that leaves something out may use no later day than the bar's,
        so that no later price changes what is seen on a day; other rules may look ahead, and keep everything.
    find
        Returns what the rule doubts. It sees the prices that the rules before it have left.
    fields
        What of a bar is left out, where that is not all of it.
    """

    name: str
    statement: str
    action: Action
    find: Callable[[Prices], Iterable[Suspicion]]
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.name and self.statement):
            raise SettingsError(f"the price rule {self.name!r} needs a name and a statement")
        if (self.action == "values left out") != bool(self.fields) or not set(self.fields) <= set(_FIELDS):
            raise SettingsError(
                f"the price rule {self.name!r} leaves out {self.fields}: it needs fields among {', '.join(_FIELDS)} "
                "if its action is 'values left out', and none otherwise"
            )


def of_each_ticker(find: Callable[[AssetSeries], Found]) -> Callable[[Prices], Iterator[Suspicion]]:
    """Return the search of a rule that judges each ticker by itself, in pairs of bars doubted and the reason."""
    return of_untrusted_bars(lambda series, _: find(series))


def of_untrusted_bars(
    find: Callable[[AssetSeries, NDArray[np.bool_]], Found],
) -> Callable[[Prices], Iterator[Suspicion]]:
    """Return the same for a rule that also sees, (n,), which bars the user trusts."""

    def search(prices: Prices) -> Iterator[Suspicion]:
        for ticker, series in prices.series.items():
            for rows, detail in find(series, prices.trusted(series)):
                if len(rows):
                    yield Suspicion(ticker=ticker, dates=series.dates[rows], detail=detail)

    return search
