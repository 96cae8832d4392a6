"""The assets on which a library has most to say, from its votes before the validation window alone."""

from __future__ import annotations

import numpy as np

from rlpretrain.features.asset import CASH_VOLATILITY
from rlpretrain.market import PricePanel
from rlpretrain.patterns.voting.electorate import MIN_ELECTORATE
from rlpretrain.patterns.voting.vote_panel import VotePanel

__all__ = ["has_votes", "rank_by_votes", "yearly_volatility"]

_YEAR = 365
"""Days before the validation window whose votes count."""
_MIN_BARS = 315
"""Bars before the validation window: a year until the state is complete, and a quarter to learn from."""
_TRADES_WITHIN = 7
"""Days before the test window within which the asset must have traded: by then it has not been delisted."""


def rank_by_votes(
    votes: VotePanel, panel: PricePanel, *, validation_start: np.datetime64, test_start: np.datetime64
) -> list[str]:
    """Rank assets by the strategies that held them in the year before the validation window, most first.

    The rank is by the mean number of holders over that year's closes, ties by name. Left out are assets that fewer
    than three strategies could hold at every one of them, that none held, that are cash (a yearly volatility below
    3 %: there is nothing to time), that have closes alone, less than 315 bars before the validation window, or none in
    the week before the test window. No vote or price of the test window has an influence, and of the validation window
    only whether the asset still trades.
    """
    year = (votes.dates < validation_start) & (votes.dates >= validation_start - np.timedelta64(_YEAR, "D"))
    holders = votes.holders[year].mean(axis=0) if year.any() else np.zeros(len(votes.assets))
    could = (votes.eligible[year] >= MIN_ELECTORATE).any(axis=0)
    held = {votes.assets[column]: float(holders[column]) for column in np.flatnonzero(could & (holders > 0))}
    usable = [asset for asset in held if _can_be_validated(panel, asset, validation_start, test_start)]
    return sorted(usable, key=lambda asset: (-held[asset], asset))


def has_votes(votes: VotePanel, asset: str, first: np.datetime64, last: np.datetime64) -> bool:
    """Return whether at least three strategies could hold an asset at one of the closes from one day to another."""
    column = votes.column(asset)
    days = (votes.dates >= first) & (votes.dates <= last)
    return column is not None and bool((votes.eligible[days, column] >= MIN_ELECTORATE).any())


def _can_be_validated(
    panel: PricePanel, asset: str, validation_start: np.datetime64, test_start: np.datetime64
) -> bool:
    if not panel.has_bars(asset):
        return False
    dates = panel.series(asset).dates
    known = dates[dates < test_start]
    return (
        int((dates < validation_start).sum()) >= _MIN_BARS
        and known[-1] >= test_start - np.timedelta64(_TRADES_WITHIN, "D")
        and yearly_volatility(panel, asset, validation_start) >= CASH_VOLATILITY
    )


def yearly_volatility(panel: PricePanel, asset: str, until: np.datetime64) -> float:
    """Return the annualised deviation of an asset's returns before a day; 0 where there is no return."""
    series = panel.series(asset)
    close = series.close[series.dates < until]
    return float(np.std(close[1:] / close[:-1]) * np.sqrt(series.bars_per_year)) if len(close) > 1 else 0.0
