"""Baselines that an agent is compared with: holding, moving averages, and random trading with the same habits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rlpretrain.environments import Trajectory
from rlpretrain.validation.window import EvaluationWindow, Part

__all__ = ["MatchedRandom", "buy_and_hold", "cross_averages", "matched_paths", "matched_random"]

_FAST, _SLOW = 50, 200
"""Closes of the two moving averages: the usual ones, fixed before any result."""


class MatchedRandom(BaseModel):
    """Position of a trajectory's score among those of random paths with its exposure and turnover."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: Part
    draws: int
    score: float
    """Score of the trajectory that was matched."""
    median: float
    low: float
    high: float
    """The range from `low` to `high` contains the central share `level` of the random scores."""
    level: float
    p_value: float
    """Probability that random trading with these habits scores as high: (1 + draws that do) / (1 + draws)."""
    exposure: float
    """Mean over the draws."""
    switches: float
    """Mean switches per bar over the draws."""


def buy_and_hold(window: EvaluationWindow) -> Trajectory:
    """Buy at the first fill and stay long, through the agent's own accounting."""
    return window.follow(np.ones((1, len(window.dates)), dtype=bool))[0]


def cross_averages(window: EvaluationWindow) -> Trajectory:
    """Hold while the mean of the last 50 closes is above that of the last 200; flat until there are 200 closes.

    Brock, Lakonishok and LeBaron, "Simple Technical Trading Rules", Journal of Finance 47 (1992).
    """
    closes = np.cumprod(window.data.before * window.data.after)
    total = np.concatenate([[0.0], np.cumsum(closes)])
    above = np.zeros(len(closes), dtype=bool)
    rows = np.arange(_SLOW, len(total))
    fast, slow = ((total[rows] - total[rows - length]) / length for length in (_FAST, _SLOW))
    above[rows - 1] = fast > slow
    return window.follow(above[None, window.start : window.stop - 1])[0]


def matched_paths(exposure: NDArray[np.float64], draws: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw positions from a two-state Markov chain with a path's mean exposure and switch rate.

    With exposure p and s switches per bar, a long position is left with probability ``s / 2p`` and a flat
    one with ``s / 2(1 - p)``: the stationary chain then has exposure p and switch rate s.

    Parameters
    ----------
    exposure
        (m,) zeros and ones: the path to match.

    Returns
    -------
    ndarray
        (draws, m) bool.
    """
    held = np.asarray(exposure) > 0.5
    share = float(held.mean())
    if share in (0.0, 1.0):
        return np.tile(held, (draws, 1))
    rate = float(np.mean(held[1:] != held[:-1]))
    leave, enter = min(1.0, rate / (2 * share)), min(1.0, rate / (2 * (1 - share)))
    chance = rng.random((len(held), draws))
    paths = np.empty((len(held), draws), dtype=bool)
    paths[0] = chance[0] < share
    for t in range(1, len(held)):
        paths[t] = np.where(paths[t - 1], chance[t] >= leave, chance[t] < enter)
    return paths.T


def matched_random(
    window: EvaluationWindow, trajectory: Trajectory, *, draws: int, level: float, rng: np.random.Generator
) -> tuple[MatchedRandom, list[Trajectory]]:
    """Score random paths with a trajectory's habits through the same accounting, on the main part.

    Habits are those of that part; on the other bars the paths equal the trajectory.

    Returns
    -------
    MatchedRandom, list of Trajectory
        Position of the trajectory among the random ones, and those, `draws` of them.
    """
    bars = window.parts[window.main]
    paths = np.tile(trajectory.exposure > 0.5, (draws, 1))
    paths[:, bars] = matched_paths(trajectory.exposure[bars], draws, rng)
    followed = window.follow(paths)
    scores = np.array([window.part_scores(path)[window.main] for path in followed])
    score = window.part_scores(trajectory)[window.main]
    low, median, high = np.quantile(scores, [(1 - level) / 2, 0.5, (1 + level) / 2])
    standing = MatchedRandom(
        part=window.main,
        draws=draws,
        score=score,
        median=float(median),
        low=float(low),
        high=float(high),
        level=level,
        p_value=(1 + int((scores >= score - 1e-12).sum())) / (1 + draws),
        exposure=float(np.mean([path.exposure[bars].mean() for path in followed])),
        switches=float(np.mean(paths[:, bars][:, 1:] != paths[:, bars][:, :-1])),
    )
    return standing, followed
