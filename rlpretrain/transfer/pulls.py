"""Pulls towards the pre-trained policy: what each of them measures, in one loss to be minimised."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from rlpretrain.pretraining.dataset import DataSet
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.transfer.losses import FeatureAlignmentLoss, KnowledgeDistillationLoss

if TYPE_CHECKING:
    from rlpretrain.transfer.policy import TradingPolicy

__all__ = [
    "Alignment",
    "ChangingPull",
    "Distillation",
    "ElasticWeights",
    "KlToPrior",
    "KlWherePriorIsBetter",
    "L2ToStart",
    "Pull",
    "Replay",
    "Sample",
    "divergence",
    "fisher_diagonal",
]

_FISHER_STATES = 256
_PATTERNS = 256
"""Patterns that one update sees."""


@dataclass(frozen=True)
class Sample:
    """The states of one update, as the policy sees them."""

    states: torch.Tensor
    """(n, 64)."""
    hidden: torch.Tensor
    """(n, width): output of the actor's trunk."""
    logits: torch.Tensor
    """(n, 3): log-probabilities of the actions."""
    prior: torch.Tensor | None = None
    """(n, 3): log-probabilities of the prior's actions, if they are known."""


Pull = Callable[["TradingPolicy", Sample], torch.Tensor]
"""Returns the distance to what should be kept, as one number or one for each state, (n,). One that remembers something
of the training is a `ChangingPull`."""


class ChangingPull(ABC):
    """A pull that remembers something of the training, so that a checkpoint has to contain it."""

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """Return what it remembers; nothing at first."""

    @abstractmethod
    def restore(self, policy: TradingPolicy, state: dict[str, torch.Tensor]) -> None:
        """Restore that, for a policy of the same shape."""


def divergence(prior: torch.Tensor, now: torch.Tensor) -> torch.Tensor:
    """Return KL(prior || now) in nats, (n,), of log-probabilities of actions, (n, 3) each."""
    return (prior.exp() * (prior - now)).sum(dim=1)


