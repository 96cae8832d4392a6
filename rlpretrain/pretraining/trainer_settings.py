"""What the trainer reads of the settings."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from rlpretrain.config import Activation, Augmentation, PretrainingConfig, Schedule

__all__ = ["TrainerSettings"]


@dataclass(frozen=True)
class TrainerSettings:
    """What the trainer reads of the settings; see `PretrainingConfig` for each."""

    hidden_dims: tuple[int, ...]
    batch_size: int
    learning_rate: float
    weight_decay: float
    num_epochs: int
    patience: int
    value_coefficient: float
    reward_scale: float
    seed: int
    activation: Activation = "relu"
    layer_norm: bool = False
    labels: Literal["soft", "hard"] = "soft"
    label_smoothing: float = 0.0
    confidence_penalty: float = 0.0
    weighting: Literal["sampling", "loss"] = "sampling"
    balance_classes: bool = False
    schedule: Schedule = "cosine"
    accumulation: int = 1
    precision: Literal["fp32", "bf16"] = "fp32"
    augmentation: tuple[Augmentation, ...] = ()
    device: str = "cpu"

    @classmethod
    def from_settings(cls, config: PretrainingConfig, *, reward_scale: float, device: str) -> TrainerSettings:
        """Take the settings of the same names."""
        values = {f.name: getattr(config, f.name) for f in fields(cls) if hasattr(config, f.name)}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return cls(**{**values, "reward_scale": reward_scale, "device": device})

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
