"""Learning curves, and the effect of transfer on them.

The measures are those of Taylor and Stone, "Transfer Learning for Reinforcement Learning Domains: A
Survey", JMLR 10 (2009): jump-start, area under the curve, asymptote, transfer ratio and time to a
threshold. Curves of two arms are paired by seed: the same seed gives both the same environment starts and the same
budget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from statsmodels.duration.survfunc import survdiff

from rlpretrain.validation.days import interval_over_days
from rlpretrain.validation.statistics import Interval, PairedComparison, compare_pairs, seed_interval

__all__ = [
    "MEASURES",
    "SCORE_THRESHOLD",
    "ArmCurves",
    "CurveBand",
    "CurveComparison",
    "LearningCurve",
    "Measure",
    "ThresholdComparison",
    "area",
    "compare_curves",
    "curve_band",
    "final",
    "jump_start",
    "largest_dip",
    "steps_to_threshold",
]

SCORE_THRESHOLD = 0.25
"""Timing score that matters, fixed before any result: a quarter of the asset's yearly volatility beyond what exposure
alone earns. The time until it is reached is measured, and the report says what it would take to show such a gain."""


@dataclass(frozen=True)
class LearningCurve:
    """Score of one arm under one seed at each checkpoint.

    Parameters
    ----------
    arm
        Name of the arm, for example 'transferred' or 'vanilla'.
    seed
        Seed that pairs this curve with the same seed of other arms.
    steps
        (k,) environment steps at each checkpoint, ascending, the first 0: before any RL.
    score
        (k,) timing score of the greedy policy at each checkpoint.
    stances_kept
        (k,) share of days on which the greedy policy has the position of the pre-trained one; empty where there is
        none to compare with.

    Raises
    ------
    ValueError
        There are fewer than two checkpoints, the steps do not ascend from 0, a score is not finite, or the shares are
        not as many.
    """

    arm: str
    seed: int
    steps: Sequence[int]
    score: Sequence[float]
    stances_kept: Sequence[float] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(int(step) for step in self.steps))
        object.__setattr__(self, "score", tuple(float(score) for score in self.score))
        object.__setattr__(self, "stances_kept", tuple(float(share) for share in self.stances_kept))
        name = f"curve of {self.arm}, seed {self.seed}"
        if len(self.steps) != len(self.score) or len(self.steps) < 2:
            raise ValueError(
                f"{name}: {len(self.steps)} steps and {len(self.score)} scores; it needs two or more of each"
            )
        if self.steps[0] != 0 or any(b <= a for a, b in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError(f"{name}: steps must ascend from 0")
        if not np.isfinite(self.score).all():
            raise ValueError(f"{name}: a score is not finite")
        if self.stances_kept and len(self.stances_kept) != len(self.steps):
            raise ValueError(
                f"{name}: {len(self.steps)} steps and {len(self.stances_kept)} shares of stances"
            )


Measure = Literal["jump_start", "area", "final"]
"""Score before any step, mean score over the budget, score at its end."""


@dataclass(frozen=True)
class ArmCurves:
    """The curves of one arm, and the contributions of the days to their scores.

    Parameters
    ----------
    curves
        One for each seed.
    by_bar
        For each curve, (k, m): contribution of each bar to the score of each checkpoint.
    """

    curves: Sequence[LearningCurve]
    by_bar: Sequence[NDArray[np.float64]]


def jump_start(curve: LearningCurve) -> float:
    """Return the score before any RL step."""
    return curve.score[0]


def area(curve: LearningCurve) -> float:
    """Return the mean score over the budget: the trapezoid area under the curve divided by its length."""
    return float(np.trapezoid(curve.score, curve.steps)) / curve.steps[-1]


def final(curve: LearningCurve) -> float:
    """Return the score at the end of the budget."""
    return curve.score[-1]


def largest_dip(curve: LearningCurve) -> float:
    """Return the largest fall of the score below its start; 0 if it never falls below."""
    return max(0.0, curve.score[0] - min(curve.score))


def steps_to_threshold(curve: LearningCurve, threshold: float) -> int | None:
    """Return the steps at the first checkpoint that reaches `threshold`; None when none does (censored)."""
    for step, score in zip(curve.steps, curve.score, strict=True):
        if score >= threshold:
            return step
    return None


MEASURES: dict[Measure, Callable[[LearningCurve], float]] = {
    "jump_start": jump_start,
    "area": area,
    "final": final,
}


class CurveBand(BaseModel):
    """Interquartile mean of an arm's curves at each checkpoint, with its interval over seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: str
    steps: tuple[int, ...]
    estimate: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class ThresholdComparison(BaseModel):
    """Steps until a score fixed beforehand is reached; runs that never do are censored, not dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float
    treated_reached: int
    control_reached: int
    pairs: int
    treated_median: float | None
    """Kaplan-Meier median of the steps; None where fewer than half of the runs reach it."""
    control_median: float | None
    log_rank_p: float | None
    """None where no run of either arm reaches it, or all reach it at the same checkpoint."""


class CurveComparison(BaseModel):
    """Gain of one arm's curves over another's, paired by seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    treated: str
    control: str
    jump_start: PairedComparison
    area: PairedComparison
    final: PairedComparison
    transfer_ratio: float | None
    """Gain in area divided by the control's area; None unless the control's area is clearly above zero."""
    threshold: ThresholdComparison
    dip: Interval
    """Largest fall of the treated arm's score below its start."""
    days: dict[Measure, Interval]
    """Gain with an interval over seeds and days, on which a claim rests."""
    by_bar: dict[Measure, tuple[float, ...]]
    """(m,) contribution of each bar to the mean gain over seeds."""


