"""Count the library's votes: one pass over all strategies, at every close, for every asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market import Dates, Floats, PricePanel
from rlpretrain.patterns.pattern_set import CATEGORIES
from rlpretrain.patterns.performance import running_performance
from rlpretrain.patterns.records import StrategyRecord
from rlpretrain.patterns.votes import VotePanel

__all__ = ["Side", "Tally", "tally_votes"]

_KNOWN_FOR = np.timedelta64(7, "D")
"""A strategy's last decision stands over weekends and holidays, not for longer."""
_CATEGORY_BARS = 5
"""Closes whose holders tell what kind of decision it is: a sale is judged by those who have just left."""
_LARGEST_SCORE = 4.0
"""Bound on a standardised return, so that one crash does not decide how independent strategies are."""


@dataclass(frozen=True)
class Side:
    """The strategies that agree at a close, those that hold or those that could and don't; all arrays (T, A).

    Means over an empty side are zero.
    """

    count: NDArray[np.int32]
    skill: Floats
    """Mean probability that their true Sharpe ratio is above zero, by their returns so far."""
    standing: Floats
    """Mean weight of their votes; see `RunningPerformance.standing`."""
    clean: Floats
    """Share of them last edited before this day: to them it is out of sample."""
    fidelity: Floats
    """Mean fidelity of their replays."""


@dataclass(frozen=True)
class Tally:
    """Everything counted in the pass: the votes, and who stands behind them."""

    votes: VotePanel
    supporters: Side
    dissenters: Side
    average_standing: Floats
    """(T, A) mean weight over all that could hold the asset."""
    independence: Floats
    """(T, A) effective number of independent strategies over their number, in (0, 1]."""
    categories: NDArray[np.float32]
    """(T, A, 4) mean category scores of the holders of the last five bars; the last known ones where there are none."""


def tally_votes(voters: Sequence[StrategyRecord], panel: PricePanel) -> Tally:
    """Count the votes of the library.

    Every figure of a day uses returns and holdings of that day and before.

    Parameters
    ----------
    voters
        Records of strategies that may vote, see `rlpretrain.patterns.electorate`.
    panel
        Prices; gives the days, and the assets that trade every day.

    Raises
    ------
    DataError
        Nobody votes, or a voter holds an asset without prices.
    """
    if not voters:
        raise DataError("no strategy votes", hint="lower min_performance_threshold or offer more strategies")
    assets = tuple(sorted({asset for record in voters for asset in record.holdings}))
    crypto = panel.crypto[[panel.column(asset) for asset in assets]]
    sums = _Sums(len(panel.dates), len(assets))
    column = {asset: i for i, asset in enumerate(assets)}
    for record in sorted(voters, key=lambda r: r.content_hash):
        sums.add(record, panel.dates, [column[asset] for asset in record.holdings])
    calendar = _Calendar(len(panel.dates), panel.sessions, crypto)
    everyone, holders = _side(sums.everyone), _side(sums.holders)
    return Tally(
        votes=_votes(assets, panel.dates, sums, calendar),
        supporters=holders,
        dissenters=_side(sums.everyone - sums.holders),
        average_standing=everyone.standing,
        independence=_independence(sums, panel.sessions),
        categories=_categories(sums.categories.swapaxes(0, 1), calendar),
    )


_SIDE = ("count", "skill", "standing", "clean", "fidelity")


class _Sums:
    """Running sums over strategies; the days come last, so that adding a strategy runs along memory."""

    def __init__(self, days: int, assets: int) -> None:
        self.everyone = np.zeros((assets, len(_SIDE), days))
        """Of those that could hold the asset, in the order of `_SIDE`."""
        self.holders = np.zeros((assets, len(_SIDE), days))
        """Of those that do."""
        self.returns = np.zeros((assets, days))
        """Standardised returns of all that could hold the asset."""
        self.categories = np.zeros((assets, days, len(CATEGORIES)), dtype=np.float32)

    def count(self) -> Floats:
        """Give the number of strategies that could hold each asset, (T, A)."""
        return self.everyone[:, 0].T

    def add(self, record: StrategyRecord, days: Dates, columns: Sequence[int]) -> None:
        """Add one strategy's figures on the panel's days."""
        last = np.searchsorted(record.dates, days, side="right") - 1
        last, begun = np.maximum(last, 0), last >= 0
        known = (begun & (days - record.dates[last] <= _KNOWN_FOR)).astype(np.float64)
        returns = record.returns.astype(np.float64)
        performance = running_performance(returns, record.bars_per_year)
        edited = record.last_edit
        figures = known * np.stack(
            [
                np.ones(len(days)),
                performance.psr[last],
                performance.standing[last],
                np.zeros(len(days)) if edited is None else days > edited,
                np.full(len(days), record.fidelity),
            ]
        )
        deviation = performance.deviation
        score = np.divide(returns, deviation, out=np.zeros_like(returns), where=deviation > 0.0)
        score = np.clip(score, -_LARGEST_SCORE, _LARGEST_SCORE)[last] * (record.dates[last] == days)
        held = record.held()
        categories = record.categories()
        for i, column in enumerate(columns):
            self.everyone[column] += figures
            self.returns[column] += score
            if held[:, i].any():
                self.holders[column] += figures * held[last, i]
                self.categories[column] += categories[last, i] * known[:, None].astype(np.float32)


