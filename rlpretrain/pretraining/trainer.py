"""Weighted behaviour cloning with early stopping, resumable and reproducible."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from rlpretrain.artifacts import atomic_path
from rlpretrain.errors import DataError
from rlpretrain.pretraining.dataset import DataSet, Scaler
from rlpretrain.pretraining.network import PolicyNetwork

__all__ = ["History", "Trained", "TrainerSettings", "train_policy"]

_WARMUP_SHARE = 0.05
_GRADIENT_NORM = 1.0
_FINAL_LEARNING_RATE = 0.05
_LEAST_GAIN = 1e-3
"""Relative fall of the validation loss that counts as a gain: less is not worth an epoch."""


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
    device: str = "cpu"


@dataclass
class History:
    """One entry an epoch."""

    epoch: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    value_loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """Result of training."""

    best: PolicyNetwork
    """Weights of the epoch with the lowest validation loss."""
    last: PolicyNetwork
    history: History
    best_epoch: int
    stopped_early: bool


@dataclass
class _Resident:
    """A data set on the device."""

    states: torch.Tensor
    labels: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor

    @classmethod
    def of(cls, data: DataSet, reward_scale: float, device: str) -> _Resident:
        return cls(
            states=torch.as_tensor(data.states, device=device),
            labels=torch.as_tensor(data.labels, device=device),
            values=torch.as_tensor(data.values / reward_scale, dtype=torch.float32, device=device),
            weights=torch.as_tensor(data.weights, device=device),
        )


def train_policy(
    train: DataSet,
    validation: DataSet,
    settings: TrainerSettings,
    *,
    checkpoint: Path | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Clone the library's soft decisions.

    Each epoch draws as many patterns as there are, with replacement, by their weights. The loss is cross-entropy on the
    soft labels plus `value_coefficient` times the Huber loss of the value head; the checkpoint with the lowest weighted
    validation cross-entropy is kept. A run resumed from `checkpoint` ends with the same weights as one never stopped.

    Parameters
    ----------
    checkpoint
        Where the state is kept after each epoch; read when it exists and fits the settings.
    progress
        Called with one plain line an epoch.

    Raises
    ------
    DataError
        The loss is not finite.
    """
    device = settings.device
    torch.manual_seed(settings.seed)
    network = PolicyNetwork(Scaler.fit(train.states), settings.hidden_dims, train.labels.shape[1]).to(device)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    generator = torch.Generator(device=device).manual_seed(settings.seed)
    history, best_loss, best_epoch = History(), math.inf, 0
    best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    if checkpoint is not None and (saved := _read_checkpoint(checkpoint, settings)) is not None:
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        generator.set_state(saved["generator"])
        history, best_loss, best_epoch = History(**saved["history"]), saved["best_loss"], saved["best_epoch"]
        best_weights = saved["best"]
        progress(f"resumed after epoch {history.epoch[-1]}")
    resident = _Resident.of(train, settings.reward_scale, device)
    held_out = _Resident.of(validation, settings.reward_scale, device)
    batches = math.ceil(len(train) / settings.batch_size)
    stopped = False
    for epoch in range(len(history.epoch) + 1, settings.num_epochs + 1):
        if _epochs_without_gain(history.validation_loss) >= settings.patience:
            stopped = True
            break
        started = time.monotonic()
        order = torch.multinomial(resident.weights, len(train), replacement=True, generator=generator)
        network.train()
        total = torch.zeros((), device=device)
        for batch in range(batches):
            rate = _learning_rate(
                (epoch - 1) * batches + batch, settings.num_epochs * batches, settings.learning_rate
            )
            for group in optimizer.param_groups:
                group["lr"] = rate
            rows = order[batch * settings.batch_size : (batch + 1) * settings.batch_size]
            logits, values = network(resident.states[rows])
            loss = functional.cross_entropy(logits, resident.labels[rows]) + settings.value_coefficient * (
                functional.smooth_l1_loss(values, resident.values[rows])
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), _GRADIENT_NORM)
            optimizer.step()
            total += loss.detach()
        loss_validation, accuracy, value_loss = _evaluate(network, held_out)
        train_loss = float(total) / batches
        if not (math.isfinite(train_loss) and math.isfinite(loss_validation)):
            raise DataError(f"the loss is not finite after epoch {epoch}", hint="lower learning_rate")
        for series, number in (
            (history.epoch, epoch),
            (history.train_loss, train_loss),
            (history.validation_loss, loss_validation),
            (history.validation_accuracy, accuracy),
            (history.value_loss, value_loss),
            (history.learning_rate, rate),
        ):
            series.append(number)  # type: ignore[arg-type]
        if loss_validation < best_loss:
            best_loss, best_epoch = loss_validation, epoch
            best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if checkpoint is not None:
            _write_checkpoint(
                checkpoint,
                settings,
                network,
                optimizer,
                generator,
                history,
                best_loss,
                best_epoch,
                best_weights,
            )
        progress(
            f"epoch {epoch}/{settings.num_epochs}  train {train_loss:.4f}  validation {loss_validation:.4f}  "
            f"accuracy {accuracy:.3f}  {len(train) / (time.monotonic() - started):,.0f} patterns/s"
        )
    best = PolicyNetwork(network.scaler, settings.hidden_dims, network.action_dim)
    best.load_state_dict(best_weights)
    return Trained(
        best=best, last=network.to("cpu"), history=history, best_epoch=best_epoch, stopped_early=stopped
    )


def _epochs_without_gain(losses: list[float]) -> int:
    """Count the epochs since the loss last fell by the least gain."""
    best, last = math.inf, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best * (1 - _LEAST_GAIN):
            best, last = loss, epoch
    return len(losses) - last


def _learning_rate(step: int, total: int, peak: float) -> float:
    """Linear warm-up over the first 5 % of all steps, then a cosine down to 5 % of the peak."""
    warmup = max(1, round(total * _WARMUP_SHARE))
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, total - warmup)
    return peak * (_FINAL_LEARNING_RATE + (1 - _FINAL_LEARNING_RATE) * 0.5 * (1 + math.cos(math.pi * share)))


@torch.no_grad()
def _evaluate(network: PolicyNetwork, data: _Resident) -> tuple[float, float, float]:
    """Weighted soft cross-entropy, weighted accuracy against the likeliest label, and the value head's loss."""
    network.eval()
    logits, values = network(data.states)
    weights = data.weights / data.weights.sum()
    loss = (functional.cross_entropy(logits, data.labels, reduction="none") * weights).sum()
    accuracy = ((logits.argmax(1) == data.labels.argmax(1)) * weights).sum()
    value_loss = functional.smooth_l1_loss(values, data.values)
    return float(loss), float(accuracy), float(value_loss)


def _write_checkpoint(
    path: Path,
    settings: TrainerSettings,
    network: PolicyNetwork,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    history: History,
    best_loss: float,
    best_epoch: int,
    best: dict[str, torch.Tensor],
) -> None:
    content = {
        "settings": _plain(settings),
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "generator": generator.get_state(),
        "history": asdict(history),
        "best_loss": best_loss,
        "best_epoch": best_epoch,
        "best": best,
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def _read_checkpoint(path: Path, settings: TrainerSettings) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content if content["settings"] == _plain(settings) else None


def _plain(settings: TrainerSettings) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()
    }