class KlToPrior:
    """KL(prior || policy) in each state (as in VPT, Baker et al. 2022, arXiv 2206.11795).

    Parameters
    ----------
    logits
        Returns the frozen prior's logits of states.
    """

    def __init__(self, logits: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._logits = logits

    def prior(self, states: torch.Tensor) -> torch.Tensor:
        """Return the log-probabilities of the prior's actions, (n, 3)."""
        with torch.no_grad():
            return torch.log_softmax(self._logits(states), dim=1)

    def __call__(self, policy: TradingPolicy, sample: Sample) -> torch.Tensor:
        """Return the divergence, (n,)."""
        prior = self.prior(sample.states) if sample.prior is None else sample.prior
        return divergence(prior, sample.logits)


class KlWherePriorIsBetter(ChangingPull):
    """KL(prior || policy) in the states in which following the prior is worth at least as much as going on.

    What the prior is worth is the critic as it was when the actor began to move, fitted to the prior's own rollouts;
    what going on is worth is the critic now. So the prior's advantage over the agent decides, state by state, whether
    the agent is held (the larger of several policies' values, as in MAMBA, Cheng et al. 2020, arXiv 2007.00795; a
    filter of what is imitated, Nair et al. 2018, arXiv 1709.10089).

    Parameters
    ----------
    logits
        Returns the frozen prior's logits of states.
    """

    def __init__(self, logits: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self._kl = KlToPrior(logits)
        self._critic: nn.Module | None = None

    def __call__(self, policy: TradingPolicy, sample: Sample) -> torch.Tensor:
        """Return the divergence, (n,), 0 where the prior is worth less."""
        divergence = self._kl(policy, sample)
        if not any(parameter.requires_grad for parameter in policy.actor_parameters()):
            return divergence
        now = _critic_of(policy)
        if self._critic is None:
            self._critic = copy.deepcopy(now).requires_grad_(False)
        with torch.no_grad():
            features = policy.extract_features(sample.states)
            better: torch.Tensor = self._critic(features) >= now(features)
        return divergence * better.squeeze(1)

    def state(self) -> dict[str, torch.Tensor]:
        """Return the critic as it was, once the actor has begun to move."""
        return {} if self._critic is None else dict(self._critic.state_dict())

    def restore(self, policy: TradingPolicy, state: dict[str, torch.Tensor]) -> None:
        """Take the critic as it was."""
        self._critic = None
        if state:
            self._critic = copy.deepcopy(_critic_of(policy)).requires_grad_(False)
            self._critic.load_state_dict(state)


def _critic_of(policy: TradingPolicy) -> nn.Module:
    return nn.Sequential(policy.mlp_extractor.value_net, policy.value_net)


class L2ToStart:
    """Half the squared distance of the actor's weights from their start (L2-SP, Li et al. 2018, arXiv 1802.01483)."""

    def __init__(self, policy: TradingPolicy) -> None:
        self._start = [parameter.detach().clone() for parameter in policy.actor_parameters()]

    def __call__(self, policy: TradingPolicy, sample: Sample) -> torch.Tensor:
        """Return the distance, one number."""
        pairs = zip(policy.actor_parameters(), self._start, strict=True)
        return 0.5 * torch.stack([(now - start).square().sum() for now, start in pairs]).sum()


class ElasticWeights:
    """Half the squared distance of each weight from its start, times its Fisher information.

    Elastic weight consolidation (Kirkpatrick et al. 2017, arXiv 1612.00796): weights on which the start's choices
    depend are held, others are free.
    """

    def __init__(self, policy: TradingPolicy, patterns: DataSet) -> None:
        self._start = [parameter.detach().clone() for parameter in policy.actor_parameters()]
        # Evenly spaced over the patterns, which are ordered by asset and day.
        rows = np.unique(np.linspace(0, len(patterns) - 1, _FISHER_STATES).astype(int))
        states = torch.as_tensor(np.asarray(patterns.states[rows]), device=policy.device)
        self._fisher = fisher_diagonal(policy.action_log_probabilities, policy.actor_parameters(), states)

    def __call__(self, policy: TradingPolicy, sample: Sample) -> torch.Tensor:
        """Return the distance, one number."""
        parts = zip(policy.actor_parameters(), self._start, self._fisher, strict=True)
        return (
            0.5 * torch.stack([(fisher * (now - start).square()).sum() for now, start, fisher in parts]).sum()
        )


def fisher_diagonal(
    log_probabilities: Callable[[torch.Tensor], torch.Tensor],
    parameters: list[nn.Parameter],
    states: torch.Tensor,
) -> list[torch.Tensor]:
    """Return the diagonal of the Fisher information: the mean of the squared score over states and actions.

    The expectation over actions is exact; no action is drawn.
    """
    totals = [torch.zeros_like(parameter) for parameter in parameters]
    for state in states:
        chances = log_probabilities(state[None])[0]
        for action, chance in enumerate(chances):
            last = action == len(chances) - 1
            gradients = torch.autograd.grad(chance, parameters, retain_graph=not last)
            for total, gradient in zip(totals, gradients, strict=True):
                total += chance.exp().detach() * gradient.square()
    return [total / len(states) for total in totals]


class Alignment:
    """Distance of the actor's hidden features from the prior's (FitNets, Romero et al. 2015, arXiv 1412.6550)."""

    def __init__(self, prior: PolicyNetwork, kind: str) -> None:
        self._prior = prior
        self._loss = FeatureAlignmentLoss(prior.trunk.width, prior.trunk.width, kind)

    def __call__(self, policy: TradingPolicy, sample: Sample) -> torch.Tensor:
        """Return the distance, one number."""
        with torch.no_grad():
            prior = self._prior.trunk(self._prior.scale(sample.states))
        return self._loss(sample.hidden, prior)  # type: ignore[no-any-return]


class _Patterns:
    """Draws of stored patterns, by their weights and with replacement."""

    def __init__(self, patterns: DataSet, device: torch.device) -> None:
        self._states = torch.as_tensor(patterns.states, device=device)
        self._labels = torch.as_tensor(patterns.labels, device=device)
        self._weights = torch.as_tensor(patterns.weights, device=device)

    def draw(self) -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.multinomial(self._weights, min(_PATTERNS, len(self._weights)), replacement=True)
        return self._states[rows], self._labels[rows]


class Replay:
    """Cross-entropy of stored patterns, replayed while RL runs (as in DQfD, Hester et al. 2018, arXiv 1704.03732)."""

    def __init__(self, policy: TradingPolicy, patterns: DataSet) -> None:
        self._patterns = _Patterns(patterns, policy.device)

    def __call__(self, policy: TradingPolicy, sample: Sample) -> torch.Tensor:
        """Return the loss, one number."""
        states, labels = self._patterns.draw()
        return functional.cross_entropy(policy.action_log_probabilities(states), labels)


class Distillation:
    """Hinton's loss on stored patterns, with the prior as the teacher (Li and Hoiem 2016, arXiv 1606.09282)."""

    def __init__(self, policy: TradingPolicy, prior: PolicyNetwork, patterns: DataSet) -> None:
        self._prior, self._loss = prior, KnowledgeDistillationLoss(temperature=3.0, alpha=0.3)
        self._patterns = _Patterns(patterns, policy.device)

    def __call__(self, policy: TradingPolicy, sample: Sample) -> torch.Tensor:
        """Return the loss, one number."""
        states, labels = self._patterns.draw()
        with torch.no_grad():
            teacher = self._prior(states)[0]
        return self._loss(policy.action_log_probabilities(states), teacher, labels)  # type: ignore[no-any-return]
