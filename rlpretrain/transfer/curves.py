"""What happens inside an agent while it learns: rewards, distance from the prior, gradients, units that have died."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.transfer.critic import episode_ends
from rlpretrain.transfer.event_file import EventFile
from rlpretrain.transfer.pulls import divergence

if TYPE_CHECKING:
    from rlpretrain.transfer.agent import TradingAgent
    from rlpretrain.transfer.policy import TradingPolicy

__all__ = ["DORMANT", "LearningCurves", "dormant_share"]

DORMANT = 0.025
"""A unit is dormant whose mean activation is at most this share of its layer's (Sokar et al. 2023)."""
_STATES = 256
_LOGGED = ("train/explained_variance", "train/approx_kl")


class LearningCurves:
    """Writes one point of each curve after each update of an agent, for TensorBoard.

    They change nothing of what the agent learns.

    Parameters
    ----------
    path
        File to write, see `EventFile`.
    prior
        The policy that the agent starts from, to measure how far it has moved; None with random weights.
    """

    def __init__(self, path: Path, prior: PolicyNetwork | None = None) -> None:
        self.file, self._prior = EventFile(path), prior
        self._gradients: dict[str, _GradientNorm] = {}

    def watch(self, policy: TradingPolicy) -> None:
        """Record the norms of the policy's gradients from now on."""
        critic = [*policy.mlp_extractor.value_net.parameters(), *policy.value_net.parameters()]
        self._gradients = {
            "actor": _GradientNorm(policy.actor_parameters()),
            "critic": _GradientNorm(critic),
        }

    def record(self, agent: TradingAgent) -> None:
        """Write a point after an update, from the rollout that it learned from."""
        policy, buffer = agent.policy, agent.rollout_buffer
        states = buffer.observations.reshape(-1, buffer.observations.shape[-1])
        sample = states[:: max(1, len(states) // _STATES)][:_STATES]
        with torch.no_grad():
            tensor = torch.as_tensor(sample, device=policy.device)
            logs = policy.action_log_probabilities(tensor)
            features = policy._scaled(tensor)
            point = {
                "rollout/reward": _mean_reward(agent),
                "policy/entropy": float(-(logs.exp() * logs).sum(dim=1).mean()),
                "dormant/actor": dormant_share(policy.mlp_extractor.policy_net, features),
                "dormant/critic": dormant_share(policy.mlp_extractor.value_net, features),
            }
            if self._prior is not None:
                before = self._prior.to(policy.device)(tensor)[0].log_softmax(dim=1)
                point["policy/kl_to_prior"] = float(divergence(before, logs).mean())
        if policy.residual is not None:
            point["policy/prior_weight"] = float(policy.residual.weight)
        point |= {f"gradient/{part}": norm.take() for part, norm in self._gradients.items()}
        logged = agent.logger.name_to_value
        point |= {name: float(logged[name]) for name in _LOGGED if name in logged}
        self.file.add(agent.num_timesteps, point)

    def close(self) -> None:
        """Close the file, and measure no more gradients."""
        for norm in self._gradients.values():
            norm.remove()
        self.file.close()


class _GradientNorm:
    """Root mean square, over the passes of an update, of a gradient's norm before it is clipped."""

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._squares: list[torch.Tensor] = []
        self._passes = 0
        self._hooks = []
        for i, parameter in enumerate(parameters):
            hook = self._first if i == 0 else self._add
            self._hooks.append(parameter.register_post_accumulate_grad_hook(hook))  # type: ignore[no-untyped-call]

    def _first(self, parameter: torch.Tensor) -> None:
        self._passes += 1
        self._add(parameter)

    def _add(self, parameter: torch.Tensor) -> None:
        if parameter.grad is not None:
            self._squares.append(parameter.grad.square().sum())

    def take(self) -> float:
        """Return it, and begin anew; 0 where nothing was learned."""
        total = float(torch.stack(self._squares).sum()) if self._squares else 0.0
        norm = math.sqrt(total / max(self._passes, 1))
        self._squares, self._passes = [], 0
        return norm

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()


def dormant_share(trunk: nn.Sequential, features: torch.Tensor) -> float:
    """Return the share of a trunk's hidden units that are dormant on scaled states (n, 64).

    The score of a unit is its mean absolute activation over the states, divided by the mean of the scores of its layer;
    it is dormant if that is at most `DORMANT` (Sokar, Agarwal, Castro and Evci 2023, arXiv 2302.12902, definition 3.1).
    """
    dormant = units = 0
    for i, module in enumerate(trunk):
        features = module(features)
        if i % 2:  # an activation
            size = features.abs().mean(dim=0)
            dormant += int((size <= DORMANT * size.mean()).sum())
            units += len(size)
    return dormant / units


def _mean_reward(agent: TradingAgent) -> float:
    """Return the mean reward of a decision, without those that ended an episode.

    Stable-baselines3 adds the value of what follows to these.
    """
    buffer = agent.rollout_buffer
    ends = episode_ends(buffer, np.asarray(agent._last_episode_starts))
    return float(buffer.rewards[~ends].mean()) if not ends.all() else 0.0
