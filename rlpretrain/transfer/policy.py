"""The RL agent's policy: stable-baselines3's actor-critic on the pre-trained network's own layers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import Schedule
from torch import nn

from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork, StateScaler, Trunk
from rlpretrain.pretraining.settings import Activation

__all__ = ["TradingPolicy", "blank_policy", "policy_arguments", "soften"]


class _ScaledState(BaseFeaturesExtractor):
    def __init__(self, observation_space: spaces.Box, scaler: Scaler) -> None:
        super().__init__(observation_space, features_dim=int(observation_space.shape[0]))
        self.scale = StateScaler(scaler)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        return self.scale(observations)  # type: ignore[no-any-return]


class _Towers(nn.Module):
    """Separate trunks of actor and critic, so that the critic's warm-up does not change the actor."""

    def __init__(
        self, state_dim: int, hidden_dims: Sequence[int], activation: Activation, layer_norm: bool
    ) -> None:
        super().__init__()
        self.policy_net = Trunk(state_dim, hidden_dims, activation, layer_norm)
        self.value_net = Trunk(state_dim, hidden_dims, activation, layer_norm)
        self.latent_dim_pi = self.latent_dim_vf = hidden_dims[-1]

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        return self.policy_net(features)  # type: ignore[no-any-return]

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        return self.value_net(features)  # type: ignore[no-any-return]


class TradingPolicy(ActorCriticPolicy):
    """Actor and critic with the layers of `PolicyNetwork`.

    With a `prior`, the entropy bonus becomes a pull towards the frozen pre-trained policy: `evaluate_actions` returns
    ``-KL(prior || policy)`` in place of the entropy, so that ``ent_coef`` weighs the KL term (as in VPT, Baker et al.
    2022, arXiv 2206.11795). Without one it is the plain entropy.
    """

    prior: PolicyNetwork | None = None

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        *,
        scaler: Scaler,
        hidden_dims: Sequence[int],
        activation: Activation = "relu",
        layer_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        self.hidden_dims = list(hidden_dims)
        self.activation, self.layer_norm = activation, layer_norm
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            features_extractor_class=_ScaledState,
            features_extractor_kwargs={"scaler": scaler},
            ortho_init=False,
            **kwargs,
        )

    def _build_mlp_extractor(self) -> None:
        towers = _Towers(self.features_dim, self.hidden_dims, self.activation, self.layer_norm)
        self.mlp_extractor = towers  # type: ignore[assignment]

    def keep_near(self, prior: PolicyNetwork) -> None:
        """Freeze the pre-trained policy, and pull towards it from now on."""
        # Outside the module tree: the prior is not a parameter of the agent and is not saved with it.
        object.__setattr__(self, "prior", prior.to(self.device).eval().requires_grad_(False))

    def evaluate_actions(
        self, obs: Any, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return values, log-probabilities of `actions`, and the regulariser that RL maximises, (n,) each."""
        features = self.extract_features(obs)
        latent_pi, latent_vf = self.mlp_extractor(features)
        logits = torch.log_softmax(self.action_net(latent_pi), dim=1)
        values = self.value_net(latent_vf)
        log_prob = logits.gather(1, actions.long().view(-1, 1)).squeeze(1)
        if self.prior is None:
            return values, log_prob, -(logits.exp() * logits).sum(dim=1)
        with torch.no_grad():
            prior = torch.log_softmax(self.prior(obs)[0], dim=1)
        return values, log_prob, -(prior.exp() * (prior - logits)).sum(dim=1)

    def action_log_probabilities(self, states: torch.Tensor) -> torch.Tensor:
        """Return the log-probability of each action, (n, 3)."""
        features = self.extract_features(states, self.pi_features_extractor)
        assert isinstance(features, torch.Tensor)  # noqa: S101  One extractor is named, so one tensor is returned.
        return torch.log_softmax(self.action_net(self.mlp_extractor.forward_actor(features)), dim=1)

    def act(self, states: NDArray[np.float32]) -> NDArray[np.integer]:
        """Return the most likely action of each state (n, 64)."""
        with torch.no_grad():
            likely = self.action_log_probabilities(torch.as_tensor(states, device=self.device)).argmax(dim=1)
        return np.asarray(likely.cpu().numpy())

    def load_network(self, network: PolicyNetwork) -> None:
        """Copy the pre-trained layers into the actor, and its trunk into the critic as a start."""
        self.features_extractor.scale.load_state_dict(network.scale.state_dict())  # type: ignore[union-attr]
        self.mlp_extractor.policy_net.load_state_dict(network.trunk.state_dict())
        self.mlp_extractor.value_net.load_state_dict(network.trunk.state_dict())
        self.action_net.load_state_dict(network.policy_head.state_dict())


def soften(network: PolicyNetwork, temperature: float) -> PolicyNetwork:
    """Return a copy whose policy is softmax(logits / temperature).

    Every state keeps its most likely action, but with less certainty. A clone assigns almost no probability to actions
    that its teachers do not take: such actions are hardly tried, their gradients are small, and PPO's clipping stops
    rewarding the growth of a probability beyond a fifth per iteration. A certain clone would therefore hardly change,
    whatever the rewards.
    """
    softened = copy.deepcopy(network)
    with torch.no_grad():
        softened.policy_head.weight.div_(temperature)
        softened.policy_head.bias.div_(temperature)
    return softened


def policy_arguments(network: PolicyNetwork) -> dict[str, Any]:
    """Return the `policy_kwargs` of a policy with the same shape and scaler as `network`."""
    return {
        "scaler": network.scaler,
        "hidden_dims": network.hidden_dims,
        "activation": network.activation,
        "layer_norm": network.layer_norm,
    }


def blank_policy(
    scaler: Scaler,
    hidden_dims: Sequence[int],
    action_dim: int,
    *,
    activation: Activation = "relu",
    layer_norm: bool = False,
) -> TradingPolicy:
    """Create a policy without an agent, to act with weights that are loaded next."""
    return TradingPolicy(
        spaces.Box(-np.inf, np.inf, (len(scaler.mean),), np.float32),
        spaces.Discrete(action_dim),
        lambda _: 0.0,
        scaler=scaler,
        hidden_dims=hidden_dims,
        activation=activation,
        layer_norm=layer_norm,
    )
