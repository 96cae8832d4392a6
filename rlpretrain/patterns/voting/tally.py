"""Counting the library's votes: one pass over all strategies, at every close, for every asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.features import VIEWS, VoteFigures, trailing_score
from rlpretrain.market import Floats, PricePanel
from rlpretrain.patterns.strategies.exposures import appetite
from rlpretrain.patterns.strategies.strategy_records import StrategyRecord
from rlpretrain.patterns.voting.library_sums import FIGURES, LibrarySums
from rlpretrain.patterns.voting.relatives import pool_votes
from rlpretrain.patterns.voting.vote_panel import VotePanel
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = ["Side", "Tally", "tally_votes"]

_CATEGORY_BARS = 5
"""Closes whose holders determine the category of a decision: a sale is judged by those that have just sold."""


@dataclass(frozen=True)
class Side:
    """The strategies that agree at a close: those that hold, or those that could and do not. All arrays are (T, A).

    Means over an empty side are zero.
    """

    count: NDArray[np.int32]
    skill: Floats
    """Mean probability that their true Sharpe ratio is above zero, by their returns to date."""
    standing: Floats
    """Mean weight of their votes: `RunningPerformance.standing`, times the weights of `tally_votes`."""
    clean: Floats
    """Share of them last edited before this day, for which it is out of sample."""
    firm: Floats
    """Mean probability that noise of prices would not have turned their nearest decision, see `firmness`."""
    turning: Floats
    """Mean probability that a usual day turns their nearest decision."""


@dataclass(frozen=True)
class Tally:
    """Everything counted in the pass: the votes, and the strategies behind them."""

    votes: VotePanel
    supporters: Side
    dissenters: Side
    average_standing: Floats
    """(T, A) mean weight over all that could hold the asset."""
    independence: Floats
    """(T, A) effective number of independent strategies over their number, in (0, 1]."""
    categories: NDArray[np.float32]
    """(T, A, 4) mean category scores of the holders of the last five bars; the last known ones where there
    are no holders."""


def tally_votes(
    voters: Sequence[StrategyRecord],
    panel: PricePanel,
    admitted: Sequence[NDArray[np.bool_]] | None = None,
    weights: Sequence[Floats] | None = None,
) -> Tally:
    """Count the votes of the library.

    Every figure of a day uses only returns and holdings up to that day.

    Parameters
    ----------
    voters
        Records of strategies that may vote, see `rlpretrain.patterns.voting.electorate`.
    panel
        Prices; they define the days, and the assets that trade every day.
    admitted
        For each voter, (D,) closes at which it votes; None lets each vote from its first close on.
    weights
        For each voter, (D,) what its standing is multiplied by at each close, see `weights_in_force`; None is 1.

    Raises
    ------
    DataError
        No strategy votes, or a voter holds an asset without prices.
    """
    if not voters:
        raise DataError("no strategy votes", hint="lower min_performance_threshold or take more strategies")
    held = {asset for record in voters for asset in record.holdings}
    assets = tuple(sorted(held | {symbol for symbol in panel.symbols if panel.has_bars(symbol)}))
    sums = LibrarySums(len(panel.dates), len(assets))
    column = {asset: i for i, asset in enumerate(assets)}
    # Sums of floats depend on their order, which is neither the caller's nor changed by a later version's content.
    for i in sorted(range(len(voters)), key=lambda i: voters[i].symphony_id):
        columns = [column[asset] for asset in voters[i].holdings]
        sums.add(
            voters[i],
            panel.dates,
            columns,
            None if admitted is None else admitted[i],
            None if weights is None else weights[i],
        )
    calendar = _Calendar.of(panel, assets)
    everyone, holders = _side(sums.everyone), _side(sums.holders)
    independence = _independence(sums.returns.T, everyone.count, panel.sessions)
    risk_on = np.where(sums.voting > 0, _ratio(sums.risk_on, sums.voting), np.nan)
    return Tally(
        votes=_count_views(
            panel, assets, calendar, everyone, holders, sums.categories, independence, risk_on
        ),
        supporters=holders,
        dissenters=_side(sums.everyone - sums.holders),
        average_standing=everyone.standing,
        independence=independence,
        categories=_categories(sums.categories.swapaxes(0, 1), calendar),
    )


@dataclass(frozen=True)
class _Calendar:
    """Which rows are bars of which asset: equities trade on sessions, crypto assets on every row."""

    days: int
    sessions: NDArray[np.intp]
    crypto: NDArray[np.bool_]

    @classmethod
    def of(cls, panel: PricePanel, assets: Sequence[str]) -> _Calendar:
        columns = [panel.column(asset) for asset in assets]
        return cls(len(panel.dates), panel.sessions, panel.crypto[columns])

    def groups(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp], int]]:
        """Return (columns, rows that are their bars, bars in a year) of each kind of asset in the panel."""
        kinds = [
            (np.flatnonzero(~self.crypto), self.sessions, 252),
            (np.flatnonzero(self.crypto), np.arange(self.days), 365),
        ]
        return [kind for kind in kinds if len(kind[0])]

    def carry(self, rows: NDArray[np.intp], values: NDArray[Any]) -> NDArray[Any]:
        """Repeat each bar's values until the next bar; zero before the first."""
        last = np.searchsorted(rows, np.arange(self.days), side="right") - 1
        carried = values[np.maximum(last, 0)]
        carried[last < 0] = 0.0
        return carried


