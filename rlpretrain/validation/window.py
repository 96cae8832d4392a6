"""The test window of one asset, and its clean and contaminated parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments import EpisodeData, Policy, Trajectory, follow, rollout
from rlpretrain.environments.lookahead import stances
from rlpretrain.errors import DataError
from rlpretrain.features import STATE_NAMES
from rlpretrain.market import Floats
from rlpretrain.market.regimes import REGIMES
from rlpretrain.patterns import AssetVotes
from rlpretrain.validation.metrics import timing_contributions

__all__ = ["CLEAN", "CONTAMINATED", "EvaluationWindow", "Part", "combine", "cut", "run_together"]

Part = Literal["clean", "contaminated"]
CLEAN: Part = "clean"
CONTAMINATED: Part = "contaminated"

_MIN_BARS = 20
"""A part shorter than a month is not informative on its own; it is then merged with the rest."""


@dataclass(frozen=True)
class EvaluationWindow:
    """Rows of one asset's history that only validation reads.

    What a strategy decides by rules that were written later reflects its author's hindsight. A strategy that votes as
    the version of the day has no such decisions; one that votes by today's rules has them up to its last edit. Bars on
    which no voter has any are *clean*, and results are judged on them where there are enough; the bars before them are
    *contaminated*.

    Parameters
    ----------
    data
        The asset.
    start, stop
        Rows: decisions at the closes of start .. stop - 2, bars start + 1 .. stop - 1.
    clean_from
        First day on which the rules of every strategy that votes had been written before: the first day of the market
        if all vote point in time, else the day after the last edit of those that do not. None where such an edit is
        unknown: the whole window is then contaminated.
    votes
        The library's votes on each row of the asset's history; None where it has none, and no rule can follow them.
    voted
        Whether the library has votes on the asset itself in the window; a verdict does not count an asset without.
    """

    data: EpisodeData
    start: int
    stop: int
    clean_from: dt.date | None = None
    votes: AssetVotes | None = None
    voted: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop <= len(self.data) or self.stop - self.start < _MIN_BARS:
            raise DataError(
                f"{self.symbol}: rows {self.start} to {self.stop} of {len(self.data)} are not a test window",
                hint=f"it needs {_MIN_BARS} bars or more: move test_start or choose another asset",
            )
        if self.votes is not None and len(self.votes) != len(self.data):
            raise DataError(f"{self.symbol}: votes on {len(self.votes)} of {len(self.data)} rows")

    @property
    def symbol(self) -> str:
        """Ticker of the asset."""
        return self.data.symbol

    @property
    def dates(self) -> NDArray[np.datetime64]:
        """Dates of the window's bars, (m,)."""
        return self.data.dates[self.start + 1 : self.stop]

    @property
    def parts(self) -> dict[Part, slice]:
        """Bars of each part, the main part first."""
        first = bars = len(self.dates)
        if self.clean_from is not None:
            first = int(np.searchsorted(self.dates, np.datetime64(self.clean_from)))
        if bars - first < _MIN_BARS:
            return {CONTAMINATED: slice(0, bars)}
        if first < _MIN_BARS:
            return {CLEAN: slice(first, bars)}
        return {CLEAN: slice(first, bars), CONTAMINATED: slice(0, first)}

    @property
    def main(self) -> Part:
        """The main part, on which results are judged: the clean part where there is one."""
        return next(iter(self.parts))

    def run(self, policy: Policy) -> Trajectory:
        """Run a policy through the whole window from a flat start."""
        return rollout(policy, self.data, [(self.start, self.stop)])[0]

    def decide(self, policy: Policy) -> NDArray[np.bool_]:
        """Return whether a policy is long after each decision, (m,), from a flat start."""
        return stances(policy, self.data, [(self.start, self.stop)])[0]

    @property
    def regimes(self) -> tuple[str, ...]:
        """The benchmark's regime at the close of the decision behind each bar, (m,): known before the bar."""
        first = STATE_NAMES.index(f"regime_{REGIMES[0]}")
        shown = self.data.states[self.start : self.stop - 1, first : first + len(REGIMES)]
        return tuple(REGIMES[row] for row in shown.argmax(axis=1).tolist())

    def follow(self, positions: NDArray[np.bool_], costs: Floats | None = None) -> list[Trajectory]:
        """Run fixed paths of positions through the same accounting.

        Parameters
        ----------
        positions
            (paths, m) stance decided at each close, with m as in `dates`.
        costs
            (m,) cost of a trade after each decision, as a fraction; None for the asset's own.
        """
        if positions.ndim != 2 or positions.shape[1] != len(self.dates):
            raise DataError(
                f"{self.symbol}: {positions.shape} positions, expected (paths, {len(self.dates)})"
            )
        return [follow(self.data, self.start, path, costs) for path in positions]

    def score(self, policy: Policy) -> dict[Part, float]:
        """Return a policy's timing score on each part."""
        return self.part_scores(self.run(policy))

    def part_scores(self, trajectory: Trajectory) -> dict[Part, float]:
        """Return a trajectory's timing score on each part of this window."""
        return {part: float(row.mean()) for part, row in self.part_contributions(trajectory).items()}

    def part_contributions(self, trajectory: Trajectory) -> dict[Part, NDArray[np.float64]]:
        """Return the contribution of each bar to a trajectory's timing score on each part."""
        contributions: dict[Part, NDArray[np.float64]] = {}
        for part, bars in self.parts.items():
            net, asset, held = (
                row[bars] for row in (trajectory.net_returns, trajectory.asset_returns, trajectory.exposure)
            )
            contributions[part] = timing_contributions(net, asset, held, trajectory.bars_per_year)
        return contributions

    def episodes(self, policy: Policy, starts: NDArray[np.intp], length: int) -> list[Trajectory]:
        """Run a policy from a flat start through `length` decisions from each row of `starts`."""
        return rollout(policy, self.data, [(int(start), int(start) + length + 1) for start in starts])

    def episode_starts(
        self, count: int, length: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], int]:
        """Draw the rows at which episodes start, within the main part.

        Returns
        -------
        starts, length
            (count,) rows, and the length, reduced to what fits.
        """
        bars = self.parts[self.main]
        first, stop = self.start + bars.start, self.start + bars.stop
        length = min(length, stop - first)
        return rng.integers(first, stop - length + 1, size=count), length


