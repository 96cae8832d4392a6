"""Schedule of a transfer: the critic's warm-up, layers that unfreeze, and the decaying pull towards the prior."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

from rlpretrain.choices import choose
from rlpretrain.errors import SettingsError
from rlpretrain.transfer.critic import rescale_critic
from rlpretrain.transfer.evidence import gradient_agreement
from rlpretrain.transfer.roll_in import own_samples_only
from rlpretrain.transfer.settings import TransferSettings
from rlpretrain.transfer.strategies import TRANSFER_STRATEGIES

if TYPE_CHECKING:
    from rlpretrain.transfer.agent import TradingAgent
    from rlpretrain.transfer.policy import TradingPolicy

__all__ = [
    "TransferSchedule",
    "actor_layers",
    "pull_weight",
    "roll_in_bars",
    "starts_pretrained",
    "warmup_steps",
]


def actor_layers(policy: TradingPolicy) -> dict[str, nn.Module]:
    """Return the actor's layers by their names in `freeze_layers`: trunk.0, trunk.2, ..., policy_head."""
    trunk = {
        f"trunk.{i}": layer
        for i, layer in enumerate(policy.mlp_extractor.policy_net)
        if list(layer.parameters())
    }
    return {**trunk, "policy_head": policy.action_net}


def warmup_steps(config: TransferSettings) -> int:
    """Return the steps in which only the critic learns: none where the actor's layers are fresh.

    They are part of the budget: an arm that warms its critic has fewer steps left for its actor.
    """
    strategy = choose(TRANSFER_STRATEGIES, config.transfer_strategy)
    return 0 if strategy.frozen_prior or strategy.fresh else config.critic_warmup_steps


def starts_pretrained(config: TransferSettings) -> bool:
    """Return whether the critic starts as the pre-trained value head: never beside a frozen prior.

    There, fresh layers learn from a fresh critic: they gained more with it.
    """
    frozen = choose(TRANSFER_STRATEGIES, config.transfer_strategy).frozen_prior
    return config.critic_start == "pretrained" and not frozen


def pull_weight(config: TransferSettings, steps: int, total_steps: int) -> float:
    """Return the weight of the pull after `steps`: full during the warm-up, then falling linearly to zero.

    The prior helps at first and hinders later, so its weight decays (kickstarting, Schmitt et al. 2018, arXiv
    1803.03835): it is zero after `kl_decay_fraction` of those `total_steps` that follow the critic's warm-up. The pull
    towards a frozen prior stays whole; evidence reduces the prior itself.
    """
    if choose(TRANSFER_STRATEGIES, config.transfer_strategy).frozen_prior:
        return config.kl_coefficient
    return config.kl_coefficient * _remaining(config, steps, total_steps)


def roll_in_bars(config: TransferSettings, steps: int, total_steps: int) -> int:
    """Return the bars of each episode in which the guide decides after `steps`; they fall to zero as a pull does."""
    return round(config.roll_in_bars * _remaining(config, steps, total_steps))


def _remaining(config: TransferSettings, steps: int, total_steps: int) -> float:
    warmup = warmup_steps(config)
    span = max(1, total_steps - warmup) * config.kl_decay_fraction
    return max(0.0, 1.0 - max(0, steps - warmup) / span)


