"""Settings of the transfer from the policy network to the RL agent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from rlpretrain.choices import OneOf
from rlpretrain.sections import Section, Standalone, run_setting

__all__ = ["CriticForm", "TrainingAssetSettings", "TransferConfig", "TransferSettings"]

CriticForm = Literal["linear", "layer_norm", "categorical"]
AlgorithmName = Annotated[str, OneOf("rlpretrain.transfer.algorithms:RL_ALGORITHMS")]
StrategyName = Annotated[str, OneOf("rlpretrain.transfer.strategies:TRANSFER_STRATEGIES")]


class TrainingAssetSettings(Section):
    """The assets that the agent trains on."""

    max_training_assets: int = run_setting(
        16,
        "Transfer",
        "Number of assets that the RL agent trains on, those with the most patterns.",
        title="Maximum number of training assets",
        ge=1,
        le=1_000,
    )


class TransferSettings(Section):
    """How the pre-trained policy becomes an RL agent."""

    rl_algorithm: AlgorithmName = run_setting(
        "ppo", "Transfer", "Algorithm of reinforcement learning.", title="RL algorithm", short="algorithm"
    )
    transfer_strategy: StrategyName = run_setting(
        "fine_tuning",
        "Transfer",
        "What is loaded, which layers learn and when, and what holds them.",
        title="Transfer strategy",
        short="strategy",
    )
    freeze_layers: list[str] = run_setting(
        [], "Transfer", "Policy layers that never change, for example 'trunk.0'.", title="Frozen layers"
    )
    progressive_unfreeze_schedule: list[Annotated[int, Field(ge=0, le=1_000_000)]] = run_setting(
        [5, 10, 15],
        "Transfer",
        "Iterations at which the next layer, from the output backwards, starts to learn; for 'progressive'.",
        title="Iterations that unfreeze a layer",
    )
    roll_in_bars: int = run_setting(
        63,
        "Transfer",
        "Bars of each episode in which the pre-trained policy decides at first, for 'roll_in'; they fall to zero.",
        title="Bars of the roll-in",
        ge=0,
        le=10_000,
    )
    transfer_steps: int = run_setting(
        60_000,
        "Transfer",
        "Environment steps of the transferred agent's fine-tuning, after the critic's warm-up.",
        title="Fine-tuning steps",
        short="total_steps",
        ge=0,
        le=1_000_000_000,
    )
    critic_warmup_steps: int = run_setting(
        10_000,
        "Transfer",
        "Environment steps in which only the critic learns; the strategy 'residual' has none.",
        title="Critic warm-up steps",
        ge=0,
        le=1_000_000_000,
    )
    critic_start: Literal["pretrained", "random"] = run_setting(
        "pretrained",
        "Transfer",
        "Start of the critic; with the strategy 'residual' it is always random.",
        title="Start of the critic",
        choices={"pretrained": "the pre-trained value head", "random": "random weights"},
    )
    critic_form: CriticForm = run_setting(
        "linear",
        "Transfer",
        "Form of the critic of every arm: plain, with normalised layers, or a distribution over returns.",
        title="Form of the critic",
        choices={
            "linear": "plain: the policy's layers, with a linear head",
            "layer_norm": "with normalised layers",
            "categorical": "a distribution over returns (HL-Gauss)",
        },
    )
    transfer_learning_rate: float = run_setting(
        3e-4,
        "Transfer",
        "Step size of RL, for random weights too; transferred layers may have a smaller one.",
        title="Learning rate of transfer",
        short="learning_rate",
        gt=0,
        le=1,
    )
    backbone_lr_scale: float = run_setting(
        1.0,
        "Transfer",
        "Step size of the transferred layers, as a fraction of the heads'.",
        title="Learning rate of transferred layers, share",
        ge=0,
        le=1,
    )
    kl_coefficient: float = run_setting(
        1.0,
        "Transfer",
        "Initial weight of the pull towards the pre-trained policy; it decays to zero, for 'residual' with evidence.",
        title="Pull towards the pre-trained policy",
        ge=0,
        le=1_000,
    )
    kl_decay_fraction: float = run_setting(
        1.0,
        "Transfer",
        "Share of training after which that pull, or the roll-in, is zero.",
        title="Share of training after which the pull is gone",
        gt=0,
        le=1,
    )
    transfer_temperature: float = run_setting(
        8.0,
        "Transfer",
        "Divisor of the pre-trained policy's logits at the start: the choices stay, the certainty goes; 1 keeps both.",
        title="Initial temperature",
        short="temperature",
        ge=1,
        le=1_000,
    )

    rl_precision: Literal["float32", "bfloat16"] = run_setting(
        "float32",
        "Transfer",
        "Numbers in which the layers of actor and critic are multiplied while RL learns; weights stay in float32.",
        title="Precision of RL",
        choices={
            "float32": "float32",
            "bfloat16": "bfloat16, faster on processors and GPUs that have it",
        },
    )

    @field_validator("progressive_unfreeze_schedule")
    @classmethod
    def _ascending(cls, value: list[int]) -> list[int]:
        if sorted(set(value)) != value:
            raise ValueError("must be ascending iteration numbers")
        return value


class TransferConfig(TransferSettings, Standalone):
    """The settings of transfer alone, which also have short names: ``strategy``, ``total_steps`` and so on."""
