"""Settings of the data sets, the policy network and its training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rlpretrain.sections import Section, SeedSettings, deployment_setting, run_setting

__all__ = [
    "Activation",
    "Augmentation",
    "DataSetSettings",
    "DeviceSettings",
    "PretrainingSettings",
    "Schedule",
    "ShapeSettings",
    "TuningSettings",
]

Activation = Literal["relu", "gelu", "silu", "tanh"]
Augmentation = Literal["feature_noise", "asset_relabelling", "time_jitter"]
Schedule = Literal["cosine", "one_cycle", "plateau", "constant"]


class PretrainingSettings(SeedSettings):
    """Shape and training of the policy network."""

    batch_size: int = run_setting(
        256, "Pre-training", "Patterns in a batch.", title="Batch size", ge=2, le=1_048_576
    )
    learning_rate: float = run_setting(
        1e-4, "Pre-training", "Peak step size of AdamW.", title="Learning rate", gt=0, le=1
    )
    weight_decay: float = run_setting(
        1e-2, "Pre-training", "Decoupled weight decay of AdamW.", title="Weight decay", ge=0, le=1
    )
    num_epochs: int = run_setting(
        100,
        "Pre-training",
        "Maximum number of passes over the training patterns.",
        title="Maximum number of epochs",
        ge=1,
        le=10_000,
    )
    patience: int = run_setting(
        10,
        "Pre-training",
        "Epochs without a fall of the validation loss by 0.1 % before training stops.",
        title="Epochs without progress before stopping",
        ge=1,
        le=10_000,
    )
    value_coefficient: float = run_setting(
        0.5,
        "Pre-training",
        "Weight of the value head's loss.",
        title="Weight of the value loss",
        ge=0,
        le=100,
    )
    hidden_dims: list[Annotated[int, Field(ge=1, le=16_384)]] = run_setting(
        [512, 256, 128],
        "Pre-training",
        "Widths of the hidden layers.",
        title="Widths of the hidden layers",
        min_length=1,
        max_length=16,
    )
    activation: Activation = run_setting(
        "relu",
        "Pre-training",
        "Activation between the hidden layers.",
        title="Activation",
        choices={"relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "tanh": "tanh"},
    )
    layer_norm: bool = run_setting(
        False, "Pre-training", "Whether each hidden layer is normalised.", title="Normalise the layers"
    )
    labels: Literal["soft", "hard"] = run_setting(
        "soft",
        "Pre-training",
        "Learn the teacher's probabilities (soft), or only its likeliest action (hard).",
        title="Labels",
        choices={"soft": "the teacher's probabilities", "hard": "its most likely action only"},
    )
    label_smoothing: float = run_setting(
        0.0,
        "Pre-training",
        "Share of each label that goes to all actions evenly.",
        title="Label smoothing",
        ge=0,
        lt=1,
    )
    confidence_penalty: float = run_setting(
        0.0,
        "Pre-training",
        "Weight of the policy's entropy, which the loss then rewards.",
        title="Confidence penalty",
        ge=0,
        le=10,
    )
    weighting: Literal["sampling", "loss"] = run_setting(
        "sampling",
        "Pre-training",
        "Whether patterns are drawn by weight, or their losses are weighted.",
        title="How patterns are weighted",
        choices={"sampling": "sample heavy patterns more often", "loss": "weight their losses"},
    )
    balance_classes: bool = run_setting(
        False,
        "Pre-training",
        "Whether all actions have the same total weight; probabilities are then less reliable.",
        title="Give all actions equal weight",
    )
    schedule: Schedule = run_setting(
        "cosine",
        "Pre-training",
        "How the step size changes over training.",
        title="Learning-rate schedule",
        choices={
            "cosine": "cosine decay",
            "one_cycle": "one cycle: rises, then falls",
            "plateau": "falls when progress stops",
            "constant": "constant",
        },
    )
    accumulation: int = run_setting(
        1,
        "Pre-training",
        "Number of parts in which a batch passes through the network, to save memory.",
        title="Gradient accumulation steps",
        ge=1,
        le=1_024,
    )
    precision: Literal["fp32", "bf16"] = run_setting(
        "fp32",
        "Pre-training",
        "Arithmetic of training; bf16 is for GPUs and trains in mixed precision.",
        title="Arithmetic precision",
        choices={"fp32": "32-bit, on any device", "bf16": "mixed precision with bfloat16, for GPUs"},
    )
    augmentation: list[Augmentation] = run_setting(
        [],
        "Pre-training",
        "Changes to the states of a batch; none has shown a gain, so the default is none.",
        title="Augmentation",
    )


class TuningSettings(Section):
    """The search that chose the settings."""

    tuning_trials: int = run_setting(
        0,
        "Pre-training",
        "Trials of the search that chose these settings; the Sharpe ratio is deflated by them.",
        title="Trials of an earlier search",
        ge=0,
        le=1_000_000,
    )


class DataSetSettings(Section):
    """How the data sets are written."""

    dataset_format: Literal["parquet", "safetensors"] = run_setting(
        "parquet",
        "Pre-training",
        "Format of the data sets; training maps safetensors files without loading them.",
        title="Format of the data sets",
        choices={"parquet": "Parquet", "safetensors": "safetensors, trained on without being loaded"},
    )


class ShapeSettings(Section):
    """Widths of the network's input and output, which must fit the state vector."""

    state_dim: int = run_setting(
        64, "Pre-training", "Width of the state vector.", title="Width of the state", ge=1, le=4_096
    )
    action_dim: int = run_setting(
        3, "Pre-training", "Number of actions: hold, buy, sell.", title="Number of actions", ge=2, le=100
    )


class DeviceSettings(Section):
    """The device on which networks train."""

    device: Literal["auto", "cpu", "cuda"] = deployment_setting(
        "auto", "Device of pre-training and transfer."
    )
