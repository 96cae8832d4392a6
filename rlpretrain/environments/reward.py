"""The reward of reinforcement learning."""

from __future__ import annotations

import math

import numpy as np

from rlpretrain.market import Floats

__all__ = ["scalar_reward", "step_reward"]

_LIMIT = 10.0


def step_reward(growth: Floats, asset_growth: Floats, volatility: Floats) -> Floats:
    """Return the net log growth of the book minus half the asset's, in units of the asset's daily volatility.

    Half the asset's growth does not depend on the action: it is a control variate that does not change the best policy
    and halves the variance that the market adds to the gradient. The volatility was known at the decision. Rewards are
    clipped at ten volatilities so that one crash does not dominate a batch.

    Parameters
    ----------
    growth, asset_growth
        (n,) growth factors over the bar, net of costs for the book.
    volatility
        (n,) daily standard deviation known at the decision.
    """
    scaled = (np.log(growth) - 0.5 * np.log(asset_growth)) / volatility
    return np.asarray(np.clip(scaled, -_LIMIT, _LIMIT), dtype=np.float64)


def scalar_reward(growth: float, asset_growth: float, volatility: float) -> float:
    """Return `step_reward` of one book, rounded to single precision as learners see it."""
    scaled = (math.log(growth) - 0.5 * math.log(asset_growth)) / volatility
    return float(np.float32(min(max(scaled, -_LIMIT), _LIMIT)))
