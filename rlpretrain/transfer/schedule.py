"""What learns when: the critic's warm-up, layers that unfreeze, the fading pull to the prior."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

from rlpretrain.config import TransferConfig
from rlpretrain.errors import SettingsError

if TYPE_CHECKING:
    from rlpretrain.transfer.agent import TradingAgent
    from rlpretrain.transfer.policy import TradingPolicy

__all__ = ["TransferSchedule", "actor_layers"]


def actor_layers(policy: TradingPolicy) -> dict[str, nn.Module]:
    """Name the actor's layers as `freeze_layers` does, input to output: trunk.0, trunk.2, ..., policy_head."""
    trunk = {
        f"trunk.{i}": layer
        for i, layer in enumerate(policy.mlp_extractor.policy_net)
        if list(layer.parameters())
    }
    return {**trunk, "policy_head": policy.action_net}


class TransferSchedule(BaseCallback):
    """Applies a `TransferConfig` while PPO runs.

    Parameters
    ----------
    config
        Strategy and its numbers.
    total_steps
        Steps of the whole training, warm-up included.
    on_rollout
        Called at the start of each rollout with the steps taken so far; sees the policy before those steps.
    """

    model: TradingAgent

    def __init__(
        self, config: TransferConfig, total_steps: int, on_rollout: Callable[[int], None] = lambda steps: None
    ) -> None:
        super().__init__()
        self._config, self._total, self._on_rollout = config, total_steps, on_rollout
        self._iteration = 0

    def _on_training_start(self) -> None:
        unknown = set(self._config.freeze_layers) - set(actor_layers(self.model.policy))
        if unknown:
            raise SettingsError(
                f"freeze_layers names {sorted(unknown)}",
                hint=f"layers are {list(actor_layers(self.model.policy))}",
            )

    def _on_rollout_start(self) -> None:
        self._on_rollout(self.num_timesteps)
        warming = self.num_timesteps < self._config.critic_warmup_steps
        learning = set() if warming else self._learning_layers()
        for name, layer in actor_layers(self.model.policy).items():
            layer.requires_grad_(name in learning)
        span = max(1, self._total - self._config.critic_warmup_steps) * self._config.kl_decay_fraction
        done = max(0, self.num_timesteps - self._config.critic_warmup_steps) / span
        self.model.ent_coef = self._config.kl_coefficient * max(0.0, 1.0 - done)
        if not warming:
            self._iteration += 1

    def _learning_layers(self) -> set[str]:
        names = list(actor_layers(self.model.policy))
        if self._config.strategy == "feature_extraction":
            learning = {"policy_head"}
        elif self._config.strategy == "progressive":
            # The head learns at once; each date of the schedule frees the next layer towards the input.
            freed = sum(self._iteration >= start for start in self._config.progressive_unfreeze_schedule)
            learning = set(names[max(0, len(names) - 1 - freed) :])
        else:
            learning = set(names)
        return learning - set(self._config.freeze_layers)

    def _on_step(self) -> bool:
        return True
