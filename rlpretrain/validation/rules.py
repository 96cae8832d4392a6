"""One-line rules on the library's votes: what a policy learned from them must beat to be worth learning.

Each trades a window through the agent's own accounting, and what it does at a close depends only on votes and prices
up to that close. Costs and fills are the asset's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments import Trajectory
from rlpretrain.errors import DataError
from rlpretrain.market import Floats
from rlpretrain.patterns import AssetVotes
from rlpretrain.patterns.decisions.consensus import follow
from rlpretrain.validation.window import EvaluationWindow, combine

__all__ = ["best_category", "follow_supporters", "follow_teacher", "follow_view", "hedge", "hedge_weights"]

_DIRECTIONS = ("relative", "weighted", "related", "risk_on")
"""Views of which more means that the library expects a rise."""
_PARTS = 20
_LARGEST_MOVE = 4.0
"""Bound on a bar's return in deviations, so that losses lie within [0, 1]."""


def follow_view(name: str) -> Callable[[EvaluationWindow], Trajectory]:
    """Return the rule that follows one view of the votes by its levels, from a flat start like every arm."""

    def trade(window: EvaluationWindow) -> Trajectory:
        votes = _votes(window)
        shown = votes.view(name)[window.start : window.stop - 1]
        return window.follow(votes.stances(shown)[None])[0]

    return trade


def follow_teacher(window: EvaluationWindow) -> Trajectory:
    """Do what the run's teacher would do at each close, from a flat start like every arm: what the clone was taught."""
    votes = _votes(window)
    if votes.advice is None:
        raise DataError(
            f"{window.symbol}: the window has no advice of a teacher", hint="give AssetVotes its advice"
        )
    said = votes.advice[window.start : window.stop - 1]
    return window.follow(follow(said > 0, said < 0)[None])[0]


def follow_supporters(window: EvaluationWindow) -> Trajectory:
    """Hold the share of the strategies able to hold the asset that do, as if each had the same part of the capital.

    The share is rounded to twentieths: as many parts of the capital are long, each through the one accounting.
    """
    share = _votes(window).view("share")[window.start : window.stop - 1]
    parts = (np.arange(_PARTS) + 0.5) / _PARTS
    return combine(window.follow(share > parts[:, None]))


def best_category(window: EvaluationWindow) -> Trajectory:
    """Follow the category of rules whose votes have the highest timing score to date; flat in its first year."""
    votes = _votes(window)
    positions = np.array([votes.stances(category) for category in votes.categories.T])
    scores = np.array([_score_to_date(path) for path in _followed(window, positions)])
    best = np.concatenate([[0], scores.argmax(axis=0)])
    return _take(window, positions[best, np.arange(window.stop)], first=window.data.bars_per_year)


def hedge(window: EvaluationWindow) -> Trajectory:
    """Take the stance with more than half of the weight among the followers of views and of categories.

    Their weights are those of the Hedge algorithm (Freund and Schapire 1997); a stance that is all or nothing is the
    weighted majority's (Littlestone and Warmuth 1994). A follower's loss on a bar falls with its net return less what
    its exposure earns at the asset's mean return to date, in deviations to date.
    """
    votes = _votes(window)
    followed = [votes.view(name) for name in _DIRECTIONS] + list(votes.categories.T)
    positions = np.array([votes.stances(shown) for shown in followed])
    losses = np.array([_losses(path) for path in _followed(window, positions)])
    weight = hedge_weights(losses)
    return _take(window, (weight * positions[:, : window.stop]).sum(axis=0) > 0.5)


def hedge_weights(losses: Floats) -> Floats:
    """Return the weights of the Hedge algorithm before each round and after the last, (experts, rounds + 1).

    They are proportional to ``exp(-eta L)`` with the losses L so far and ``eta = sqrt(8 ln N / t)`` in round t. With
    losses in [0, 1] the weighted loss then exceeds that of the best of N experts by at most
    ``2 sqrt(t ln N / 2) + sqrt(ln N / 8)`` (Cesa-Bianchi and Lugosi 2006, theorem 2.3).

    Parameters
    ----------
    losses
        (experts, rounds).
    """
    experts, rounds = losses.shape
    so_far = np.concatenate([np.zeros((experts, 1)), np.cumsum(losses, axis=1)], axis=1)
    rate = np.sqrt(8.0 * np.log(experts) / np.arange(1, rounds + 2))
    weight = np.exp(-rate * (so_far - so_far.min(axis=0)))
    return np.asarray(weight / weight.sum(axis=0))


def _votes(window: EvaluationWindow) -> AssetVotes:
    if window.votes is None:
        raise DataError(
            f"{window.symbol}: the window has no votes that a rule could follow",
            hint="give EvaluationWindow its votes",
        )
    return window.votes


def _followed(window: EvaluationWindow, positions: NDArray[np.bool_]) -> list[Trajectory]:
    """Follow stances (paths, n) from the asset's first bar to the window's last."""
    past = replace(window, start=0)
    return past.follow(positions[:, : past.stop - 1])


def _take(window: EvaluationWindow, stance: NDArray[np.bool_], first: int = 0) -> Trajectory:
    """Trade the window by stances on all rows before its end; flat on the rows before `first`."""
    decided = stance & (np.arange(len(stance)) >= first)
    return window.follow(decided[None, window.start : window.stop - 1])[0]


def _score_to_date(path: Trajectory) -> Floats:
    """Return the timing score from the first bar to each, in a unit that does not depend on the path, (m,)."""
    bars = np.arange(1, len(path) + 1)
    earned, exposure, moved = (
        np.cumsum(row) / bars for row in (path.net_returns, path.exposure, path.asset_returns)
    )
    return np.asarray(earned - exposure * moved)


def _losses(path: Trajectory) -> Floats:
    """Return the loss of each bar, (m,) in [0, 1]; it depends on no later bar."""
    bars, moved = np.arange(1, len(path) + 1), path.asset_returns
    mean = np.cumsum(moved) / bars
    deviation = np.sqrt(np.maximum(np.cumsum(moved**2) / bars - mean**2, 0.0))
    gain = path.net_returns - path.exposure * mean
    scaled = np.divide(gain, deviation, out=np.zeros(len(gain)), where=deviation > 0.0)
    return 0.5 - np.clip(scaled, -_LARGEST_MOVE, _LARGEST_MOVE) / (2.0 * _LARGEST_MOVE)
