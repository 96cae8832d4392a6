"""All evidence on one asset, as one value that is written, pooled and drawn."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, ConfigDict

from rlpretrain.validation.baselines import MatchedRandom
from rlpretrain.validation.execution import Execution
from rlpretrain.validation.learning_curves import CurveBand, CurveComparison, LearningCurve
from rlpretrain.validation.metrics import PerformanceMetrics
from rlpretrain.validation.overfitting import Overfitting
from rlpretrain.validation.rule_gains import RuleGain
from rlpretrain.validation.sharpe import SharpeDifference, SharpeEvidence
from rlpretrain.validation.statistics import Interval
from rlpretrain.validation.window import CLEAN, Part

__all__ = [
    "ArmResult",
    "AssetValidation",
    "EpisodeSummary",
    "TriedPolicy",
    "WindowSummary",
]


class _Evidence(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WindowSummary(_Evidence):
    """The days that were tested, and the part of them on which results are judged."""

    symbol: str
    start: dt.date
    end: dt.date
    bars: int
    bars_per_year: int
    clean_from: dt.date | None
    """First day that no voting strategy's author can have known; None where that is unknown."""
    clean_bars: int
    contaminated_bars: int
    main: Part
    cost_bps: float
    """Cost of a trade, basis points a side."""
    voted: bool = True
    """Whether the library votes on the asset in the window; a verdict does not count an asset without votes."""


class ArmResult(_Evidence):
    """Results of one arm on the test window; arms that learn have one run per seed."""

    arm: str
    runs: int
    metrics: dict[Part, PerformanceMetrics]
    """Medians over runs."""
    score: Interval | None
    """Timing score on the main part, over runs; None for a single run."""
    equity: tuple[float, ...]
    """(m,) growth of 1, capital split evenly among the runs each day."""
    exposure: tuple[float, ...]
    """(m,) share of the capital in the market."""
    contributions: tuple[float, ...]
    """Contribution of each bar of the main part to the timing score, mean over runs."""


class TriedPolicy(_Evidence):
    """A policy that was scored on the test window, by which the best one's Sharpe ratio is deflated."""

    arm: str
    seed: int | None
    """None for a policy that no seed of this validation has trained."""
    sha256: str
    """Hash of its weights, by which the same policy is recognised in another validation."""


class EpisodeSummary(_Evidence):
    """Distribution over random-start episodes; they overlap, so no interval is computed from them."""

    arm: str
    episodes: int
    days: int
    score_quartiles: tuple[float, float, float]
    return_quartiles: tuple[float, float, float]
    """Quartiles of the net return over an episode, fraction."""
    positive: float
    """Share of episodes with a net gain."""
    beats_holding: float
    """Share of episodes in which the net return exceeds that of holding the asset."""


class AssetValidation(_Evidence):
    """Evidence on one asset. Deterministic: the same inputs and seed give the same bytes."""

    window: WindowSummary
    dates: tuple[dt.date, ...]
    """(m,) dates of the window's bars, for the equity and the exposure of each arm."""
    arms: dict[str, ArmResult]
    curves: dict[Part, tuple[LearningCurve, ...]]
    bands: dict[str, CurveBand]
    """Arm -> curve on the main part, with its interval."""
    comparisons: tuple[CurveComparison, ...]
    """Comparisons of each treated arm with its control, on the main part."""
    contaminated_comparisons: tuple[CurveComparison, ...]
    """The same on the contaminated part, where the main part is clean."""
    luck: MatchedRandom
    """The agent compared with random paths of the same exposure and turnover."""
    sharpe: SharpeEvidence | None
    """The agent's Sharpe ratio on the main part, deflated by the true number of trials."""
    sharpe_differences: dict[str, SharpeDifference]
    """Agent minus each other arm, on the main part; what cannot be compared is left out."""
    superior_p: float | None
    """p-value of 'no arm has a higher mean return than holding the asset' over the agent, learners and policies."""
    overfitting: Overfitting | None
    """How the best run on some days does on the others, over the runs of agent, learners and policies."""
    tried: tuple[TriedPolicy, ...]
    """Every policy that was scored on this window and whose weights are known."""
    rule_gains: tuple[RuleGain, ...]
    """Frozen policy and agent minus each one-line rule; empty where the library has no votes."""
    episodes: tuple[EpisodeSummary, ...]
    regimes: tuple[str, ...] = ()
    """(m,) the benchmark's regime at the close of the decision behind each bar."""
    executions: tuple[Execution, ...] = ()
    """The positions that were decided, with other fills, costs and capital."""

    @property
    def symbol(self) -> str:
        """Ticker of the asset."""
        return self.window.symbol

    def part_dates(self, part: Part) -> tuple[dt.date, ...]:
        """Return the dates of one part's bars."""
        return self.dates[self._bars(part)]

    def part_regimes(self, part: Part) -> tuple[str, ...]:
        """Return the regimes of one part's bars."""
        return self.regimes[self._bars(part)]

    def _bars(self, part: Part) -> slice:
        split = len(self.dates) - self.window.clean_bars
        return slice(split, None) if part == CLEAN else slice(0, split)

    def comparison(self, treated: str, control: str) -> CurveComparison | None:
        """Return the comparison of two arms on the main part; None where there is none."""
        for comparison in self.comparisons:
            if (comparison.treated, comparison.control) == (treated, control):
                return comparison
        return None
