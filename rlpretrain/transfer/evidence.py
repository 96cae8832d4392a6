"""Evidence that what the policy learns holds on other days, and the trust in the prior that remains beside it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from rlpretrain.features import STATE_NAMES

if TYPE_CHECKING:
    from rlpretrain.transfer.policy import TradingPolicy

__all__ = [
    "BLOCKS",
    "agreement",
    "centred",
    "day_blocks",
    "first_trust",
    "gradient_agreement",
    "mean_cosine",
    "trust",
]

BLOCKS = 4
"""Blocks of distinct market days into which a rollout is split."""
_ENOUGH, _SPAN = 0.10, 0.08
"""Agreement at which nothing of the prior remains, and how far below it the prior is trusted fully."""
_DOUBT = 0.25
"""Least weight of a prior before any step of RL."""
_HELD = STATE_NAMES.index("in_position")
_ACTIONS = 3


def agreement(before: float, cosine: float) -> float:
    """Return the agreement of the policy gradient between days after one more rollout, at first 0.

    Half of it is the last rollout's mean cosine and half what was before: gradients begin to repeat only when the
    policy has learned where to look, so that a mean over all rollouts would be late; and one lucky rollout counts for
    half.
    """
    return 0.5 * (before + cosine)


def trust(agreement: float) -> float:
    """Return the weight of the prior, in [0, 1], that is left at an agreement of the policy gradient between days."""
    return float(np.clip((_ENOUGH - agreement) / _SPAN, 0.0, 1.0))


def first_trust(gains: NDArray[np.float64]) -> float:
    """Return the weight of a prior before any step of RL, in [0.25, 1].

    It is the standard errors by which the prior does better than its placebo, which was cloned without knowledge: from
    one on it is trusted fully, and with none it starts with a small weight.

    Parameters
    ----------
    gains
        (days,) prior's contribution to the score less the placebo's, on each day of the validation window.
    """
    error = float(np.std(gains, ddof=1)) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0
    return float(np.clip(np.mean(gains) / error, _DOUBT, 1.0)) if error > 0 else _DOUBT


def day_blocks(days: NDArray[np.datetime64], blocks: int = BLOCKS) -> list[NDArray[np.intp]]:
    """Split samples into blocks that share no day, in the order of time and of nearly equal sizes.

    Parameters
    ----------
    days
        (n,) market day of each sample.

    Returns
    -------
    blocks
        Indices of each block's samples; fewer blocks where there are fewer days.
    """
    _, which, counts = np.unique(days, return_inverse=True, return_counts=True)
    # A day belongs to the block in which its middle sample lies.
    middle = np.cumsum(counts) - counts / 2
    block = (middle * blocks / len(days)).astype(int)[which]
    return [np.flatnonzero(block == number) for number in np.unique(block)]


def centred(advantages: NDArray[np.float32], groups: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return advantages less their group's mean.

    What one action earns more than another is then no evidence, only *when* it does.
    """
    counts = np.bincount(groups)
    means = np.bincount(groups, weights=advantages) / np.maximum(counts, 1)
    return np.asarray(advantages - means[groups], dtype=np.float32)


def mean_cosine(gradients: Sequence[torch.Tensor]) -> float:
    """Return the mean cosine between all pairs of gradients; 0 where there are fewer than two."""
    pairs = [
        float(functional.cosine_similarity(a, b, dim=0)) for a, b in itertools.combinations(gradients, 2)
    ]
    return float(np.mean(pairs)) if pairs else 0.0


def gradient_agreement(
    policy: TradingPolicy,
    states: NDArray[np.float32],
    actions: NDArray[np.integer],
    advantages: NDArray[np.float32],
    days: NDArray[np.datetime64],
) -> float:
    """Return the mean cosine between the policy gradients of blocks of distinct days.

    The gradient is that of the actor's layers that learn; without any there is no evidence. Advantages are centred for
    each action and position first: otherwise every bull market's "stay long" would count as evidence.

    Parameters
    ----------
    states, actions, advantages, days
        The samples of a rollout, (n, 64) and (n,) each.
    """
    held = (states[:, _HELD] > 0.5).astype(np.int64)
    gains = centred(advantages, held * _ACTIONS + actions)
    layers = [parameter for parameter in policy.actor_parameters() if parameter.requires_grad]
    if not layers:
        return 0.0
    gradients = []
    for block in day_blocks(days):
        chances = policy.action_log_probabilities(torch.as_tensor(states[block], device=policy.device))
        taken = torch.as_tensor(actions[block], device=policy.device).long().view(-1, 1)
        gain = torch.as_tensor(gains[block], device=policy.device)
        objective = (chances.gather(1, taken).squeeze(1) * gain).mean()
        gradients.append(torch.cat([g.flatten() for g in torch.autograd.grad(objective, layers)]))
    return mean_cosine(gradients)
