"""The reward of reinforcement learning."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rlpretrain.environments.settings import Reward
from rlpretrain.market import Floats

__all__ = ["exposure", "scalar_reward", "step_reward", "usual_growth"]

_LIMIT = 10.0


def step_reward(
    growth: Floats,
    asset_growth: Floats,
    volatility: Floats,
    *,
    held: NDArray[np.bool_] | float = 0.0,
    usual: Floats | float = 0.0,
) -> Floats:
    """Return the net log growth of the book minus half the asset's, in units of the asset's daily volatility.

    Half the asset's growth does not depend on the action: it is a control variate that does not change the best policy
    and halves the variance that the market adds to the gradient. The volatility was known at the decision. Rewards are
    clipped at ten volatilities so that one crash does not dominate a batch.

    With `usual`, exposure is charged what it usually pays, and both terms are measured from there. Being always long
    and being always flat then earn nothing on a steady drift, as in the timing score: what is left is *when* the book
    is long.

    Parameters
    ----------
    growth, asset_growth
        (n,) growth factors over the bar, net of costs for the book.
    volatility
        (n,) daily standard deviation known at the decision.
    held
        (n,) whether the bar counts as held, see `exposure`.
    usual
        (n,) mean log growth of the asset over a bar, known at the decision, see `usual_growth`; 0 charges nothing.
    """
    own, asset = np.log(growth) - held * usual, np.log(asset_growth) - usual
    return np.asarray(np.clip((own - 0.5 * asset) / volatility, -_LIMIT, _LIMIT), dtype=np.float64)


def usual_growth(reward: Reward, asset_growth: Floats) -> Floats:
    """Return the mean log growth per bar up to and including each bar, (n,); zeros where exposure is not charged.

    Parameters
    ----------
    asset_growth
        (n,) growth factor of each bar of one asset; the first bar has none that counts.
    """
    if reward == "net":
        return np.zeros(len(asset_growth))
    logs = np.log(asset_growth)
    logs[0] = 0.0
    return np.asarray(np.cumsum(logs) / np.maximum(np.arange(len(logs)), 1), dtype=np.float64)


def exposure(
    before: NDArray[np.bool_], after: NDArray[np.bool_], growth_after_fill: Floats
) -> NDArray[np.bool_]:
    """Return whether a bar counts as held, (n,): the position after the fill, but before a fill at the close.

    Parameters
    ----------
    before, after
        (n,) whether the book is long before and after the bar's fill.
    growth_after_fill
        (n,) close over fill price.
    """
    return np.where(growth_after_fill == 1.0, before, after)


def scalar_reward(
    growth: float, asset_growth: float, volatility: float, *, held: bool = False, usual: float = 0.0
) -> float:
    """Return `step_reward` of one book, rounded to single precision as learners see it."""
    own, asset = math.log(growth) - held * usual, math.log(asset_growth) - usual
    return float(np.float32(min(max((own - 0.5 * asset) / volatility, -_LIMIT), _LIMIT)))
