"""Learning curves and what transfer does to them.

The measures are those of Taylor and Stone, "Transfer Learning for Reinforcement Learning Domains: A Survey", JMLR 10
(2009): jump-start, area under the curve, asymptote, transfer ratio and time to a threshold. Curves of two arms are
paired by seed: the same seed gives both the same environment starts and budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["LearningCurve", "area", "final", "jump_start", "largest_dip", "steps_to_threshold"]


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

    Raises
    ------
    ValueError
        Fewer than two checkpoints, steps that don't ascend from 0, or a score that is not finite.
    """

    arm: str
    seed: int
    steps: Sequence[int]
    score: Sequence[float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(int(step) for step in self.steps))
        object.__setattr__(self, "score", tuple(float(score) for score in self.score))
        name = f"curve of {self.arm}, seed {self.seed}"
        if len(self.steps) != len(self.score) or len(self.steps) < 2:
            raise ValueError(
                f"{name}: {len(self.steps)} steps and {len(self.score)} scores, need two or more of each"
            )
        if self.steps[0] != 0 or any(b <= a for a, b in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError(f"{name}: steps must ascend from 0")
        if not np.isfinite(self.score).all():
            raise ValueError(f"{name}: a score is not finite")


def jump_start(curve: LearningCurve) -> float:
    """Score before any RL step."""
    return curve.score[0]


def area(curve: LearningCurve) -> float:
    """Mean score over the budget: the trapezoid area under the curve divided by its length."""
    return float(np.trapezoid(curve.score, curve.steps)) / curve.steps[-1]


def final(curve: LearningCurve) -> float:
    """Score at the end of the budget."""
    return curve.score[-1]


def largest_dip(curve: LearningCurve) -> float:
    """Furthest that the score falls below its start; 0 when it never does."""
    return max(0.0, curve.score[0] - min(curve.score))


def steps_to_threshold(curve: LearningCurve, threshold: float) -> int | None:
    """Steps at the first checkpoint whose score reaches `threshold`; None when none does (censored)."""
    for step, score in zip(curve.steps, curve.score, strict=True):
        if score >= threshold:
            return step
    return None
