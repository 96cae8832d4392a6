"""Agents with a step size for each part of the network, and the agent's file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from gymnasium import spaces
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.type_aliases import GymEnv
from stable_baselines3.common.utils import update_learning_rate
from stable_baselines3.common.vec_env import VecEnv

from rlpretrain.choices import choose
from rlpretrain.errors import DataError
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file, save_model_file
from rlpretrain.pretraining.tensor_files import check_layers
from rlpretrain.transfer.algorithms import RL_ALGORITHMS
from rlpretrain.transfer.categorical import fit_categorical
from rlpretrain.transfer.curves import LearningCurves
from rlpretrain.transfer.policy import TradingPolicy, blank_policy, policy_arguments
from rlpretrain.transfer.settings import CriticForm
from rlpretrain.transfer.state_scaling import refuse_scaled_observations

__all__ = ["TradingAgent", "load_agent", "make_agent", "save_agent"]

ROLLOUT_STEPS = 64
"""Steps of each environment between two evaluations of the policy, whatever the algorithm."""
SHARED_ARGUMENTS: dict[str, Any] = {
    "gamma": 0.97,
    "gae_lambda": 0.95,
    "ent_coef": 0.01,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}
"""Arguments of every algorithm."""


class TradingAgent(OnPolicyAlgorithm):
    """Base of every algorithm's agent: its parameter groups keep their own share of the step size."""

    policy: TradingPolicy
    curves: LearningCurves | None = None
    """What is written after each update, see `record_curves`."""

    def _setup_model(self) -> None:
        super()._setup_model()
        if not self.verbose and self.tensorboard_log is None:
            # Stable-baselines3's own logger makes a folder in the temporary directory, for nothing.
            self.set_logger(Logger(folder=None, output_formats=[]))

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_custom_logger"]

    def _update_learning_rate(self, optimizers: list[torch.optim.Optimizer] | torch.optim.Optimizer) -> None:
        rate = self.lr_schedule(self._current_progress_remaining)
        self.logger.record("train/learning_rate", rate)
        for optimizer in optimizers if isinstance(optimizers, list) else [optimizers]:
            update_learning_rate(optimizer, rate)
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("share", 1.0)

    def use_learning_rate(self, rate: float) -> None:
        """Set the step size."""
        self.learning_rate = rate
        self._setup_lr_schedule()

    def use_parameter_groups(self, groups: Sequence[tuple[list[torch.nn.Parameter], float]]) -> None:
        """Create a new optimiser: each group learns at its share of the step size; all other parameters stay fixed."""
        names = {parameter: name for name, parameter in self.policy.named_parameters()}
        shares = [([names[p] for p in parameters], share) for parameters, share in groups if parameters]
        self.policy.group_parameters(shares, self.lr_schedule(1.0))
        # `load` builds the policy from them, and then finds the optimiser that was saved.
        self.policy_kwargs["parameter_groups"] = shares

    @staticmethod
    def _wrap_env(env: GymEnv, verbose: int = 0, monitor_wrapper: bool = True) -> VecEnv:
        refuse_scaled_observations(env)
        return OnPolicyAlgorithm._wrap_env(env, verbose, monitor_wrapper)

    def train(self) -> None:
        """Update the policy; the entropy keeps its weight `ent_coef` beside a pull, which has one of its own."""
        if self.policy.critic == "categorical":
            fit_categorical(
                self.policy, self.rollout_buffer, getattr(self, "n_epochs", 1), self.max_grad_norm
            )
        # A categorical critic has been fitted by its own loss, so that while the actor rests nothing is left to learn.
        if self.policy.critic != "categorical" or self._actor_learns():
            self._update()
        if self.curves is not None:
            self.curves.record(self)

    def _actor_learns(self) -> bool:
        return any(parameter.requires_grad for parameter in self.policy.actor_parameters())

    def _update(self) -> None:
        bonus = self.ent_coef
        if self.policy.pull is not None:
            self.policy.entropy_bonus, self.ent_coef = bonus, 1.0
        try:
            super().train()
        finally:
            self.ent_coef = bonus

    @contextmanager
    def record_curves(self, path: Path, prior: PolicyNetwork | None = None) -> Iterator[None]:
        """Write the curves of what is learned in this block, see `LearningCurves`."""
        self.curves = LearningCurves(path, prior)
        self.curves.watch(self.policy)
        try:
            yield
        finally:
            self.curves.close()
            self.curves = None


def make_agent(
    env: VecEnv,
    network: PolicyNetwork,
    *,
    seed: int,
    learning_rate: float = 3e-4,
    entropy_coefficient: float = SHARED_ARGUMENTS["ent_coef"],
    device: str = "cpu",
    algorithm: str = "ppo",
    critic: CriticForm = "linear",
) -> TradingAgent:
    """Create an agent with the network's shape and scaler, and with random weights.

    The defaults are shared by every arm of a comparison: only what is loaded afterwards differs.

    Raises
    ------
    SettingsError
        The algorithm is unknown.
    """
    row = choose(RL_ALGORITHMS, algorithm)
    return row.agent_class()(
        TradingPolicy,
        env,
        learning_rate=learning_rate,
        policy_kwargs={**policy_arguments(network), "critic": critic},
        seed=seed,
        device=device,
        **{**SHARED_ARGUMENTS, "ent_coef": entropy_coefficient},
        **row.arguments(ROLLOUT_STEPS, env.num_envs),
    )


def save_agent(path: Path | str, policy: TradingPolicy, metadata: dict[str, Any]) -> None:
    """Write the actor, the critic and the scaler with JSON metadata."""
    shape = {
        **policy.shape,
        "action_dim": int(cast(spaces.Discrete, policy.action_space).n),
    }
    save_model_file(Path(path), "rl_agent", policy.state_dict(), {**metadata, **shape})


def load_agent(path: Path | str) -> tuple[TradingPolicy, dict[str, Any]]:
    """Read an agent's file; return its policy, ready to `act`, and its metadata.

    Raises
    ------
    DataError
        The file is missing or damaged, contains something else, or belongs to another version of the state vector.
    """
    file = load_model_file(path)
    if file.kind != "rl_agent":
        raise DataError(f"{path} contains a {file.kind}, not an agent", hint="transfer it first")
    shape = {
        "activation": "relu",
        "layer_norm": False,
        "residual": False,
        "critic": "linear",
        **file.metadata,
    }
    try:
        scaler = file.scaler("features_extractor.scale")
        check_layers(
            file.weights, shape, len(scaler.mean), trunk="mlp_extractor.policy_net", head="action_net"
        )
        policy = blank_policy(
            scaler,
            shape["hidden_dims"],
            shape["action_dim"],
            activation=shape["activation"],
            layer_norm=shape["layer_norm"],
            residual=shape["residual"],
            critic=shape["critic"],
        )
        policy.load_state_dict(file.weights)
    except (DataError, KeyError, TypeError, RuntimeError) as error:
        raise DataError(f"{path} is damaged: {error}", hint="transfer again") from None
    return policy.eval(), file.metadata
