"""A small market whose first state column may foretell the next return, and linear policies that read it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments import EpisodeData, Policy
from rlpretrain.features import POSITION, VIEW_NAMES
from rlpretrain.patterns import AssetVotes
from rlpretrain.patterns.settings import LevelSettings
from rlpretrain.symphony.evidence import CATEGORIES
from rlpretrain.validation import (
    AssetCase,
    AssetValidation,
    CurveRecorder,
    EvaluationWindow,
    Trial,
    validate_asset,
)
from rlpretrain.validation.settings import ValidationConfig

STATES = POSITION.start
STEPS = (0, 1_000, 4_000)
CONFIG = ValidationConfig(episodes=20, seeds=8, bootstrap_samples=200)


def episode_data(
    *, bars: int = 500, signal: float = 0.0, seed: int = 0, cost: float = 0.0005, drift: float = 0.0003
) -> EpisodeData:
    """Make one asset whose next return is `signal` parts foretold by column 0 of the state."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(bars, STATES)).astype(np.float32)
    known = np.concatenate([[0.0], states[:-1, 0]])
    unknown = rng.standard_t(5, size=bars) / 1.29
    returns = drift + 0.01 * (signal * known + np.sqrt(1 - signal**2) * unknown)
    overnight = 0.2 * returns
    price = 100 * np.cumprod(1 + returns)
    return EpisodeData(
        symbol="SYN",
        dates=np.datetime64("2020-01-01") + np.arange(bars),
        states=states,
        before=1 + overnight,
        after=(1 + returns) / (1 + overnight),
        fill_price=price / ((1 + returns) / (1 + overnight)),
        volatility=np.full(bars, 0.01),
        cost=cost,
        bars_per_year=252,
    )


def asset_votes(*, bars: int = 500, seed: int = 1) -> AssetVotes:
    """Make votes that change about once a week and say nothing about returns."""
    rng = np.random.default_rng(seed)
    shown = np.repeat(rng.normal(size=(bars // 5 + 1, len(VIEW_NAMES) + len(CATEGORIES))), 5, axis=0)[:bars]
    return AssetVotes(
        views=shown[:, : len(VIEW_NAMES)].astype(np.float32),
        categories=shown[:, len(VIEW_NAMES) :],
        levels=LevelSettings(),
        advice=np.sign(shown[:, 0].round()).astype(np.int8),
    )


def linear_policy(weights: NDArray[np.float64]) -> Policy:
    """Buy where the state's projection is positive, sell where it is negative."""

    def act(states: NDArray[np.float32]) -> NDArray[np.integer]:
        return np.where(states[:, :STATES] @ weights > 0, 1, 2)

    return act


RULE = linear_policy(np.eye(STATES)[0])
"""The planted rule itself."""


def learner(
    window: EvaluationWindow, arm: str, head_start: float, speed: float = 0.1
) -> Callable[[int], Trial]:
    """Make an arm with `head_start` of the rule in its random weights that learns it at `speed`."""

    def run(seed: int) -> Trial:
        rng = np.random.default_rng(seed)
        start = rng.normal(scale=0.3, size=STATES)
        recorder = CurveRecorder(window, arm, seed)
        for steps in STEPS:
            weights = start.copy()
            weights[0] += head_start + speed * steps / 1_000
            recorder.record(steps, linear_policy(weights))
        return recorder.trial(linear_policy(weights))

    return run


def make_case(
    signal: float = 0.0,
    *,
    head_start: float = 2.0,
    seed: int = 0,
    clean_from: dt.date | None = dt.date(2020, 3, 1),
    placebo: bool = True,
    votes: AssetVotes | None = None,
) -> AssetCase:
    """Make a case: transferred starts with some of the rule, vanilla and placebo with none."""
    data = episode_data(bars=260, signal=signal, seed=seed)
    window = EvaluationWindow(data, 10, 250, clean_from, votes)
    learners = {
        "transferred": learner(window, "transferred", head_start),
        "vanilla": learner(window, "vanilla", 0.0),
    }
    if placebo:
        learners["placebo"] = learner(window, "placebo", 0.0, speed=0.09)
    return AssetCase(window=window, learners=learners, policies={"frozen": RULE})


@lru_cache
def validated(**options: Any) -> AssetValidation:
    """Validate the rule itself as the agent on a case, once for all tests that read it."""
    return validate_asset(make_case(**options), RULE, CONFIG)
