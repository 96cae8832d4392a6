"""From a pre-trained model file to a reinforcement-learning agent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlpretrain.choices import choose
from rlpretrain.environments import Policy
from rlpretrain.environments.book import next_position
from rlpretrain.errors import SettingsError
from rlpretrain.features import STATE_NAMES
from rlpretrain.pretraining.dataset import DataSet
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file
from rlpretrain.transfer.agent import TradingAgent
from rlpretrain.transfer.checkpoint import TrainingCheckpoint
from rlpretrain.transfer.fine_tuning import checkpoint_steps, train_agent
from rlpretrain.transfer.policy import TradingPolicy, soften
from rlpretrain.transfer.pulls import divergence
from rlpretrain.transfer.schedule import warmup_steps
from rlpretrain.transfer.settings import TransferConfig, TransferSettings
from rlpretrain.transfer.strategies import TRANSFER_STRATEGIES

__all__ = ["TransferLearningManager", "TransferResult", "kl_to_prior", "stance_agreement"]


@dataclass(frozen=True)
class TransferResult:
    """Result of a transfer."""

    strategy: str
    chosen_steps: int
    """Steps of the checkpoint whose weights were kept."""
    history: list[dict[str, float]] = field(default_factory=list)
    """One entry per checkpoint: steps, score (with a judge), KL to the start and share of stances kept (with states),
    the critic's explained variance, and the weight of a frozen prior."""


def kl_to_prior(policy: TradingPolicy, prior: PolicyNetwork, states: NDArray[np.float32]) -> float:
    """Return the mean KL(prior || policy) over states (n, 64), in nats: how far the agent moved from the prior."""
    with torch.no_grad():
        tensor = torch.as_tensor(states, device=policy.device)
        before = torch.log_softmax(prior.to(policy.device)(tensor)[0], dim=1)
        now = policy.action_log_probabilities(tensor)
        return float(divergence(before, now).mean())


def stance_agreement(policy: Policy, prior: Policy, states: NDArray[np.float32]) -> float:
    """Return the share of states (n, 64) after which both are in the market, or both are not.

    Choices decide what is earned, probabilities do not: a prior that is nearly uniform can lose all its choices within
    a small KL.
    """
    held = states[:, STATE_NAMES.index("in_position")] > 0.5
    stances = [next_position(actor(states), held) for actor in (policy, prior)]
    return float(np.mean(stances[0] == stances[1]))


class TransferLearningManager:
    """Transfers a pre-trained policy into an agent.

    Parameters
    ----------
    config
        Settings of the transfer; the defaults soften the pre-trained policy, warm up the critic, then fine-tune with a
        decaying pull towards the agent's start.
    checkpoints
        Number of times that the agent is evaluated, the first before any step.
    """

    def __init__(self, config: TransferSettings | None = None, checkpoints: int = 6) -> None:
        self.config = config or TransferConfig()
        self.checkpoints = checkpoints

    def transfer_knowledge(
        self,
        source_model_path: Path | str,
        target_agent: TradingAgent,
        transfer_strategy: str | None = None,
        *,
        held_out_states: NDArray[np.float32] | None = None,
        judge: Callable[[TradingPolicy], float] | None = None,
        trust: float = 1.0,
        patterns: Callable[[], DataSet] | None = None,
        checkpoint: TrainingCheckpoint | None = None,
        progress: Callable[[str], None] = lambda line: None,
    ) -> TransferResult:
        """Load the model into the agent and fine-tune it on the agent's environment.

        Parameters
        ----------
        source_model_path
            A file that pre-training wrote.
        target_agent
            A fresh agent from `make_agent`, of the model's shape.
        transfer_strategy
            Overrides the configuration's: a name of `TRANSFER_STRATEGIES`.
        held_out_states
            (n, 64) states on which forgetting is measured.
        judge
            Returns the score of a policy on the validation window. With it, the agent keeps the weights of the best
            checkpoint, which may be the first, before any step; without it, those of the last.
        trust
            Weight of a frozen prior at first, in [0, 1]; see `first_trust`.
        patterns
            Reads the training patterns, for a strategy that needs them.
        checkpoint
            Where the training's state is written, and from which it goes on if it was stopped.

        Raises
        ------
        SettingsError
            The agent is not one of `make_agent`, the strategy is unknown, or the actor does not have a layer of
            `freeze_layers`.
        StageError
            SIGTERM was received; the checkpoint has been written.
        """
        if not isinstance(target_agent, TradingAgent):
            raise SettingsError(
                f"a {type(target_agent).__name__} is not an agent of make_agent, which the transfer strategies need",
                hint="rlpretrain.transfer.transfer_into loads the model into any agent",
            )
        config = self.config
        if transfer_strategy is not None:
            strategy = choose(TRANSFER_STRATEGIES, transfer_strategy)
            config = config.changed(transfer_strategy=strategy.name)
        network = load_model_file(source_model_path).network()
        start = soften(network, config.transfer_temperature)
        total = warmup_steps(config) + config.transfer_steps
        rollout = target_agent.n_steps * target_agent.n_envs

        def watch(
            policy: TradingPolicy, figures: dict[str, Any]
        ) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
            entry: dict[str, float] = {}
            if judge is not None:
                entry["score"] = judge(policy)
            if held_out_states is not None:
                entry["kl"] = kl_to_prior(policy, start, held_out_states)
                entry["stances_kept"] = stance_agreement(policy.act, start.act, held_out_states)
            if "train/explained_variance" in figures:
                entry["explained_variance"] = float(figures["train/explained_variance"])
            if policy.residual is not None:
                entry["prior_weight"] = float(policy.residual.weight)
            progress(
                "  ".join([f"step {target_agent.num_timesteps}", *(f"{k} {v:.3f}" for k, v in entry.items())])
            )
            return entry, {name: tensor.clone() for name, tensor in policy.state_dict().items()}

        watched = train_agent(
            target_agent,
            network,
            config,
            total_steps=total,
            checkpoints=checkpoint_steps(total, self.checkpoints, rollout),
            watch=watch,
            trust=trust,
            patterns=patterns,
            checkpoint=checkpoint,
        )
        history = [{"steps": float(steps), **entry} for steps, (entry, _) in watched]
        chosen = len(watched) - 1
        if judge is not None:
            chosen = int(np.argmax([entry["score"] for _, (entry, _) in watched]))
            target_agent.policy.load_state_dict(watched[chosen][1][1])
        return TransferResult(
            strategy=config.transfer_strategy, chosen_steps=watched[chosen][0], history=history
        )
