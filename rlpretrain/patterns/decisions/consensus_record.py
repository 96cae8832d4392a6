"""The result of following the library's consensus on a window: no agent, only the votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market import AssetSeries, Dates, Floats, PricePanel
from rlpretrain.patterns.decisions.consensus import outcomes, stances
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.patterns.strategies.fills import fill_prices
from rlpretrain.patterns.voting.electorate import MIN_ELECTORATE
from rlpretrain.patterns.voting.tally import Tally

__all__ = ["ConsensusRecord", "follow_consensus", "stance_returns"]


@dataclass(frozen=True)
class ConsensusRecord:
    """The consensus on all assets that enough strategies could hold, with an equal share of the money in each."""

    dates: Dates
    """(S,) sessions of the window."""
    returns: Floats
    """(S,) net return of following the consensus, mean over the assets that could be traded since the last session."""
    holding: Floats
    """(S,) net return of holding these assets instead."""
    rewards: Floats
    """Net gain over not changing, of each change of stance that was decided and settled within the window."""
    assets: int
    """Number of assets."""


def follow_consensus(
    tally: Tally, panel: PricePanel, rules: DecisionSettings, start: np.datetime64, stop: np.datetime64
) -> ConsensusRecord:
    """Follow the consensus from the first close at or after `start` to the last one before `stop`.

    An asset takes part on the days on which at least three strategies could hold it. Stances include changes of the
    consensus before `start`; fills and costs are those of the rules.
    """
    sessions = panel.dates[panel.sessions]
    sessions = sessions[(sessions >= start) & (sessions < stop)]
    followed: list[Floats] = []
    held: list[Floats] = []
    rewards: list[Floats] = []
    for column, symbol in enumerate(tally.votes.assets):
        if not panel.has_bars(symbol):
            continue
        series = panel.series(symbol)
        rows = np.searchsorted(tally.votes.dates, series.dates)
        eligible = tally.votes.eligible[rows, column] >= MIN_ELECTORATE
        if not (eligible & (series.dates >= start) & (series.dates < stop)).any():
            continue
        relative = tally.votes.view("relative")[rows, column].astype(np.float64)
        stance = stances(relative, buy_level=rules.buy_level, sell_level=rules.sell_level) & eligible
        price = fill_prices(series, rules.fill)
        cost = (rules.crypto_cost_bps if series.crypto else rules.cost_bps) / 10_000
        # A bar counts when the asset could be voted on at the close before.
        before = np.concatenate([[False], eligible[:-1]])
        for stream, position in ((followed, stance), (held, eligible)):
            returns = np.where(before, stance_returns(series, position, price, cost), np.nan)
            stream.append(_between_sessions(series.dates, returns, sessions))
        was = np.concatenate([[False], stance[:-1]])
        outcome = outcomes(
            stance,
            was,
            series.close,
            price,
            buys=relative > rules.buy_level,
            sells=relative < rules.sell_level,
            max_holding_days=rules.max_holding_days,
            cost=cost,
        )
        known = np.searchsorted(series.dates, stop)
        changed = (stance != was) & eligible & (series.dates >= start) & (outcome.settled < known)
        rewards.append(outcome.reward[changed])
    return ConsensusRecord(
        dates=sessions,
        returns=_mean(followed, len(sessions)),
        holding=_mean(held, len(sessions)),
        rewards=np.concatenate(rewards) if rewards else np.zeros(0),
        assets=len(followed),
    )


def stance_returns(series: AssetSeries, stance: NDArray[np.bool_], price: Floats, cost: float) -> Floats:
    """Return the net return over each bar of a trader who takes the previous close's stance, (n,).

    With the fill f within the bar and closes c: ``c / c'`` when it stays long, ``(1 - cost) c / f`` when it
    buys, ``(1 - cost) f / c'`` when it sells, and 1 when it stays out; minus 1. The first bar's return is zero.
    """
    close = series.close
    previous = np.concatenate([close[:1], close[:-1]])
    wanted = np.concatenate([[False], stance[:-1]])
    held = np.concatenate([[False], wanted[:-1]])
    growth = np.where(wanted, close / previous, 1.0)
    growth = np.where(wanted & ~held, (1.0 - cost) * close / price, growth)
    growth = np.where(held & ~wanted, (1.0 - cost) * price / previous, growth)
    return np.asarray(growth - 1.0)


def _between_sessions(dates: Dates, returns: Floats, sessions: Dates) -> Floats:
    """Compound an asset's returns from session to session, (S,); NaN where it could not be traded."""
    slot = np.searchsorted(sessions, dates)  # A weekend's bar belongs to the session that follows.
    inside = (slot < len(sessions)) & np.isfinite(returns)
    if len(sessions):  # Bars before the first session belong to no window.
        inside &= dates > sessions[0] - np.timedelta64(1, "D")
    growth = np.ones(len(sessions))
    np.multiply.at(growth, slot[inside], 1.0 + returns[inside])
    traded = np.zeros(len(sessions), dtype=bool)
    traded[slot[inside]] = True
    return np.where(traded, growth - 1.0, np.nan)


def _mean(streams: list[Floats], sessions: int) -> Floats:
    """Average over the assets that were traded; zero where none was."""
    if not streams:
        return np.zeros(sessions)
    stacked = np.array(streams)
    traded = np.isfinite(stacked)
    return np.asarray(np.where(traded, stacked, 0.0).sum(axis=0) / np.maximum(traded.sum(axis=0), 1))
