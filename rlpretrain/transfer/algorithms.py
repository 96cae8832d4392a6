"""Algorithms of reinforcement learning, one row each.

The settings list these rows, so torch is loaded only when an agent is created.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlpretrain.errors import SettingsError
from rlpretrain.table import Table

if TYPE_CHECKING:
    from rlpretrain.transfer.agent import TradingAgent

__all__ = ["RL_ALGORITHMS", "RlAlgorithm"]


@dataclass(frozen=True, kw_only=True)
class RlAlgorithm:
    """One algorithm: a class of stable-baselines3 that learns from rollouts of its own policy.

    Parameters
    ----------
    name
        Name of the algorithm in the setting `rl_algorithm`.
    description
        Name for people, which the trigger form shows.
    agent_class
        Loads and returns the class: a `TradingAgent` and one of stable-baselines3's algorithms, in this order.
    arguments
        Returns the arguments of this algorithm alone, given the steps of a rollout and the number of environments.
        `n_steps` must divide the steps, because the policy is evaluated after whole rollouts.
    """

    name: str
    description: str
    agent_class: Callable[[], type[TradingAgent]]
    arguments: Callable[[int, int], Mapping[str, Any]]

    def __post_init__(self) -> None:
        if not (self.name and self.description):
            raise SettingsError(f"the algorithm {self.name!r} needs a name and a description")
        steps = self.arguments(64, 16).get("n_steps", 0)
        if not steps or 64 % steps:
            raise SettingsError(
                f"the algorithm {self.name!r} must set n_steps to a divisor of the steps that it is given"
            )


def _ppo() -> type[TradingAgent]:
    from rlpretrain.transfer.ppo import PpoAgent

    return PpoAgent


def _a2c() -> type[TradingAgent]:
    from rlpretrain.transfer.a2c import A2cAgent

    return A2cAgent


RL_ALGORITHMS: Table[RlAlgorithm] = Table(
    "algorithm of reinforcement learning",
    "rlpretrain.rl_algorithms",
    RlAlgorithm,
    (
        RlAlgorithm(
            name="ppo",
            description="proximal policy optimisation (PPO)",
            agent_class=_ppo,
            arguments=lambda steps, envs: {
                "n_steps": steps,
                "batch_size": max(64, steps * envs // 4),
                "n_epochs": 4,
            },
        ),
        RlAlgorithm(
            name="a2c",
            description="advantage actor-critic (A2C)",
            agent_class=_a2c,
            # It takes one optimiser step per rollout, so its rollouts are short.
            arguments=lambda steps, envs: {
                "n_steps": steps // 8,
                "normalize_advantage": True,
                "use_rms_prop": False,
            },
        ),
    ),
)