class TransferSchedule(BaseCallback):
    """Applies a `TransferSettings` while RL runs.

    What it sets depends only on the steps taken, so that training can stop at any rollout and resume.

    Parameters
    ----------
    config
        Settings of the transfer.
    total_steps
        Steps of the whole training, warm-up included.
    on_rollout
        Called at the start of each rollout with the number of steps taken before it.
    """

    model: TradingAgent

    def __init__(
        self,
        config: TransferSettings,
        total_steps: int,
        on_rollout: Callable[[int], None] = lambda steps: None,
    ) -> None:
        super().__init__()
        self._config, self._total, self._on_rollout = config, total_steps, on_rollout
        self._strategy = choose(TRANSFER_STRATEGIES, config.transfer_strategy)
        self._days: list[NDArray[np.datetime64]] = []
        self._cuts: list[NDArray[np.float64]] | None = None
        self._guided: list[NDArray[np.bool_]] = []

    def _on_training_start(self) -> None:
        unknown = set(self._config.freeze_layers) - set(actor_layers(self.model.policy))
        if unknown:
            raise SettingsError(
                f"freeze_layers names unknown layers {sorted(unknown)}",
                hint=f"the layers are {list(actor_layers(self.model.policy))}",
            )
        if self._strategy.frozen_prior and not hasattr(self.training_env, "days"):
            raise SettingsError(
                f"the transfer strategy {self._strategy.name!r} compares market days; the environment has no `days`",
                hint="train on a BatchedTradingEnv, or choose another transfer_strategy",
            )

    def _on_rollout_start(self) -> None:
        self._on_rollout(self.num_timesteps)
        # The first rollout is the prior's own: nothing has been learned.
        first = self.num_timesteps == 0 and starts_pretrained(self._config)
        self._cuts = [] if first and self.model.policy.critic != "categorical" else None
        self._learn(self._learning_layers())
        policy = self.model.policy
        policy.pull_weight = pull_weight(self._config, self.num_timesteps, self._total)
        if policy.roll_in is not None:
            policy.roll_in.bars = roll_in_bars(self._config, self.num_timesteps, self._total)
            self._guided = [policy.roll_in.guided]
        if policy.residual is not None:
            # Between rollouts, so that the samples of an update were all drawn under one weight.
            policy.pull_weight *= policy.residual.reweigh()
            self._days = [self._market_days()]

    def _learn(self, names: set[str]) -> None:
        for name, layer in actor_layers(self.model.policy).items():
            layer.requires_grad_(name in names)

    def _learning_layers(self) -> set[str]:
        since_warm = self.num_timesteps - warmup_steps(self._config)
        if since_warm < 0:
            return set()
        iteration = since_warm // (self.model.n_steps * self.model.n_envs)
        return self._strategy.learning_layers(list(actor_layers(self.model.policy)), iteration, self._config)

    def _market_days(self) -> NDArray[np.datetime64]:
        return np.asarray(self.training_env.days)  # type: ignore[attr-defined]

    def _on_step(self) -> bool:
        if self.model.policy.residual is not None:
            self._days.append(self._market_days())
        if self._cuts is not None:
            self._cuts.append(self._values_beyond(self.locals["infos"]))
        roll_in = self.model.policy.roll_in
        if roll_in is not None:
            roll_in.advance(self.locals["dones"])
            self._guided.append(roll_in.guided)
        return True

    def _values_beyond(self, infos: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """Return the critic's value of the states beyond episodes that were just cut, (slots,); NaN elsewhere."""
        values = np.full(len(infos), np.nan)
        for slot, info in enumerate(infos):
            if info.get("TimeLimit.truncated") and info.get("terminal_observation") is not None:
                values[slot] = self._values(info["terminal_observation"][None])[0]
        return values

    def _values(self, states: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.no_grad():
            values = self.model.policy.predict_values(torch.as_tensor(states, device=self.model.device))
        return np.asarray(values.cpu().numpy(), dtype=np.float64).ravel()

    def _on_rollout_end(self) -> None:
        if self._cuts is not None:
            offset, factor = rescale_critic(
                self.model.policy,
                self.model.rollout_buffer,
                np.stack(self._cuts),
                self._values(self.locals["new_obs"]),
                self.locals["dones"],
            )
            self.logger.record("train/value_offset", offset)
            self.logger.record("train/value_factor", factor)
            self._cuts = None
        if self.model.policy.roll_in is not None:
            guided = np.stack(self._guided[:-1])
            if not own_samples_only(self.model.rollout_buffer, guided, self.num_timesteps):
                self._learn(set())
        self._count_evidence()

    def _count_evidence(self) -> None:
        residual = self.model.policy.residual
        if residual is None or not float(residual.weight):
            return
        buffer = self.model.rollout_buffer
        samples = buffer.buffer_size * buffer.n_envs
        cosine = gradient_agreement(
            self.model.policy,
            buffer.observations.reshape(samples, -1),
            buffer.actions.reshape(samples).astype(np.int64),
            buffer.advantages.reshape(samples),
            # The last days are those of the next rollout's first decisions.
            np.concatenate(self._days[:-1]),
        )
        residual.observe(cosine)
        self.logger.record("train/gradient_agreement", cosine)
        self.logger.record("train/prior_weight", float(residual.weight))
