"""The frozen prior beside a fresh network: what the network learns is a correction of the prior's choices."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn

from rlpretrain.pretraining.network import Trunk
from rlpretrain.pretraining.settings import Activation
from rlpretrain.transfer.evidence import agreement, trust

__all__ = ["Residual"]


class _Actor(nn.Sequential):
    """A trunk and a head without a scaler: the policy's features are scaled already."""

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = copy.deepcopy(trunk), copy.deepcopy(head)


class Residual(nn.Module):
    """What is added to the logits of a fresh network: the frozen prior's, less the network's own at the start.

    The sum is ``weight * prior + (network - network at the start)``. At first it is exactly the weighted prior, and the
    network is as easy to change as any fresh one, which the prior's own layers are not: they give nearly the same
    hidden features in all states, so that one step moves all states together. Residual policies: Silver et al. (2018),
    arXiv 1812.06298; Johannink et al. (2019), arXiv 1812.03201.

    Weight and evidence are buffers: they are saved and loaded with the weights.
    """

    weight: torch.Tensor
    """Weight of the prior, in [0, 1]; it never rises."""
    agreement: torch.Tensor
    """Agreement of the policy gradient between days, over the rollouts so far."""

    def __init__(
        self, prior: tuple[nn.Module, nn.Module], start: tuple[nn.Module, nn.Module], weight: float
    ) -> None:
        super().__init__()
        self.prior, self.start = _Actor(*prior), _Actor(*start)
        self.requires_grad_(False)
        self.register_buffer("weight", torch.tensor(float(weight), dtype=torch.float64))
        self.register_buffer("agreement", torch.tensor(0.0, dtype=torch.float64))

    @classmethod
    def blank(
        cls,
        state_dim: int,
        hidden_dims: Sequence[int],
        actions: int,
        activation: Activation,
        layer_norm: bool,
    ) -> Residual:
        """Create one of this shape, whose weights are loaded next."""
        layers = (Trunk(state_dim, hidden_dims, activation, layer_norm), nn.Linear(hidden_dims[-1], actions))
        return cls(layers, layers, 1.0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return what is added to the network's logits, (n, 3), for scaled states (n, 64)."""
        with torch.no_grad():
            return self.weight * self.prior(features) - self.start(features)  # type: ignore[no-any-return]

    def observe(self, cosine: float) -> None:
        """Count the evidence of one more rollout."""
        self.agreement.fill_(agreement(float(self.agreement), cosine))

    def reweigh(self) -> float:
        """Return the prior's weight, cut to what the evidence so far leaves of it."""
        self.weight.clamp_(max=trust(float(self.agreement)))
        return float(self.weight)
