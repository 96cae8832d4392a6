"""A critic that predicts a distribution over returns, learned by classification instead of regression."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from stable_baselines3.common.buffers import RolloutBuffer

    from rlpretrain.transfer.policy import TradingPolicy

__all__ = ["CategoricalValue", "fit_categorical"]

_LIMIT, _BINS = 10.0, 51
"""Returns are taken to lie within ten daily volatilities, on as many bins."""
_SPREAD = 0.75
"""Deviation of a target's normal distribution in bins, as Farebrother et al. recommend."""
_BATCH = 512


class CategoricalValue(nn.Module):
    """Hidden features (n, width) to the mean of a distribution over bins, (n, 1).

    HL-Gauss (Farebrother et al. 2024, arXiv 2403.03950; Imani and White 2018, arXiv 1806.04613): the target of a return
    is a normal distribution around it, and the loss is the cross-entropy. Its gradients are bounded, so that a few
    extreme returns do not move the whole critic.
    """

    edges: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = nn.Linear(width, _BINS)
        self.register_buffer("edges", torch.linspace(-_LIMIT, _LIMIT, _BINS + 1))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the expected return, (n, 1)."""
        centres = (self.edges[1:] + self.edges[:-1]) / 2
        return self.head(hidden).softmax(dim=1) @ centres[:, None]  # type: ignore[no-any-return]

    def targets(self, returns: torch.Tensor) -> torch.Tensor:
        """Return the probability of each bin, (n, bins), for returns (n,)."""
        width = _SPREAD * 2 * _LIMIT / _BINS
        clipped = returns.clamp(-_LIMIT, _LIMIT)
        below = torch.erf((self.edges - clipped[:, None]) / (width * math.sqrt(2.0)))
        mass = below.diff(dim=1)
        # Near the limits a part of the normal distribution lies outside.
        return mass / mass.sum(dim=1, keepdim=True)

    def loss(self, hidden: torch.Tensor, returns: torch.Tensor) -> torch.Tensor:
        """Return the mean cross-entropy."""
        return nn.functional.cross_entropy(self.head(hidden), self.targets(returns))


def fit_categorical(
    policy: TradingPolicy, buffer: RolloutBuffer, epochs: int, largest_gradient: float
) -> None:
    """Fit the critic to a rollout's returns, in passes over it, with the policy's own optimiser.

    Parameters
    ----------
    largest_gradient
        Norm to which the gradient is cut.
    """
    value = policy.value_net
    assert isinstance(value, CategoricalValue)  # noqa: S101  Only called for one.
    critic = [*policy.mlp_extractor.value_net.parameters(), *value.parameters()]
    for _ in range(epochs):
        for sample in buffer.get(_BATCH):
            hidden = policy.mlp_extractor.value_net(policy.extract_features(sample.observations))
            # None rather than zero: an optimiser would move the actor by its momentum.
            policy.optimizer.zero_grad(set_to_none=True)
            value.loss(hidden, sample.returns).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(critic, largest_gradient)
            policy.optimizer.step()
