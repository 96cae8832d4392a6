"""Extracting from one strategy's replay what the library needs."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import Floats, PricePanel
from rlpretrain.patterns.strategies.categories import asset_reasons, classify_leaves
from rlpretrain.patterns.strategies.fills import Fill
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord, VersionSpan
from rlpretrain.patterns.strategies.trades import TradeTable, asset_trades
from rlpretrain.symphony import BacktestResult, Costs, Fidelity, Replay, backtest
from rlpretrain.symphony.evaluate import trades_every_day

__all__ = ["History", "known_returns", "net_backtest", "record_strategy"]

_DUST = 1e-6
"""Weight below which a holding is a rounding error and not a decision."""


@dataclass(frozen=True)
class History:
    """What is behind a replay that was stitched from a strategy's versions."""

    versions: tuple[VersionSpan, ...]
    """All versions, by their first close."""
    every_day: bool
    """Whether the first one that decides does so every calendar day."""

    @property
    def content_hash(self) -> str:
        """Hash of what the strategy was from which close on."""
        spans = [[str(version.first_close), version.content_hash] for version in self.versions]
        return hashlib.sha256(json.dumps(["versions", spans]).encode()).hexdigest()

    @property
    def reasons(self) -> dict[str, tuple[str, ...]]:
        """Reasons for each asset's categories, of the last version that can hold it."""
        return {asset: reasons for version in self.versions for asset, reasons in version.reasons.items()}


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
    history: History | None = None,
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
    history
        What is behind a replay that was stitched from the strategy's versions; None if one tree decides on all days.

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
    if history is None:
        history = History((), trades_every_day(symphony, panel))
    content = symphony.content_hash if not history.versions else history.content_hash
    decided = np.ones(len(held), np.bool_) if replay.undecided is None else ~replay.undecided
    traded = net_backtest(replay, panel, fill=fill, cost_bps=cost_bps, crypto_cost_bps=crypto_cost_bps)
    record = StrategyRecord.pack(
        held=held[decided],
        categories=replay.scores[decided],
        returns=known_returns(traded)[decided],
        margin=replay.margins.deviations[decided],
        noise_margin=replay.margins.noise[decided],
        nearest_rule="" if nearest is None else str(nearest),
        remarks=replay.remarks,
        agreement=agreement[decided],
        fidelity=fidelity,
        symphony_id=symphony.symphony_id,
        content_hash=content,
        name=symphony.name,
        last_edit=None if last_edit is None else np.datetime64(last_edit, "D"),
        bars_per_year=365 if history.every_day else 252,
        holdings=replay.tickers,
        reasons=history.reasons or asset_reasons(classify_leaves(symphony)),
        dates=replay.dates[decided],
        versions=history.versions,
    )
    trades = [
        asset_trades(
            content,
            panel.series(ticker),
            replay.dates,
            held[:, i],
            fill=fill,
            cost_bps=crypto_cost_bps if panel.crypto[panel.column(ticker)] else cost_bps,
        )
        for i, ticker in enumerate(replay.tickers)
        if held[:, i].any()
    ]
    return record, TradeTable.concatenate(trades)


def known_returns(traded: BacktestResult) -> Floats:
    """Return the net return known at each close (D,); the first is zero, because nothing is held yet."""
    return np.concatenate([[0.0], traded.returns])


def net_backtest(
    replay: Replay, panel: PricePanel, *, fill: Fill, cost_bps: float, crypto_cost_bps: float
) -> BacktestResult:
    """Trade a replay with the library's costs, see `record_strategy`."""
    costs = Costs.per_side(cost_bps / 10_000, crypto_cost_bps / 10_000)
    # How many shares a sum buys depends on later splits: what is learned from must not know them.
    return backtest(replay, panel, costs, fill, whole_share_tickers=())
