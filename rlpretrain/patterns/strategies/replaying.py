"""Extracting from one strategy's replay what the library needs."""

from __future__ import annotations

import datetime as dt

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Floats, PricePanel
from rlpretrain.patterns.strategies.categories import asset_reasons, classify_leaves
from rlpretrain.patterns.strategies.fills import Fill
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord
from rlpretrain.patterns.strategies.trades import TradeTable, asset_trades
from rlpretrain.symphony import Costs, Fidelity, Replay, backtest

__all__ = ["record_strategy"]

_DUST = 1e-6
"""Weight below which a holding is a rounding error and not a decision."""


def record_strategy(
    replay: Replay,
    panel: PricePanel,
    *,
    fidelity: Fidelity,
    agreement: NDArray[np.int8],
    fill: Fill,
    cost_bps: float,
    crypto_cost_bps: float,
    last_edit: dt.date | None = None,
) -> tuple[StrategyRecord, TradeTable]:
    """Return a strategy's record for the votes, and its trades.

    Days on which it is unknown what the strategy held are left out of the record; a trade ends before them.

    Parameters
    ----------
    replay
        Replay with the scores of `leaf_scores`, and with margins.
    panel
        The panel that was replayed.
    fidelity
        How well the replay reproduces the service's backtest.
    agreement
        (D,) verdict on the fidelity at each close, see `StrategyRecord`.
    fill
        Price at which each close's decision is traded.
    cost_bps, crypto_cost_bps
        Cost of a side, basis points of the amount traded.
    last_edit
        Day of the author's last change; None if unknown.

    Raises
    ------
    ValueError
        The replay has no scores or no margins.
    """
    if replay.scores is None:
        raise ValueError(
            "the replay has no scores: pass leaf_scores(symphony), which the categories come from"
        )
    if replay.margins is None:
        raise ValueError("the replay has no margins: ask for them with margins=True")
    nearest = replay.margins.rule_at(-1)
    symphony, held = replay.symphony, replay.targets > _DUST
    crypto = {
        ticker: bool(panel.crypto[panel.column(ticker)]) for ticker in symphony.tickers if ticker in panel
    }
    decided = np.ones(len(held), np.bool_) if replay.undecided is None else ~replay.undecided
    record = StrategyRecord.pack(
        held=held[decided],
        categories=replay.scores[decided],
        returns=_net_returns(replay, panel, fill, cost_bps, crypto_cost_bps)[decided],
        margin=replay.margins.deviations[decided],
        noise_margin=replay.margins.noise[decided],
        nearest_rule="" if nearest is None else str(nearest),
        remarks=replay.remarks,
        agreement=agreement[decided],
        fidelity=fidelity,
        symphony_id=symphony.symphony_id,
        content_hash=symphony.content_hash,
        name=symphony.name,
        last_edit=None if last_edit is None else np.datetime64(last_edit, "D"),
        bars_per_year=365 if all(crypto.values()) else 252,
        holdings=replay.tickers,
        reasons=asset_reasons(classify_leaves(symphony)),
        dates=replay.dates[decided],
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
    replay: Replay, panel: PricePanel, fill: Fill, cost_bps: float, crypto_cost_bps: float
) -> Floats:
    """Return the net return known at each close; the first is zero, because nothing is held yet."""
    costs = Costs.per_side(cost_bps / 10_000, crypto_cost_bps / 10_000)
    # How many shares a sum buys depends on later splits: what is learned from must not know them.
    result = backtest(replay, panel, costs, fill, whole_share_tickers=())
    return np.concatenate([[0.0], result.returns])
