"""The RL agent's policy: stable-baselines3's actor-critic on the pre-trained network's own layers."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import nn

from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork, Trunk
from rlpretrain.pretraining.settings import Activation
from rlpretrain.transfer.categorical import CategoricalValue
from rlpretrain.transfer.pulls import KlToPrior, Pull, Sample
from rlpretrain.transfer.residual import Residual
from rlpretrain.transfer.roll_in import RollIn
from rlpretrain.transfer.settings import CriticForm
from rlpretrain.transfer.state_scaling import ScaledState

__all__ = ["TradingPolicy", "blank_policy", "policy_arguments", "soften"]


class _Towers(nn.Module):
    """Separate trunks of actor and critic, so that the critic's warm-up does not change the actor.

    With `low_precision` the products of their layers are in bfloat16; weights, heads and all else stay as they are.
    """

    low_precision = False

    def __init__(
        self,
        state_dim: int,
        hidden_dims: Sequence[int],
        activation: Activation,
        layer_norm: bool,
        critic_layer_norm: bool,
    ) -> None:
        super().__init__()
        self.policy_net = Trunk(state_dim, hidden_dims, activation, layer_norm)
        self.value_net = Trunk(state_dim, hidden_dims, activation, critic_layer_norm)
        self.latent_dim_pi = self.latent_dim_vf = hidden_dims[-1]

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: torch.Tensor) -> torch.Tensor:
        return self._through(self.policy_net, features)

    def forward_critic(self, features: torch.Tensor) -> torch.Tensor:
        return self._through(self.value_net, features)

    def _through(self, trunk: nn.Module, features: torch.Tensor) -> torch.Tensor:
        if not self.low_precision:
            return trunk(features)  # type: ignore[no-any-return]
        with torch.autocast(features.device.type, torch.bfloat16):
            hidden: torch.Tensor = trunk(features)
        return hidden.float()


@dataclass(frozen=True)
class Known:
    """What stays the same in some states while the policy learns from a rollout."""

    states: torch.Tensor
    """(n, 64)."""
    features: torch.Tensor
    """(n, 64): scaled states."""
    added: torch.Tensor | None
    """(n, 3): what a frozen prior adds to the logits, where there is one."""
    prior: torch.Tensor | None
    """(n, 3): log-probabilities of the prior towards which the policy is pulled, where that is how it is pulled."""

    def rows(self, rows: torch.Tensor) -> Known:
        """Return some of the states."""
        return Known(
            self.states[rows],
            self.features[rows],
            None if self.added is None else self.added[rows],
            None if self.prior is None else self.prior[rows],
        )


class TradingPolicy(ActorCriticPolicy):
    """Actor and critic with the layers of `PolicyNetwork`.

    With a `pull`, `evaluate_actions` returns ``entropy_bonus * entropy - pull_weight * pull`` in place of the entropy,
    which stable-baselines3 adds to what is maximised. Without one it is the plain entropy. With a `roll_in`, its guide
    takes the first actions of each episode in place of the policy.

    Parameters
    ----------
    residual
        Whether the actor corrects a frozen prior, whose weights are loaded next; see `Residual`.
    critic
        Form of the critic; see `TransferSettings`.
    parameter_groups
        Names of parameters and their share of the step size, group by group; see `group_parameters`.
    """

    residual: Residual | None
    pull: Pull | None = None
    pull_weight: float = 0.0
    entropy_bonus: float = 1.0
    roll_in: RollIn | None = None

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
        residual: bool = False,
        critic: CriticForm = "linear",
        parameter_groups: Sequence[tuple[Sequence[str], float]] | None = None,
        **kwargs: Any,
    ) -> None:
        self.critic = critic
        self.hidden_dims = list(hidden_dims)
        self.activation, self.layer_norm = activation, layer_norm
        self._blank_residual, self._groups = residual, parameter_groups
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            features_extractor_class=ScaledState,
            features_extractor_kwargs={"scaler": scaler},
            ortho_init=False,
            # One pass over the weights in place of ten.
            **{"optimizer_kwargs": {"eps": 1e-5, "fused": True}, **kwargs},
        )

    def _build_mlp_extractor(self) -> None:
        towers = _Towers(
            self.features_dim,
            self.hidden_dims,
            self.activation,
            self.layer_norm,
            self.layer_norm or self.critic == "layer_norm",
        )
        self.mlp_extractor = towers  # type: ignore[assignment]

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        self.residual = None
        if self.critic == "categorical":
            self.value_net = CategoricalValue(self.hidden_dims[-1])  # type: ignore[assignment]
            self._create_optimiser(lr_schedule(1))
        if self._blank_residual:
            actions = int(self.action_net.out_features)  # type: ignore[arg-type]
            self._add(
                Residual.blank(
                    self.features_dim, self.hidden_dims, actions, self.activation, self.layer_norm
                ),
            )

        if self._groups is not None:
            self.group_parameters(self._groups, lr_schedule(1))

    @property
    def shape(self) -> dict[str, Any]:
        """Return the arguments, besides the scaler, of a policy into which the weights of this one fit."""
        return {
            "hidden_dims": self.hidden_dims,
            "activation": self.activation,
            "layer_norm": self.layer_norm,
            "residual": self.residual is not None,
            "critic": self.critic,
        }

    @property
    def scaler(self) -> Scaler:
        """Return the scaler of its states."""
        scale = self.get_submodule("features_extractor.scale")
        mean, std = (scale.get_buffer(name).cpu().numpy() for name in ("mean", "std"))
        return Scaler(mean=mean, std=std)

    def group_parameters(self, groups: Sequence[tuple[Sequence[str], float]], rate: float) -> None:
        """Create a new optimiser whose groups learn at their share of the step size; all other parameters rest."""
        named = dict(self.named_parameters())
        self.optimizer = self.optimizer_class(
            [
                {"params": [named[name] for name in names], "share": share, "lr": rate * share}
                for names, share in groups
            ],
            lr=rate,  # type: ignore[call-arg]
            **self.optimizer_kwargs,
        )

    def correct(self, prior: PolicyNetwork, weight: float = 1.0) -> None:
        """Add the frozen prior, times `weight`; the actor learns what is added to that, and starts at nothing."""
        self.use_scaler(prior)
        own = (self.mlp_extractor.policy_net, self.action_net)
        self._add(Residual((prior.trunk, prior.policy_head), own, weight).to(self.device))

    def _add(self, residual: Residual) -> None:
        self.residual = residual
        self.pull = KlToPrior(lambda states: residual.prior(self._scaled(states)))
        self._create_optimiser(self.optimizer.param_groups[0]["lr"])

    def _create_optimiser(self, rate: float) -> None:
        learning = [parameter for parameter in self.parameters() if parameter.requires_grad]
        self.optimizer = self.optimizer_class(learning, lr=rate, **self.optimizer_kwargs)  # type: ignore[call-arg]

    def actor_parameters(self) -> list[nn.Parameter]:
        """Return the parameters of the actor's own layers, from input to output."""
        return [*self.mlp_extractor.policy_net.parameters(), *self.action_net.parameters()]

    def _scaled(self, states: Any) -> torch.Tensor:
        features = self.extract_features(states, self.pi_features_extractor)
        assert isinstance(features, torch.Tensor)  # noqa: S101  One extractor is named, so one tensor is returned.
        return features

    def _logits(self, features: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        logits = self.action_net(hidden)
        return logits if self.residual is None else logits + self.residual(features)  # type: ignore[no-any-return]

    def get_distribution(self, obs: Any) -> Distribution:
        """Return the distribution over actions in some states."""
        features = self._scaled(obs)
        logits = self._logits(features, self.mlp_extractor.forward_actor(features))
        return self.action_dist.proba_distribution(action_logits=logits)

    def forward(
        self, obs: Any, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return actions, values and log-probabilities of the actions."""
        actions, log_prob = self.draw(obs, deterministic)
        return actions, self.predict_values(obs), log_prob

    def draw(self, states: torch.Tensor, deterministic: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Return actions in states (n, 64), drawn or the most likely ones, and their log-probabilities, (n,) each."""
        features = self._scaled(states)
        chances = self._chances(features, self.mlp_extractor.forward_actor(features))
        # Drawn as by torch's categorical distribution, which would check and normalise the probabilities again.
        actions = chances.argmax(dim=1) if deterministic else chances.exp().multinomial(1).squeeze(1)
        if self.roll_in is not None:
            actions = self.roll_in.choose(states, actions)
        return actions, chances.gather(1, actions[:, None]).squeeze(1)

    def evaluate_actions(
        self, obs: Any, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return values, log-probabilities of `actions`, and the regulariser that RL maximises, (n,) each."""
        return self.evaluate(self.known(obs), actions)

    def known(self, states: torch.Tensor) -> Known:
        """Compute what stays the same in some states (n, 64) while the policy learns from a rollout."""
        features = self._scaled(states)
        with torch.no_grad():
            return Known(
                states=states,
                features=features,
                added=None if self.residual is None else self.residual(features),
                prior=self.pull.prior(states)
                if self.pull_weight and isinstance(self.pull, KlToPrior)
                else None,
            )

    def evaluate(
        self, known: Known, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Do the work of `evaluate_actions`, given what is known of the states."""
        hidden, latent_vf = self.mlp_extractor(known.features)
        logits = self.action_net(hidden)
        logits = torch.log_softmax(logits if known.added is None else logits + known.added, dim=1)
        values = self.value_net(latent_vf)
        if self.critic == "categorical":
            # It is fitted by its own loss.
            values = values.detach()
        log_prob = logits.gather(1, actions.long().view(-1, 1)).squeeze(1)
        entropy = -(logits.exp() * logits).sum(dim=1)
        if self.pull is None:
            return values, log_prob, entropy
        regulariser = self.entropy_bonus * entropy
        if self.pull_weight:
            sample = Sample(known.states, hidden, logits, known.prior)
            regulariser = regulariser - self.pull_weight * self.pull(self, sample)
        return values, log_prob, regulariser

    def action_log_probabilities(self, states: torch.Tensor) -> torch.Tensor:
        """Return the log-probability of each action, (n, 3), in full precision whatever training uses."""
        features = self._scaled(states)
        return self._chances(features, self.mlp_extractor.policy_net(features))

    def _chances(self, features: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(self._logits(features, hidden), dim=1)

    def act(self, states: NDArray[np.float32]) -> NDArray[np.integer]:
        """Return the most likely action of each state (n, 64)."""
        with torch.no_grad():
            likely = self.action_log_probabilities(torch.as_tensor(states, device=self.device)).argmax(dim=1)
        return np.asarray(likely.cpu().numpy())

    def acting_copy(self, weights: Mapping[str, torch.Tensor]) -> TradingPolicy:
        """Return a policy of this shape with other weights, and without optimiser state or pull: it only acts."""
        actions = int(self.action_net.out_features)  # type: ignore[arg-type]
        copied = blank_policy(self.scaler, action_dim=actions, **self.shape)
        copied.load_state_dict(dict(weights))
        return copied.eval()

    def use_scaler(self, network: PolicyNetwork) -> None:
        """Scale states as the network does."""
        self.features_extractor.scale.load_state_dict(network.scale.state_dict())  # type: ignore[union-attr]

    def load_network(self, network: PolicyNetwork) -> None:
        """Copy the pre-trained scaler and layers into the actor."""
        self.use_scaler(network)
        self.mlp_extractor.policy_net.load_state_dict(network.trunk.state_dict())
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
    residual: bool = False,
    critic: CriticForm = "linear",
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
        residual=residual,
        critic=critic,
    )
