"""The arms that cannot be excluded as the best: the model confidence set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from arch.bootstrap import MCS
from numpy.typing import ArrayLike

from rlpretrain.analysis.day_blocks import day_block_length
from rlpretrain.validation.arms import BUY_AND_HOLD, arm_of
from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.days import pool_by_day

__all__ = ["best_arms", "pool_best_arms"]

_MIN_BARS = 60


def best_arms(scores: Mapping[str, ArrayLike], *, samples: int, rng: np.random.Generator) -> dict[str, float]:
    """Return for each arm the p-value of the model confidence set: small where the arm can be excluded as the best.

    The arms with a p-value above ``1 - level`` are the set, which contains the best arm with that probability. Hansen,
    Lunde and Nason, "The Model Confidence Set", Econometrica 79 (2011), range statistic, stationary bootstrap.

    Parameters
    ----------
    scores
        Arm -> (m,) contribution of each bar to its score, on the same bars. Arms with equal ones share a p-value.

    Returns
    -------
    p_values
        Empty where fewer than two arms differ, or there are fewer than 60 bars.
    """
    rows = {arm: np.round(np.asarray(row, dtype=np.float64), 12) for arm, row in scores.items()}
    distinct: dict[bytes, str] = {}
    for arm, row in rows.items():
        distinct.setdefault(row.tobytes(), arm)
    kept = list(distinct.values())
    if len(kept) < 2 or len(rows[kept[0]]) < _MIN_BARS:
        return {}
    losses = np.asarray(-np.column_stack([rows[arm] for arm in kept]), dtype=np.float64)
    test = MCS(
        losses,
        size=0.05,  # The p-values do not depend on it.
        block_size=day_block_length(losses),
        reps=samples,
        bootstrap="stationary",
        seed=rng,
    )
    test.compute()
    found = test.pvalues["Pvalue"]
    by_arm = {arm: float(found.loc[i]) for i, arm in enumerate(kept)}
    return {arm: by_arm[distinct[row.tobytes()]] for arm, row in rows.items()}


def pool_best_arms(
    assets: Sequence[AssetValidation], *, samples: int, rng: np.random.Generator
) -> dict[str, float]:
    """Return the p-values over all attempts and holding, with the scores of several assets pooled by day.

    References other than holding are no attempts; rules on the votes are compared on their own.

    Parameters
    ----------
    assets
        Evidence on assets with the same main part.
    """
    arms = [
        arm
        for arm in assets[0].arms
        if (arm == BUY_AND_HOLD or arm_of(arm).role in ("agent", "learner", "policy"))
        and all(arm in asset.arms for asset in assets)
    ]
    dates = [np.array(asset.part_dates(asset.window.main), dtype="datetime64[D]") for asset in assets]
    return best_arms(
        {
            arm: pool_by_day(dates, [np.array(asset.arms[arm].contributions) for asset in assets])
            for arm in arms
        },
        samples=samples,
        rng=rng,
    )
