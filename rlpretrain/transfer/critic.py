"""The critic's start: the pre-trained value head, brought into the units of RL's returns.

Pre-training and RL measure value differently: other rewards, other units, another horizon. All that is assumed about
the difference stands in this file: two numbers, fitted to what the prior itself earns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlpretrain.market import Floats
from rlpretrain.pretraining.network import PolicyNetwork

if TYPE_CHECKING:
    from stable_baselines3.common.buffers import RolloutBuffer

    from rlpretrain.transfer.policy import TradingPolicy

__all__ = ["ahead", "episode_ends", "load_critic", "rescale_critic", "value_units"]

_CONSTANT = 1e-8
"""Variance of the values, as a share of their mean square, below which they are constant."""


def load_critic(policy: TradingPolicy, network: PolicyNetwork) -> None:
    """Copy the pre-trained trunk and value head into the critic.

    Normalised layers take the linear ones and normalise what they give; a distribution over returns takes the trunk
    alone, and learns its head.
    """
    for own, other in zip(_linear(policy.mlp_extractor.value_net), _linear(network.trunk), strict=True):
        own.load_state_dict(other.state_dict())
    if policy.layer_norm:
        policy.mlp_extractor.value_net.load_state_dict(network.trunk.state_dict())
    if isinstance(policy.value_net, nn.Linear):
        policy.value_net.load_state_dict(network.value_head.state_dict())


def _linear(trunk: nn.Module) -> list[nn.Linear]:
    return [layer for layer in trunk.modules() if isinstance(layer, nn.Linear)]


def episode_ends(buffer: RolloutBuffer, last: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether an episode ended with each step of a rollout, (steps, slots); `last` says so of the last one."""
    return np.concatenate([buffer.episode_starts[1:], last[None]]) > 0


def ahead(
    step: NDArray[np.floating], following: NDArray[np.floating], ends: NDArray[np.bool_], discount: float
) -> Floats:
    """Return the discounted sum of what each step has, up to the end of its episode or of the rollout.

    Parameters
    ----------
    step, ends
        (steps, slots) what is summed, and whether the episode ends with the step.
    following
        (slots,) what follows the last step, where the episode goes on.
    """
    sums, running = np.empty(step.shape), np.asarray(following, dtype=np.float64)
    for t in reversed(range(len(step))):
        running = sums[t] = step[t] + discount * np.where(ends[t], 0.0, running)
    return sums


def value_units(
    values: NDArray[np.floating], earned: Floats, discounts: Floats, after: Floats
) -> tuple[float, float]:
    """Return the offset a and the factor b with which ``a + b * values`` are the returns that were seen.

    This is the least-squares temporal-difference solution (Bradtke and Barto 1996) on the features 1 and value: the
    error ``earned + a * discounts + b * after - (a + b * values)`` has no mean and no correlation with the values.
    Where the values are constant or point the wrong way, the factor is 0 and the offset the mean return.

    Parameters
    ----------
    values
        (n,) values of the visited states, in any unit.
    earned, discounts, after
        (n,) discounted rewards from each state up to a last one, the discount of that one, and its value times that.
    """
    if values.var() > _CONSTANT * np.square(values).mean():
        features = np.stack([np.ones_like(values), values - values.mean()])
        left = features @ np.stack([1 - discounts, values - after]).T
        offset, factor = np.linalg.solve(left, features @ earned)
        if factor > 0:
            return float(offset), float(factor)
    return float(earned.mean() / (1 - discounts).mean()), 0.0


def rescale_critic(
    policy: TradingPolicy,
    buffer: RolloutBuffer,
    cut: NDArray[np.floating],
    last: NDArray[np.floating],
    ends: NDArray[np.bool_],
) -> tuple[float, float]:
    """Convert the critic to the units of a rollout's returns, and the rollout's values and advantages with it.

    Parameters
    ----------
    policy
        The factor and the offset go into the critic's last layer.
    buffer
        A whole rollout of the policy; its rewards at cut episodes, values, returns and advantages are replaced.
    cut
        (steps, slots) the critic's value beyond an episode that was cut with the step, whose discounted value the
        reward contains; NaN elsewhere.
    last, ends
        (slots,) the critic's values after the rollout's last step, and whether an episode ended with it.

    Returns
    -------
    offset, factor
        See `value_units`.
    """
    assert isinstance(policy.value_net, nn.Linear)  # noqa: S101  A distribution over returns is in their units.
    discount = buffer.gamma
    over = episode_ends(buffer, ends)
    # Where an episode was cut, the value beyond stands for what follows, as at the end of the rollout.
    known = np.where(np.isfinite(cut), discount, 0.0)
    tail = known * np.nan_to_num(cut)
    zeros = np.zeros(len(last))
    offset, factor = value_units(
        buffer.values.ravel().astype(np.float64),
        ahead(buffer.rewards - tail, zeros, over, discount).ravel(),
        ahead(known, zeros + 1, over, discount).ravel(),
        ahead(tail, last, over, discount).ravel(),
    )
    with torch.no_grad():
        policy.value_net.weight.mul_(factor)
        policy.value_net.bias.mul_(factor).add_(offset)
    buffer.rewards = (buffer.rewards - tail + offset * known + factor * tail).astype(np.float32)
    buffer.values = (offset + factor * buffer.values).astype(np.float32)
    buffer.compute_returns_and_advantage(torch.as_tensor(offset + factor * last).float(), ends)
    return offset, factor
