"""Replay one strategy and keep what the library needs of it."""

from __future__ import annotations

import datetime as dt

import numpy as np

from rlpretrain.market import Floats
from rlpretrain.patterns.categories import leaf_scores
from rlpretrain.patterns.fills import Fill
from rlpretrain.patterns.records import StrategyRecord
from rlpretrain.patterns.trades import TradeTable, asset_trades
from rlpretrain.symphony import Costs, Evaluator, Replay, Symphony, backtest

__all__ = ["record_strategy"]

_DUST = 1e-6
"""Weight below which a rounding error, not a decision, holds an asset."""


def record_strategy(
    evaluator: Evaluator,
    symphony: Symphony,
    *,
    fill: Fill,
    cost_bps: float,
    crypto_cost_bps: float,
    last_edit: dt.date | None = None,
) -> tuple[StrategyRecord, TradeTable]:
    """Replay a strategy; give its record for the votes, and its trades.

    Parameters
    ----------
    evaluator
        Holds the prices and shares indicators among the strategies of a task.
    symphony
        Parsed tree.
    fill
        Price at which each close's decision is traded.
    cost_bps, crypto_cost_bps
        Cost of a side, basis points of the amount traded.
    last_edit
        Day of the author's last change; None when unknown.

    Raises
    ------
    SymphonyError
        See `Evaluator.replay`.
    """
    replay = evaluator.replay(symphony, leaf_scores(symphony))
    assert replay.scores is not None  # noqa: S101  Scores were asked for.
    held = replay.targets > _DUST
    panel = evaluator.panel
    crypto = {ticker: bool(panel.crypto[panel.column(ticker)]) for ticker in symphony.tickers}
    record = StrategyRecord.pack(
        held=held,
        categories=replay.scores,
        returns=_net_returns(replay, evaluator, fill, cost_bps, crypto_cost_bps),
        symphony_id=symphony.symphony_id,
        content_hash=symphony.content_hash,
        name=symphony.name,
        last_edit=None if last_edit is None else np.datetime64(last_edit, "D"),
        bars_per_year=365 if all(crypto.values()) else 252,
        holdings=replay.tickers,
        dates=replay.dates,
    )
    trades = [
        asset_trades(
            symphony.content_hash,
            panel.series(ticker),
            replay.dates,
            held[:, i],
            fill=fill,
            cost_bps=crypto_cost_bps if crypto[ticker] else cost_bps,
        )
        for i, ticker in enumerate(replay.tickers)
        if held[:, i].any()
    ]
    return record, TradeTable.concatenate(trades)


def _net_returns(
    replay: Replay, evaluator: Evaluator, fill: Fill, cost_bps: float, crypto_cost_bps: float
) -> Floats:
    """Give the net return known at each close; the first is zero, for nothing is held yet."""
    costs = Costs.per_side(cost_bps / 10_000, crypto_cost_bps / 10_000)
    result = backtest(replay, evaluator.panel, costs, fill)
    return np.concatenate([[0.0], result.returns])
