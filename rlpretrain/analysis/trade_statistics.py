"""Statistics of closed trades: win rate, profit factor, wins and losses, duration, streaks and excursions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlpretrain.analysis.outcome_findings import TradeGroup, TradeStatistics
from rlpretrain.patterns.strategies.trade_labels import LabelledTrades
from rlpretrain.patterns.strategies.trades import TradeTable

__all__ = ["trade_statistics", "trade_table"]

LARGEST = 20
"""Strategies and assets in the findings, those with the most trades; the table contains all."""


def trade_statistics(labelled: LabelledTrades, table: pd.DataFrame) -> TradeStatistics:
    """Select the rows of the table for the findings: of strategies and assets, those with the most trades."""
    shown = [
        part.head(LARGEST) if dimension in ("strategy", "asset") else part
        for dimension, part in table.groupby("dimension", sort=False)
    ]
    rows = pd.concat(shown).to_dict("records")
    return TradeStatistics(
        first_entry=labelled.trades.entered.min().astype(object),
        last_exit=labelled.trades.exited.max().astype(object),
        groups=tuple(TradeGroup.model_validate(row) for row in rows),
    )


def trade_table(labelled: LabelledTrades) -> pd.DataFrame:
    """Return one row for each group of each dimension, those with the most trades first; see `TradeGroup`."""
    labelled = labelled.ordered()
    trades = labelled.trades
    everything = np.full(len(trades), "all")
    divisions = {
        "all": everything,
        "category": labelled.category,
        "regime": labelled.regime,
        "asset": trades.asset,
        "strategy": trades.strategy,
    }
    return pd.concat(
        [_describe(name, division, trades) for name, division in divisions.items()], ignore_index=True
    )


def _describe(dimension: str, division: NDArray[np.str_], trades: TradeTable) -> pd.DataFrame:
    names, group = np.unique(division, return_inverse=True)
    count = np.bincount(group)
    won = trades.net_return > 0
    wins, losses = _total(group, won), _total(group, ~won)
    gained = _total(group, np.where(won, trades.net_return, 0.0))
    lost = -_total(group, np.where(won, 0.0, trades.net_return))
    win_streak, loss_streak = _streaks(group, trades.strategy, won)
    by_group = pd.Series(trades.holding_days).groupby(group)
    net_return = pd.Series(trades.net_return)
    described = pd.DataFrame(
        {
            "dimension": dimension,
            "group": names,
            "trades": count,
            "strategies": pd.Series(trades.strategy).groupby(group).nunique().to_numpy(),
            "win_rate": wins / count,
            "profit_factor": _ratio(gained, lost),
            "mean_return": (gained - lost) / count,
            "mean_win": _ratio(gained, wins),
            "mean_loss": -_ratio(lost, losses),
            "median_win": net_return.where(won).groupby(group).median().to_numpy(),
            "median_loss": net_return.where(~won).groupby(group).median().to_numpy(),
            "mean_days": _total(group, trades.holding_days) / count,
            "median_days": by_group.median().to_numpy(),
            "longest_win_streak": win_streak,
            "longest_loss_streak": loss_streak,
            "mean_mae": _total(group, trades.mae) / count,
            "mean_mfe": _total(group, trades.mfe) / count,
            "worst_mae": pd.Series(trades.mae).groupby(group).min().to_numpy(),
        }
    )
    return described.sort_values(["trades", "group"], ascending=[False, True], ignore_index=True)


def _total(group: NDArray[np.intp], values: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.bincount(group, values.astype(np.float64)).astype(np.float64)


def _ratio(top: NDArray[np.float64], bottom: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return top / bottom; NaN where the divisor is not positive."""
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan)


def _streaks(
    group: NDArray[np.intp], strategy: NDArray[np.str_], won: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each group's longest run of wins and of losses within one strategy, in the order of exits.

    Trades are ordered by strategy and exit; a stable sort by group keeps that order within each group.
    """
    order = np.argsort(group, kind="stable")
    group, strategy, won = group[order], strategy[order], won[order]
    starts = np.ones(len(group), dtype=bool)
    starts[1:] = (group[1:] != group[:-1]) | (strategy[1:] != strategy[:-1]) | (won[1:] != won[:-1])
    first = np.flatnonzero(starts)
    length = np.diff(np.append(first, len(group)))
    longest = np.zeros((2, group[-1] + 1), dtype=np.int64)
    np.maximum.at(longest, (won[first].astype(np.intp), group[first]), length)
    return longest[1], longest[0]
