"""Training of an agent, from pre-trained or from random weights, evaluated at checkpoints."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, TypeVar

from stable_baselines3.common.callbacks import BaseCallback

from rlpretrain.choices import choose
from rlpretrain.errors import StageError
from rlpretrain.pretraining.dataset import DataSet
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.pretraining.stopping import stop_requests
from rlpretrain.transfer.agent import TradingAgent
from rlpretrain.transfer.checkpoint import TrainingCheckpoint
from rlpretrain.transfer.critic import load_critic
from rlpretrain.transfer.policy import TradingPolicy, soften
from rlpretrain.transfer.roll_in import RollIn
from rlpretrain.transfer.schedule import TransferSchedule, actor_layers, starts_pretrained
from rlpretrain.transfer.settings import TransferSettings
from rlpretrain.transfer.strategies import TRANSFER_STRATEGIES, Start

__all__ = ["attach", "checkpoint_steps", "train_agent"]

Watched = TypeVar("Watched")
Figures = dict[str, Any]
"""Stable-baselines3's log of the last update, by name."""


def attach(
    agent: TradingAgent,
    network: PolicyNetwork,
    config: TransferSettings,
    *,
    trust: float = 1.0,
    patterns: Callable[[], DataSet] | None = None,
) -> None:
    """Load the softened pre-trained policy into the agent as the strategy says, and set the pull towards it.

    Where its layers are loaded, those of the actor learn at `backbone_lr_scale` times the heads' step size, and the
    critic at the full one. Fresh layers keep the optimiser of random weights. The critic starts as
    `starts_pretrained` says; `TransferSchedule` corrects the value head's units after the first rollout.

    Parameters
    ----------
    trust
        Weight of a frozen prior at first, in [0, 1].
    patterns
        Reads the training patterns, for a strategy that needs them.

    Raises
    ------
    SettingsError
        The strategy needs patterns, and there are none.
    """
    strategy = choose(TRANSFER_STRATEGIES, config.transfer_strategy)
    policy = agent.policy
    start, whole = (
        soften(network, temperature).to(policy.device).eval().requires_grad_(False)
        for temperature in (config.transfer_temperature, 1.0)
    )
    if starts_pretrained(config):
        load_critic(policy, start)
    if strategy.frozen_prior:
        policy.correct(start, trust)
        agent.policy_kwargs["residual"] = True
        return
    if strategy.fresh:
        policy.use_scaler(start)
        if strategy.roll_in:
            policy.roll_in = RollIn(lambda states: whole(states)[0].argmax(dim=1), agent.n_envs)
        else:
            policy.pull = strategy.pull(Start(policy, start, whole, patterns))
        return
    policy.load_network(start)
    policy.pull = strategy.pull(Start(policy, start, whole, patterns))
    layers = actor_layers(policy)
    head = layers.pop("policy_head")
    critic = [*policy.mlp_extractor.value_net.parameters(), *policy.value_net.parameters()]
    agent.use_parameter_groups(
        [
            ([p for layer in layers.values() for p in layer.parameters()], config.backbone_lr_scale),
            (list(head.parameters()), 1.0),
            (critic, 1.0),
        ]
    )


def checkpoint_steps(total_steps: int, points: int, rollout: int) -> list[int]:
    """Return `points` step counts from 0 to `total_steps`, each a whole number of rollouts."""
    rollouts = -(-total_steps // rollout)
    return sorted({round(i * rollouts / max(1, points - 1)) * rollout for i in range(points)})


class _Watch(BaseCallback):
    def __init__(self, on_rollout: Callable[[int], None]) -> None:
        super().__init__()
        self._on_rollout = on_rollout

    def _on_rollout_start(self) -> None:
        self._on_rollout(self.num_timesteps)

    def _on_step(self) -> bool:
        return True


def train_agent(
    agent: TradingAgent,
    network: PolicyNetwork | None,
    config: TransferSettings,
    *,
    total_steps: int,
    checkpoints: Sequence[int],
    watch: Callable[[TradingPolicy, Figures], Watched],
    trust: float = 1.0,
    patterns: Callable[[], DataSet] | None = None,
    checkpoint: TrainingCheckpoint | None = None,
) -> list[tuple[int, Watched]]:
    """Train for `total_steps`, the critic's warm-up included, and evaluate the policy at `checkpoints`.

    Parameters
    ----------
    agent
        A fresh agent of the network's shape.
    network
        Pre-trained network to start from; None keeps the random weights, with all else equal.
    config
        Settings of the transfer. Without a network only the step size and the precision are read: all arms share
        them, and the agent's entropy bonus.
    checkpoints
        Step counts, each a whole number of rollouts.
    watch
        Called with the policy and the last update's figures; its results are returned.
    trust, patterns
        Weight of a frozen prior at first, and reader of the training patterns; see `attach`.
    checkpoint
        Where the state is written now and then and on SIGTERM, and from which a stopped training goes on. What `watch`
        returns must then be made of tensors and plain values.

    Returns
    -------
    watched
        (steps, result) for each checkpoint.

    Raises
    ------
    StageError
        SIGTERM was received, and there is a `checkpoint`, which has been written.
    """
    seen: dict[int, Watched] = {}
    stop = threading.Event()

    def look(steps: int) -> None:
        if steps in checkpoints and steps not in seen:
            seen[steps] = watch(agent.policy, dict(agent.logger.name_to_value) if steps else {})

    def on_rollout(steps: int) -> None:
        look(steps)
        if checkpoint is not None and (stop.is_set() or checkpoint.is_due(steps)):
            checkpoint.write(agent, seen)
        if stop.is_set():
            raise StageError(
                "training was stopped by SIGTERM", hint="the same command resumes where it stopped"
            )

    agent.use_learning_rate(config.transfer_learning_rate)
    callback: BaseCallback = _Watch(on_rollout)
    if network is not None:
        attach(agent, network, config, trust=trust, patterns=patterns)
        callback = TransferSchedule(config, total_steps, on_rollout)
    towers = agent.policy.mlp_extractor
    towers.low_precision = config.rl_precision == "bfloat16"  # type: ignore[assignment]
    with nullcontext(stop) if checkpoint is None else stop_requests() as stop:
        kept = None if checkpoint is None else checkpoint.resume(agent)
        seen |= kept or {}
        # Log figures are read at each rollout's start; a dump between would empty them.
        agent.learn(
            total_steps - (0 if kept is None else agent.num_timesteps),
            callback=callback,
            log_interval=None,  # type: ignore[arg-type]
            reset_num_timesteps=kept is None,
        )
    towers.low_precision = False  # type: ignore[assignment]
    look(agent.num_timesteps)
    for layer in actor_layers(agent.policy).values():
        layer.requires_grad_(True)
    agent.policy.set_training_mode(False)
    return sorted(seen.items(), key=lambda item: item[0])
