"""Trades with what was known when they were opened: the category of the rule and the market's regime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.patterns.strategies.strategy_records import StrategyRecord
from rlpretrain.patterns.strategies.trades import TradeTable
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["LabelledTrades", "trade_categories"]


@dataclass(frozen=True)
class LabelledTrades:
    """Trades, each with the strategy's category and the market's regime at the decision to enter."""

    trades: TradeTable
    category: NDArray[np.str_]
    regime: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.trades)

    def take(self, rows: NDArray[np.bool_]) -> LabelledTrades:
        """Return the rows selected by a mask."""
        return LabelledTrades(self.trades.take(rows), self.category[rows], self.regime[rows])

    def ordered(self) -> LabelledTrades:
        """Return them ordered by strategy, exit, asset and entry, so that results do not depend on their order."""
        trades = self.trades
        order = np.lexsort((trades.decided, trades.asset, trades.exited, trades.strategy))
        return LabelledTrades(trades.take(order), self.category[order], self.regime[order])


def trade_categories(records: Sequence[StrategyRecord], trades: TradeTable) -> NDArray[np.str_]:
    """Return the category that each trade's strategy gave its asset at the close of the decision, (N,).

    Parameters
    ----------
    records
        Records of the strategies behind the trades, and perhaps of others.
    trades
        N trades; one whose strategy is not among the records has no category, which is ``""``.
    """
    known = {record.content_hash: record for record in records}
    found = np.full(len(trades), "", dtype=f"<U{max(map(len, CATEGORIES))}")
    if not len(trades):
        return found
    names, strategy = np.unique(trades.strategy, return_inverse=True)
    order = np.argsort(strategy, kind="stable")
    for name, rows in zip(names, np.split(order, np.cumsum(np.bincount(strategy))[:-1]), strict=True):
        record = known.get(str(name))
        if record is not None:
            column = np.array([record.holdings.index(asset) for asset in trades.asset[rows]])
            day = np.searchsorted(record.dates, trades.decided[rows])
            found[rows] = np.array(CATEGORIES)[record.categories()[day, column].argmax(axis=1)]
    return found