def run_together(policy: Policy, windows: Sequence[EvaluationWindow]) -> list[Trajectory]:
    """Run a policy through several windows of one asset in one pass, each as by `EvaluationWindow.run`."""
    return rollout(policy, windows[0].data, [(window.start, window.stop) for window in windows])


def cut(trajectory: Trajectory, bars: slice) -> Trajectory:
    """Return some bars of a trajectory, with the trades that were entered in them."""
    dates = trajectory.dates[bars]
    first, last = dates[0].astype(object), dates[-1].astype(object)
    return replace(
        trajectory,
        dates=dates,
        net_returns=trajectory.net_returns[bars],
        asset_returns=trajectory.asset_returns[bars],
        exposure=trajectory.exposure[bars],
        costs=trajectory.costs[bars],
        trades=tuple(trade for trade in trajectory.trades if first <= trade.entry <= last),
    )


def combine(trajectories: Sequence[Trajectory]) -> Trajectory:
    """Average trajectories over seeds, like capital split evenly each day; the result contains no trades."""
    first = trajectories[0]
    if len(trajectories) == 1:
        return first
    return replace(
        first,
        net_returns=np.mean([t.net_returns for t in trajectories], axis=0),
        exposure=np.mean([t.exposure for t in trajectories], axis=0),
        costs=np.mean([t.costs for t in trajectories], axis=0),
        trades=(),
    )
