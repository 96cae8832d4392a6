"""Sets of patterns in which what is to be found is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rlpretrain.features import POSITION, STATE_NAMES
from rlpretrain.patterns.decisions.pattern_set import REGIMES, PatternSet
from rlpretrain.symphony.evidence import CATEGORIES

HOLDING = 5
CORNERS, COPIES = 3, 8
"""Centres are corners of a cube; each coordinate is carried by so many features."""
INFORMATIVE = 10
"""Column that decides between trading and holding."""


def plain_set(
    n: int = 6_000, days: int = 600, seed: int = 0, clusters: int = 8
) -> tuple[PatternSet, np.ndarray]:
    """Return a set with nothing to complain about, and the true cluster of each row.

    States are noise around `clusters` centres that are well apart; column `INFORMATIVE` and whether the asset
    is held decide the action; rewards are noise around zero, alike in all groups.
    """
    rng = np.random.default_rng(seed)
    width = len(STATE_NAMES)
    truth = rng.integers(clusters, size=n)
    held = rng.random(n) < 0.5
    state = rng.normal(size=(n, width))
    corners = (np.arange(clusters)[:, None] >> np.arange(CORNERS)) & 1
    # Features that share a centre's coordinate carry the clusters into the leading components.
    for coordinate in range(CORNERS):
        shared = slice(12 + COPIES * coordinate, 12 + COPIES * (coordinate + 1))
        state[:, shared] += 2.2 * (2 * corners[truth, coordinate] - 1)[:, None]
    state[:, POSITION.start] = held
    state[:, POSITION.start + 1 : POSITION.stop] *= held[:, None]
    signal = state[:, INFORMATIVE] + 0.3 * rng.normal(size=n) > 0
    action = np.where(signal, np.where(held, 2, 1), 0).astype(np.int8)
    date = np.datetime64("2015-01-01") + np.sort(rng.integers(days, size=n))
    reward = rng.normal(0, 0.02, n)
    assets = np.array([f"A{i:02d}" for i in range(10)])[rng.integers(10, size=n)]
    return (
        PatternSet(
            key=np.array([f"{i:08d}" for i in range(n)]),
            asset=assets,
            date=date.astype("datetime64[D]"),
            in_position=held,
            action=action,
            label=np.eye(3, dtype=np.float32)[action],
            state=state.astype(np.float32),
            supporters=rng.integers(1, 50, n).astype(np.int32),
            dissenters=rng.integers(1, 50, n).astype(np.int32),
            category=np.array(CATEGORIES)[rng.integers(4, size=n)],
            category_scores=np.full((n, 4), 0.25, np.float32),
            regime=np.array(REGIMES)[rng.integers(4, size=n)],
            confidence=rng.uniform(0.5, 1.0, n).astype(np.float32),
            strategy_weight=np.ones(n, np.float32),
            reward=reward.astype(np.float32),
            value=reward.astype(np.float32),
            settled=(date + HOLDING).astype("datetime64[D]"),
        ),
        truth,
    )


def changed(patterns: PatternSet, **columns: np.ndarray) -> PatternSet:
    """Return the set with some columns replaced."""
    return replace(patterns, **columns)
