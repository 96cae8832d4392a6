"""What the explorer shows: a selection of decisions, one decision, counts over many decisions, a strategy."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from rlpretrain.errors import DataError
from rlpretrain.market import REGIMES
from rlpretrain.patterns import ACTIONS
from rlpretrain.symphony.evidence import CATEGORIES

__all__ = [
    "BINS",
    "MAX_COUNTED",
    "Counts",
    "Decision",
    "Filter",
    "Strategy",
    "as_strategy",
    "counted",
    "cursor",
]

MAX_COUNTED = 200_000
"""Maximum number of decisions that the counts cover."""
_CURSOR = re.compile(r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\.(?P<asset>[0-9]{1,9})\.(?P<position>[01])")
"""The number of an asset has at most nine digits, since it is an integer of the database."""
BINS = 10
"""Number of equal bins of confidence, in [0, 1]."""


@dataclass(frozen=True)
class Filter:
    """Which decisions to show; None means all."""

    asset: str | None = None
    category: str | None = None
    regime: str | None = None
    action: str | None = None
    start: dt.date | None = None
    stop: dt.date | None = None
    """Last day."""
    min_confidence: float = 0.0
    assets: tuple[str, ...] | None = None
    """Assets that a strategy can hold."""


@dataclass(frozen=True)
class Decision:
    """One stored pattern, without its state."""

    asset: str
    date: dt.date
    in_position: bool
    action: str
    probabilities: tuple[float, float, float]
    """Probabilities of hold, buy and sell."""
    supporters: int
    dissenters: int
    category: str
    scores: tuple[float, ...]
    """Scores in the order of `CATEGORIES`."""
    regime: str
    confidence: float
    strategy_weight: float
    reward: float
    settled: dt.date
    cursor: str
    """Where the next page begins if this is the last row."""


@dataclass(frozen=True)
class Counts:
    """Counts over the newest matching decisions."""

    total: int
    complete: bool
    """Whether they cover all matching decisions."""
    since: dt.date | None
    """Day of the oldest decision counted."""
    actions: Mapping[tuple[str, str], int]
    """(category, action) -> decisions."""
    regimes: Mapping[tuple[str, str], int]
    """(regime, action) -> decisions."""
    rewards: Mapping[tuple[str, str], float]
    """(category, regime) -> mean reward of buys and sells, fraction."""
    months: Mapping[dt.date, tuple[int, int, int]]
    """First day of a month -> holds, buys, sells."""
    confidence: tuple[int, ...]
    """Decisions in each of `BINS` equal bins."""


@dataclass(frozen=True)
class Strategy:
    """A strategy that votes."""

    symphony_id: str
    content_hash: str
    name: str
    holdings: tuple[str, ...]
    sharpe: float
    last_edit: dt.date | None
    fidelity: str | None


def counted(groups: Iterable[Any]) -> Counts:
    """Add groups up to counts.

    Parameters
    ----------
    groups
        Rows of year, month, category, regime, action, bin of confidence, decisions, sum of rewards, first day.
    """
    actions, regimes, pairs = (
        Counter[tuple[str, str]](),
        Counter[tuple[str, str]](),
        Counter[tuple[str, str]](),
    )
    rewards: dict[tuple[str, str], float] = {}
    months: dict[dt.date, list[int]] = {}
    bins = [0] * BINS
    days: list[dt.date] = []
    for year, month, category, regime, action, level, number, reward, first in groups:
        named = CATEGORIES[category], REGIMES[regime], ACTIONS[action]
        actions[named[0], named[2]] += number
        regimes[named[1], named[2]] += number
        months.setdefault(dt.date(int(year), int(month), 1), [0] * len(ACTIONS))[action] += number
        bins[level] += number
        days.append(first)
        if named[2] != "hold":
            pair = named[0], named[1]
            pairs[pair] += number
            rewards[pair] = rewards.get(pair, 0.0) + float(reward)
    total = actions.total()
    return Counts(
        total=total,
        complete=total < MAX_COUNTED,
        since=min(days, default=None),
        actions=actions,
        regimes=regimes,
        rewards={pair: value / pairs[pair] for pair, value in rewards.items()},
        months={month: (row[0], row[1], row[2]) for month, row in sorted(months.items())},
        confidence=tuple(bins),
    )


def as_strategy(row: Row[Any]) -> Strategy:
    """Read a row of the store's strategies, with `sharpe` and the fidelity's `status`."""
    return Strategy(
        symphony_id=row.symphony_id,
        content_hash=row.content_hash,
        name=row.name,
        holdings=tuple(json.loads(row.holdings)),
        sharpe=row.sharpe,
        last_edit=row.last_edit,
        fidelity=row.status,
    )


def cursor(text: str) -> tuple[dt.date, int, bool]:
    """Read a cursor: day, number of the asset, position.

    Raises
    ------
    DataError
        The text is not a cursor.
    """
    found = _CURSOR.fullmatch(text)
    try:
        if found is not None:
            return dt.date.fromisoformat(found["day"]), int(found["asset"]), found["position"] == "1"
    except ValueError:
        pass
    raise DataError("after: this is not where a page ends")
