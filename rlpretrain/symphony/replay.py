"""A replay: what a symphony held after every close."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.panel import Dates, Floats
from rlpretrain.symphony.margins import Margins
from rlpretrain.symphony.nodes import Symphony

__all__ = ["Replay"]


@dataclass(frozen=True)
class Replay:
    """What a symphony held.

    Weights of day t were decided with prices up to the close of day t and are held after that close.
    """

    symphony: Symphony
    dates: Dates
    """(D,) trading days from the first on which everything that the tree reads is known."""
    tickers: tuple[str, ...]
    """(n,) all tickers that the symphony can hold, but for those without any price."""
    closes: Floats
    """(D, n) their adjusted closes; NaN only where a ticker is not held after the day, or no longer has prices."""
    targets: Floats
    """(D, n) weights held after each close; the rest up to 1 is cash. Between rebalances they drift."""
    rebalanced: NDArray[np.bool_]
    """(D,) days on which the weights were set to what the tree wanted."""
    scores: NDArray[np.float32] | None = None
    """(D, n, K) weighted sum of each holding's active leaves' scores."""
    margins: Margins | None = None
    """How near the decisions were to turning; None unless asked for."""
    undecided: NDArray[np.bool_] | None = None
    """(D,) days on which it is unknown what is held, because a ticker lacks prices, see
    `rlpretrain.symphony.missing`; nothing is held there. None where nothing is missing."""
    remarks: tuple[str, ...] = ()
    """What the replay had to leave out."""

    def between(self, start: int, stop: int) -> Replay:
        """Return rows `start` to `stop` (excluded), with the portfolio bought on the first of them."""
        rebalanced = self.rebalanced[start:stop].copy()
        rebalanced[:1] = True
        return replace(
            self,
            dates=self.dates[start:stop],
            closes=self.closes[start:stop],
            targets=self.targets[start:stop],
            rebalanced=rebalanced,
            scores=None if self.scores is None else self.scores[start:stop],
            margins=None if self.margins is None else self.margins.take(slice(start, stop)),
            undecided=None if self.undecided is None else self.undecided[start:stop],
        )

    @property
    def cash(self) -> Floats:
        """Share held as cash after each close (D,); only empty nodes leave cash."""
        cash = 1.0 - self.targets.sum(axis=1)
        return np.where(np.abs(cash) < 1e-12, 0.0, cash)