@dataclass(frozen=True)
class _Calendar:
    """Which rows are bars of which asset: equities trade on sessions, crypto on every row."""

    days: int
    sessions: NDArray[np.intp]
    crypto: NDArray[np.bool_]

    def groups(self) -> list[tuple[NDArray[np.bool_], NDArray[np.intp], int]]:
        """Give (columns, rows that are their bars, bars in a year) of both kinds of asset."""
        return [(~self.crypto, self.sessions, 252), (self.crypto, np.arange(self.days), 365)]

    def carry(self, rows: NDArray[np.intp], values: Floats) -> Floats:
        """Repeat each bar's values until the next bar; zero before the first."""
        last = np.searchsorted(rows, np.arange(self.days), side="right") - 1
        carried = values[np.maximum(last, 0)]
        carried[last < 0] = 0.0
        return carried


def _votes(assets: tuple[str, ...], dates: Dates, sums: _Sums, calendar: _Calendar) -> VotePanel:
    everyone, holders = _side(sums.everyone), _side(sums.holders)
    share = _mean(holders.count, everyone.count)
    by_standing = _mean(sums.holders[:, 2].T, sums.everyone[:, 2].T)
    columns = {
        name: np.zeros(share.shape, dtype=np.float32)
        for name in ("relative", "weighted", "change_1", "change_5")
    }
    for group, rows, year in calendar.groups():
        grid = np.ix_(rows, np.flatnonzero(group))
        someone = everyone.count[grid] > 0
        computed = {
            "relative": _relative(np.where(someone, share[grid], np.nan), year),
            "weighted": _relative(np.where(someone, by_standing[grid], np.nan), year),
            "change_1": _change(share[grid], 1),
            "change_5": _change(share[grid], 5),
        }
        for name, values in computed.items():
            columns[name][:, group] = calendar.carry(rows, values)
    return VotePanel(
        assets=assets,
        dates=dates,
        eligible=everyone.count,
        holders=holders.count,
        share=share.astype(np.float32),
        **columns,
    )


def _relative(share: Floats, year: int) -> Floats:
    """Give (share - trailing mean) / trailing deviation over a year that ends today; 0 where that is undefined."""
    trailing = pd.DataFrame(share).rolling(year, min_periods=year // 4)
    mean, deviation = trailing.mean().to_numpy(), trailing.std(ddof=0).to_numpy()
    defined = np.isfinite(share) & (deviation > 1e-9)
    return np.divide(share - mean, deviation, out=np.zeros_like(share), where=defined)


def _change(values: Floats, bars: int) -> Floats:
    change = np.zeros_like(values)
    change[bars:] = values[bars:] - values[:-bars]
    return change


def _independence(sums: _Sums, sessions: NDArray[np.intp]) -> Floats:
    """Give the effective number of independent strategies over their number.

    The variance of the mean of n standardised returns with average correlation rho is (1 + (n - 1) rho) / n, which
    is one over the number of uncorrelated strategies that would vary as little. It is measured over the trailing year
    of sessions; before a quarter of a year is seen, the strategies count as one.
    """
    count = sums.count()
    mean = pd.DataFrame(np.where(count > 0, _mean(sums.returns.T, count), np.nan)[sessions])
    variance = (mean**2).rolling(252, min_periods=63).mean().to_numpy()
    last = np.searchsorted(sessions, np.arange(len(count)), side="right") - 1
    variance = np.where((last >= 0)[:, None], variance[np.maximum(last, 0)], np.nan)
    least = 1.0 / np.maximum(count, 1.0)
    ratio = np.divide(least, variance, out=least.copy(), where=variance > 1e-12)
    return np.clip(ratio, least, 1.0)


def _categories(scores: NDArray[np.float32], calendar: _Calendar) -> NDArray[np.float32]:
    """Average the scores of the holders of the last bars, and keep the last known average where nobody held."""
    result = np.zeros_like(scores)
    for group, rows, _ in calendar.groups():
        summed = scores[np.ix_(rows, np.flatnonzero(group))]
        recent = summed.copy()
        for bars in range(1, _CATEGORY_BARS):
            recent[bars:] += summed[:-bars]
        total = recent.sum(axis=2, keepdims=True)
        known = total[:, :, 0] > 0.0
        last = np.maximum.accumulate(np.where(known, np.arange(len(rows))[:, None], 0), axis=0)
        normal = np.divide(recent, total, out=np.full_like(recent, 1.0 / len(CATEGORIES)), where=total > 0.0)
        normal = np.take_along_axis(normal, last[:, :, None], axis=0)
        carried = calendar.carry(rows, normal)
        carried[: rows[0] if len(rows) else 0] = 1.0 / len(CATEGORIES)
        result[:, group] = carried
    return result


def _side(sums: Floats) -> Side:
    """Turn (A, 5, T) sums into a side's (T, A) figures."""
    count = sums[:, 0].T
    means = {name: np.maximum(_mean(sums[:, i].T, count), 0.0) for i, name in enumerate(_SIDE) if i > 0}
    return Side(count=np.rint(count).astype(np.int32), **means)


def _mean(total: Floats, count: NDArray[Any]) -> Floats:
    return np.divide(total, count, out=np.zeros(total.shape), where=count > 0)