def curve_band(
    curves: Sequence[LearningCurve], *, level: float, samples: int, rng: np.random.Generator
) -> CurveBand:
    """Summarise one arm's curves, which must share their checkpoints, over two or more seeds."""
    steps = _shared_steps(curves)
    points = [
        seed_interval([curve.score[i] for curve in curves], level=level, samples=samples, rng=rng)
        for i in range(len(steps))
    ]
    return CurveBand(
        arm=curves[0].arm,
        steps=steps,
        estimate=tuple(point.estimate for point in points),
        low=tuple(point.low for point in points),
        high=tuple(point.high for point in points),
    )


def compare_curves(
    treated: ArmCurves,
    control: ArmCurves,
    *,
    threshold: float,
    level: float,
    samples: int,
    rng: np.random.Generator,
) -> CurveComparison:
    """Compare two arms' curves seed by seed.

    Parameters
    ----------
    threshold
        Score to be reached, fixed before any result is seen.

    Raises
    ------
    ValueError
        The arms do not share seeds and checkpoints, or have fewer than two pairs.
    """
    first, second = _by_seed(treated.curves), _by_seed(control.curves)
    if first.keys() != second.keys():
        raise ValueError(f"seeds are not paired: {sorted(first)} and {sorted(second)}")
    steps = _shared_steps([*treated.curves, *control.curves])
    seeds = sorted(first)

    def paired(measure: Callable[[LearningCurve], float]) -> PairedComparison:
        return compare_pairs(
            [measure(first[seed]) for seed in seeds],
            [measure(second[seed]) for seed in seeds],
            level=level,
            samples=samples,
            rng=rng,
        )

    def over_seeds(values: Sequence[float]) -> Interval:
        return seed_interval(values, level=level, samples=samples, rng=rng)

    gains = {measure: paired(value) for measure, value in MEASURES.items()}
    mean_gain = np.mean(treated.by_bar, axis=0) - np.mean(control.by_bar, axis=0)
    by_bar = {measure: np.round(weights @ mean_gain, 6) for measure, weights in _weights(steps).items()}
    base = over_seeds([area(second[seed]) for seed in seeds])
    return CurveComparison(
        treated=treated.curves[0].arm,
        control=control.curves[0].arm,
        jump_start=gains["jump_start"],
        area=gains["area"],
        final=gains["final"],
        transfer_ratio=gains["area"].interval.estimate / base.estimate if base.low > 0 else None,
        threshold=_compare_thresholds([first[s] for s in seeds], [second[s] for s in seeds], threshold),
        dip=over_seeds([largest_dip(first[seed]) for seed in seeds]),
        days={
            measure: interval_over_days(gains[measure], by_bar[measure], samples=samples, rng=rng)
            for measure in MEASURES
        },
        by_bar={measure: tuple(row.tolist()) for measure, row in by_bar.items()},
    )


def _weights(steps: Sequence[int]) -> dict[Measure, NDArray[np.float64]]:
    """Return the weight of each checkpoint's score in each measure, (k,): all three are linear."""
    first, last, trapezoid = np.zeros(len(steps)), np.zeros(len(steps)), np.zeros(len(steps))
    first[0] = last[-1] = 1.0
    gaps = np.diff(steps) / steps[-1]
    trapezoid[:-1] += gaps / 2
    trapezoid[1:] += gaps / 2
    return {"jump_start": first, "area": trapezoid, "final": last}


def _compare_thresholds(
    treated: Sequence[LearningCurve], control: Sequence[LearningCurve], threshold: float
) -> ThresholdComparison:
    reached = [[steps_to_threshold(curve, threshold) for curve in arm] for arm in (treated, control)]
    budget = treated[0].steps[-1]
    times = [np.array([budget if r is None else r for r in arm], dtype=np.float64) for arm in reached]
    events = [np.array([r is not None for r in arm], dtype=np.int_) for arm in reached]
    return ThresholdComparison(
        threshold=threshold,
        treated_reached=int(events[0].sum()),
        control_reached=int(events[1].sum()),
        pairs=len(treated),
        treated_median=_median_time(reached[0]),
        control_median=_median_time(reached[1]),
        log_rank_p=_log_rank(times, events),
    )


def _median_time(reached: Sequence[int | None]) -> float | None:
    """Return the Kaplan-Meier median: with all censoring at the common end, the time by which half have arrived."""
    arrived = sorted(step for step in reached if step is not None)
    needed = math.ceil(len(reached) / 2)
    return float(arrived[needed - 1]) if len(arrived) >= needed else None


def _log_rank(times: Sequence[NDArray[np.float64]], events: Sequence[NDArray[np.int_]]) -> float | None:
    joined, happened = np.concatenate(times), np.concatenate(events)
    group = np.repeat([0, 1], [len(row) for row in times])
    if not happened.any() or (happened.all() and np.ptp(joined) == 0):
        return None
    p = float(survdiff(joined, happened, group)[1])
    return p if math.isfinite(p) else None


def _by_seed(curves: Sequence[LearningCurve]) -> dict[int, LearningCurve]:
    by_seed = {curve.seed: curve for curve in curves}
    if len(by_seed) != len(curves) or len(curves) < 2:
        raise ValueError(f"need two or more curves, each with its own seed, got {[c.seed for c in curves]}")
    return by_seed


def _shared_steps(curves: Sequence[LearningCurve]) -> tuple[int, ...]:
    steps = tuple(curves[0].steps)
    if any(tuple(curve.steps) != steps for curve in curves):
        raise ValueError(f"curves of {curves[0].arm} and others have different checkpoints")
    return steps