def _count_views(
    panel: PricePanel,
    assets: tuple[str, ...],
    calendar: _Calendar,
    everyone: Side,
    holders: Side,
    categories: NDArray[np.float32],
    independence: Floats,
    risk_on: Floats,
) -> VotePanel:
    """Compute the views of all assets from what was counted."""
    someone = everyone.count > 0
    share = np.where(someone, _ratio(holders.count, everyone.count), np.nan)
    by_standing = _ratio(holders.count * holders.standing, everyone.count * everyone.standing)
    relative = np.zeros(share.shape)
    for group, rows, year in calendar.groups():
        relative[:, group] = calendar.carry(rows, trailing_score(share[np.ix_(rows, group)], year))
    pooled = pool_votes(panel, assets, relative, everyone.count)
    likes_risk = np.clip([appetite(asset) for asset in assets], -1.0, 1.0)
    views = np.zeros((*share.shape, len(VIEWS)), dtype=np.float32)
    for group, rows, year in calendar.groups():
        grid = np.ix_(rows, group)
        figures = VoteFigures(
            share=share[grid],
            relative=relative[grid],
            by_standing=np.where(someone, by_standing, np.nan)[grid],
            pooled=pooled.pooled[grid],
            risk_on=risk_on[rows],
            appetite=likes_risk[group],
            effective=np.where(someone, everyone.count * independence, np.nan)[grid],
            turning=np.where(someone, everyone.turning, np.nan)[grid],
            year=year,
        )
        for i, view in enumerate(VIEWS):
            views[:, group, i] = calendar.carry(rows, np.nan_to_num(view.compute(figures), nan=0.0))
    return VotePanel(
        assets=assets,
        dates=panel.dates,
        eligible=everyone.count,
        holders=holders.count,
        related=pooled.count,
        views=views,
        by_category=_ratio(categories.swapaxes(0, 1), everyone.count[:, :, None]).astype(np.float16),
    )


def _independence(returns: Floats, count: NDArray[np.int32], sessions: NDArray[np.intp]) -> Floats:
    """Return the effective number of independent strategies over their number.

    The variance of the mean of n standardised returns with average correlation rho is (1 + (n - 1) rho) / n,
    which is one over the number of uncorrelated strategies that would vary as little. It is measured over the
    trailing year of sessions; until a quarter of a year is known, the strategies count as one.
    """
    mean = pd.DataFrame(np.where(count > 0, _ratio(returns, count), np.nan)[sessions])
    variance = (mean**2).rolling(252, min_periods=63).mean().to_numpy()
    last = np.searchsorted(sessions, np.arange(len(count)), side="right") - 1
    variance = np.where((last >= 0)[:, None], variance[np.maximum(last, 0)], np.nan)
    minimum = 1.0 / np.maximum(count, 1)
    measured = variance > 1e-12
    return np.where(measured, np.clip(minimum / np.where(measured, variance, 1.0), minimum, 1.0), minimum)


def _categories(scores: NDArray[np.float32], calendar: _Calendar) -> NDArray[np.float32]:
    """Average the scores of the holders of the last bars; keep the last average where there were none."""
    result = np.full_like(scores, 1.0 / len(CATEGORIES))
    for group, rows, _ in calendar.groups():
        summed = scores[np.ix_(rows, group)]
        recent = summed.copy()
        for bars in range(1, _CATEGORY_BARS):
            recent[bars:] += summed[:-bars]
        total = recent.sum(axis=2, keepdims=True)
        known = total > 0.0
        average = np.where(known, recent / np.where(known, total, 1.0), 1.0 / len(CATEGORIES))
        last = np.maximum.accumulate(np.where(known, np.arange(len(rows))[:, None, None], 0), axis=0)
        kept = np.take_along_axis(average, last, axis=0)
        result[rows[0] :, group] = calendar.carry(rows, kept)[rows[0] :]
    return result


def _side(sums: Floats) -> Side:
    """Convert (A, 6, T) sums to a side's (T, A) figures."""
    count = np.rint(sums[:, 0].T).astype(np.int32)
    # Differences of sums may end a rounding error below zero.
    means = {name: np.maximum(_ratio(sums[:, i].T, count), 0.0) for i, name in enumerate(FIGURES) if i > 0}
    return Side(count=count, **means)


def _ratio(total: NDArray[Any], count: NDArray[Any]) -> Floats:
    """Divide, with zero where the divisor is zero."""
    return np.where(count > 0, total / np.where(count > 0, count, 1), 0.0)
