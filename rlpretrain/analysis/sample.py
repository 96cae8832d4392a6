"""The rows and columns that an analysis works on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.features import FEATURES, STATE_NAMES
from rlpretrain.patterns.decisions.pattern_set import PatternSet

__all__ = ["Sample", "calendar", "non_overlapping", "prepare"]


@dataclass(frozen=True)
class Sample:
    """Patterns with finite states and rewards, ordered by date, and their standardised states.

    The mean and the standard deviation that scale the states are computed from these patterns alone.
    """

    patterns: PatternSet
    names: tuple[str, ...]
    """Features that vary, in the state's order; F of them."""
    groups: tuple[str, ...]
    """Group of each feature: asset, market, votes or position."""
    constant: tuple[str, ...]
    states: NDArray[np.float32]
    """(N, F) in the state's own units."""
    left_out_after_until: int
    left_out_state: int
    left_out_reward: int

    @cached_property
    def standardised(self) -> NDArray[np.float32]:
        """States with mean 0 and standard deviation 1, (N, F)."""
        mean = self.states.mean(axis=0, dtype=np.float64)
        deviation = self.states.std(axis=0, dtype=np.float64)
        scaled: NDArray[np.float32] = ((self.states - mean) / deviation).astype(np.float32)
        return scaled

    @cached_property
    def median(self) -> NDArray[np.float32]:
        """Median of each feature, (F,)."""
        return np.array([np.median(column) for column in self.columns()], np.float32)

    def columns(self) -> Iterator[NDArray[np.float32]]:
        """Yield each feature's values, (N,), contiguous in memory: this makes sorting several times as fast."""
        for feature in range(self.states.shape[1]):
            yield np.ascontiguousarray(self.states[:, feature])

    @cached_property
    def dates(self) -> NDArray[np.datetime64]:
        """Distinct decision dates, ascending, (D,)."""
        return np.unique(self.patterns.date)

    @cached_property
    def date_index(self) -> NDArray[np.intp]:
        """Position of each pattern's date within `dates`, (N,)."""
        return np.searchsorted(self.dates, self.patterns.date)

    def __len__(self) -> int:
        return len(self.patterns)


def prepare(patterns: PatternSet, until: dt.date | None) -> Sample:
    """Drop patterns that were not known by `until` or are not finite, and find the features that vary.

    Raises
    ------
    DataError
        No pattern is left, or the states have the wrong width.
    """
    if len(patterns) == 0:
        raise DataError("no patterns to analyse", hint="lower min_confidence or raise max_strategies")
    if patterns.state.ndim != 2 or patterns.state.shape[1] != len(STATE_NAMES):
        raise DataError(f"states have shape {patterns.state.shape}, expected (N, {len(STATE_NAMES)})")
    known = np.ones(len(patterns), bool) if until is None else patterns.settled <= np.datetime64(until)
    finite_state = np.isfinite(patterns.state).all(axis=1)
    finite_reward = np.isfinite(patterns.reward)
    kept = known & finite_state & finite_reward
    if not kept.any():
        raise DataError(
            f"none of {len(patterns)} patterns can be analysed: {(~known).sum()} settled after {until}, "
            f"{(~finite_state).sum()} have a state and {(~finite_reward).sum()} a reward that is not finite"
        )
    rows = np.flatnonzero(kept)
    # A stable order that does not depend on how the store returned the rows.
    chosen = patterns.take(rows[np.lexsort((patterns.key[rows], patterns.asset[rows], patterns.date[rows]))])
    varies = np.ptp(chosen.state, axis=0) > 0
    return Sample(
        patterns=chosen,
        names=tuple(np.array(STATE_NAMES)[varies].tolist()),
        groups=tuple(feature.block for feature, kept in zip(FEATURES, varies, strict=True) if kept),
        constant=tuple(np.array(STATE_NAMES)[~varies].tolist()),
        states=np.ascontiguousarray(chosen.state[:, varies]),
        left_out_after_until=int((~known).sum()),
        left_out_state=int((known & ~finite_state).sum()),
        left_out_reward=int((known & finite_state & ~finite_reward).sum()),
    )


def non_overlapping(date: NDArray[np.datetime64], settled: NDArray[np.datetime64]) -> int:
    """Return the maximum number of decisions whose periods (date, settled] share no close (greedy, exact)."""
    if len(date) == 0:
        return 0
    order = np.lexsort((settled, date))
    starts, first = np.unique(date[order], return_index=True)
    # Of the decisions of one day, the one that ends first is never the worse choice.
    ends = settled[order][first]
    count, free = 0, starts[0]
    for row in np.argsort(ends, kind="stable"):
        if starts[row] >= free:
            count, free = count + 1, ends[row]
    return count


def calendar(day: np.datetime64) -> dt.date:
    """Return a numpy date as a `datetime.date`."""
    return day.astype("datetime64[D]").astype(dt.date)  # type: ignore[no-any-return]
