"""Replaying a symphony although a ticker lacks prices: the days on which its rules need the ticker are left out.

A day is undecided where an active node reads or holds a ticker without a price. What was held there is unknown, so that
nothing is held until the weights are set again for certain: at the next rebalance of a calendar or, without a calendar,
when the tree is known to change its leaves. On all other days the weights are those of the full replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import SymphonyError
from rlpretrain.market.panel import Floats
from rlpretrain.symphony.nodes import (
    Asset,
    Compound,
    Condition,
    Filter,
    If,
    InverseVolatility,
    Metric,
    Rebalance,
    Symphony,
)
from rlpretrain.symphony.portions import Portion
from rlpretrain.symphony.prices import PriceTable, last_known
from rlpretrain.symphony.replay import Replay
from rlpretrain.symphony.substrategy import Substrategies

__all__ = ["MissingTickers", "UndecidedDays", "decided_part", "lacking_tickers", "undecided_days"]

MissingTickers: TypeAlias = Literal["reject", "replay_without"]

Booleans: TypeAlias = NDArray[np.bool_]


class UndecidedDays:
    """Marks the days of a walk on which an active node needs a price that is unknown."""

    def __init__(self, table: PriceTable, strategies: Substrategies, start: int, stop: int) -> None:
        self._table, self._strategies, self._start = table, strategies, start
        self.days = np.zeros(stop - start, np.bool_)
        """(D,) marked days."""

    def meet(self, symphony: Symphony, position: int, visit: int, portion: Portion) -> None:
        """Mark the rows on which the node at a position lacks a price."""
        del visit
        rows, _ = portion
        match symphony.nodes[position]:
            case Asset(ticker):
                unknown = np.isnan(self._table.close(ticker)[rows])
            case If(condition, _):
                unknown = ~_known(self._table, condition)[rows]
            case Filter() | InverseVolatility():
                unknown = self._strategies.incomplete(position)[rows]
            case _:
                return
        self.days[rows - self._start] |= unknown


def lacking_tickers(symphony: Symphony, table: PriceTable, stop: int) -> tuple[str, ...]:
    """Return the tickers without a price on the last row before `stop`, or on any."""
    return tuple(name for name in symphony.tickers if last_known(table.close(name)) < stop - 1)


def undecided_days(
    undecided: Booleans, due: Booleans, rebalance: Rebalance, wanted: Floats, closes: Floats
) -> Booleans:
    """Return the days (D,) on which it is unknown what is held.

    Parameters
    ----------
    undecided
        (D,) days on which the tree's decision is unknown.
    due
        (D,) days on which the weights are set to those of the tree, as far as the tree is known.
    rebalance
        The symphony's rule.
    wanted
        (D, n) weights that the tree wants.
    closes
        (D, n) prices of the holdings; NaN where unknown.
    """
    lost = np.zeros(len(due), np.bool_)
    asked = due if rebalance != "none" else np.ones(len(due), np.bool_)
    held = wanted[0] > 0.0
    for t in range(len(due)):
        if t and not lost[t - 1] and np.isnan(closes[t, held]).any():
            lost[t] = True
            continue
        certain = due[t] and not undecided[t] and (rebalance != "none" or t == 0 or not undecided[t - 1])
        lost[t] = not certain and ((t > 0 and lost[t - 1]) or (asked[t] and undecided[t]))
        if due[t] and not lost[t]:
            held = wanted[t] > 0.0
    return lost


def decided_part(replay: Replay, table: PriceTable, lacking: tuple[str, ...]) -> Replay:
    """Return a replay of the tickers with prices, from its first decided day to its last one, with a remark.

    Raises
    ------
    SymphonyError
        No day is decided.
    """
    assert replay.undecided is not None  # noqa: S101 - as the caller computed it
    name, days = replay.symphony.symphony_id, len(replay.dates)
    remark = _remark(replay.symphony, table, lacking, int(replay.undecided.sum()), days)
    decided = np.flatnonzero(~replay.undecided)
    if not len(decided):
        raise SymphonyError(f"{name}: {remark}")
    priced = [i for i, ticker in enumerate(replay.tickers) if ticker in table]
    return replace(
        replay.between(int(decided[0]), int(decided[-1]) + 1),
        tickers=tuple(replay.tickers[i] for i in priced),
        closes=replay.closes[decided[0] : decided[-1] + 1, priced],
        targets=replay.targets[decided[0] : decided[-1] + 1, priced],
        scores=None if replay.scores is None else replay.scores[decided[0] : decided[-1] + 1, priced],
        remarks=(remark,),
    )


def _remark(symphony: Symphony, table: PriceTable, tickers: Sequence[str], lost: int, days: int) -> str:
    """Return in words which tickers lack prices, where they stand, and how many days that costs."""
    found = []
    for ticker in tickers:
        last = last_known(table.close(ticker))
        since = "" if last < 0 else f" after {table.dates[last]}"
        found.append(f"{symphony.first_use[ticker]}: no prices of {ticker}{since}")
    return f"{'; '.join(found)}; {lost:,} of {days:,} days need them and are left out, in cash"


def _known(table: PriceTable, condition: Condition) -> Booleans:
    """Return the days (T,) on which a condition's truth does not depend on an unknown value."""
    if isinstance(condition, Compound):
        known = np.stack([_known(table, part) for part in condition.conditions])
        holds = np.stack([table.condition(part) for part in condition.conditions])
        decided: Booleans = known.all(axis=0) | (known & (holds != condition.every)).any(axis=0)
        return decided
    left, right = table.sides(condition)
    known_left = np.isfinite(left)
    return known_left & np.isfinite(right) if isinstance(condition.right, Metric) else known_left
