"""The scaling of states in front of an agent's layers, once and not twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_normalize
from torch import nn

from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import StateScaler
from rlpretrain.transfer.towers import AgentMismatchError

__all__ = ["ScaledState", "put_scaler", "refuse_scaled_observations"]


class ScaledState(BaseFeaturesExtractor):
    """Scales the numbers of the state vector in an observation, and leaves others as they are.

    Parameters
    ----------
    scaler
        Mean and deviation of each number of the state vector.
    columns
        Their places in the observation; by default the observation is the state vector.
    """

    def __init__(
        self, observation_space: spaces.Box, scaler: Scaler, columns: Sequence[int] | None = None
    ) -> None:
        super().__init__(observation_space, features_dim=int(observation_space.shape[0]))
        self.scale = StateScaler(scaler)
        self._columns = None if columns is None else list(columns)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Return observations (n, width) with the states in them scaled."""
        if self._columns is None:
            return self.scale(observations)  # type: ignore[no-any-return]
        features = observations.clone()
        features[:, self._columns] = self.scale(observations[:, self._columns])
        return features


def refuse_scaled_observations(env: Any) -> None:
    """Raise an error if a `VecNormalize` scales observations: the network scales them itself.

    Its statistics move while the agent learns, and its clip loses what lies beyond, so they can't become part of the
    network's scaler. Rewards may be scaled.

    Raises
    ------
    AgentMismatchError
        It does.
    """
    wrapper = unwrap_vec_normalize(env) if isinstance(env, VecEnv) else None
    if wrapper is not None and wrapper.norm_obs:
        raise AgentMismatchError(
            "VecNormalize scales the observations, which the pre-trained network scales itself",
            hint="use VecNormalize(env, norm_obs=False)",
        )


def put_scaler(module: nn.Module, scaler: Scaler, arguments: dict[str, Any]) -> tuple[str, ...]:
    """Load the scaling of states in front of a module's layers; return the names of the modules that have it now.

    It is loaded into the scalers that the module has. If it has none, each of stable-baselines3's `FlattenExtractor`
    becomes a `ScaledState`. If there is nothing of either kind, no name is returned.

    Parameters
    ----------
    arguments
        Arguments of a `ScaledState`.

    Raises
    ------
    AgentMismatchError
        The module scales observations of another width.
    """
    scalers = {name: part for name, part in module.named_modules() if isinstance(part, StateScaler)}
    for name, part in scalers.items():
        if part.mean.shape != scaler.mean.shape:
            raise AgentMismatchError(
                f"the agent's {name} scales {len(part.mean)} numbers, the state vector has {len(scaler.mean)}"
            )
        part.load_state_dict(StateScaler(scaler).state_dict())
    if scalers:
        return tuple(scalers)
    replaced: dict[nn.Module, tuple[str, ScaledState]] = {}
    for path, parent in module.named_modules():
        for name, child in list(parent._modules.items()):
            if isinstance(child, FlattenExtractor):
                # Actor and critic may share one.
                if child not in replaced:
                    new = ScaledState(**arguments).to(next(module.parameters()).device)
                    replaced[child] = (f"{path}.{name}".lstrip("."), new)
                setattr(parent, name, replaced[child][1])
    return tuple(name for name, _ in replaced.values())
