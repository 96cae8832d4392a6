"""Weighted behaviour cloning with early stopping, resumable and reproducible."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from rlpretrain.errors import DataError, StageError
from rlpretrain.pretraining.batches import Batch, Preparation
from rlpretrain.pretraining.checkpoint import (
    Progress,
    read_checkpoint,
    restore,
    training_identity,
    write_checkpoint,
)
from rlpretrain.pretraining.dataset import DataSet, Scaler
from rlpretrain.pretraining.distributed import Group
from rlpretrain.pretraining.held_out import held_out_losses
from rlpretrain.pretraining.losses import cloning_loss
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.pretraining.schedules import epochs_without_gain, learning_rate
from rlpretrain.pretraining.sources import check_data, make_batches
from rlpretrain.pretraining.stopping import stop_requests
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from rlpretrain.pretraining.weights import balanced_weights

__all__ = ["History", "Trained", "TrainerSettings", "train_policy"]

_GRADIENT_NORM = 1.0
logger = logging.getLogger("rlpretrain")


@dataclass
class History:
    """Figures of a training, with one entry per epoch."""

    epoch: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    value_loss: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    """Mean over the epoch's updates, before clipping."""
    learning_rate: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """Result of a training."""

    best: PolicyNetwork
    """Weights of the epoch with the lowest validation loss."""
    last: PolicyNetwork
    history: History
    best_epoch: int
    stopped_early: bool


def train_policy(
    train: DataSet,
    validation: DataSet,
    settings: TrainerSettings,
    *,
    scaler: Scaler | None = None,
    checkpoint: Path | None = None,
    group: Group | None = None,
    resident_bytes: int | None = None,
    progress: Callable[[str], None] = lambda line: None,
    warn: Callable[[str], None] = logger.warning,
) -> Trained:
    """Clone the library's soft decisions.

    Each epoch draws as many patterns as there are, with replacement, by their weights, or visits each once and weights
    its loss. The loss is `cloning_loss`; the network kept is the one with the lowest weighted cross-entropy on the
    validation patterns' soft labels. A run resumed from `checkpoint` ends with the same network as one never stopped.

    Parameters
    ----------
    scaler
        Scaler of the states; fitted on the training patterns when None.
    checkpoint
        File to which the state is written after each epoch and on SIGTERM. It is read if it exists; if it is damaged
        or belongs to other settings or data, training starts again.
    group
        Processes that train together, all with the same arguments; the first of them writes the checkpoint.
    resident_bytes
        Size above which the training patterns are streamed; half of the device's free memory when None.
    progress
        Called with one line of text per epoch.
    warn
        Called with the reason why a checkpoint is of no use.

    Raises
    ------
    DataError
        A data set is empty, contains only one action or numbers that are not finite, or the loss is not finite.
    StageError
        SIGTERM was received; the checkpoint has been written.
    """
    check_data(train, validation)
    if settings.balance_classes:
        train = balanced_weights(train)
    group = group or Group(device=settings.device)
    scaler = scaler or Scaler.fit(train.states)
    trainer = _Trainer(train, validation, scaler, settings, group, resident_bytes)
    identity = "" if checkpoint is None else training_identity(settings, scaler, train, validation)
    if checkpoint is not None and (saved := read_checkpoint(checkpoint, identity, warn)) is not None:
        try:
            trainer.restore(saved)
            progress(f"resumed in epoch {trainer.progress.epoch}")
        except DataError as error:
            warn(f"training starts again: {checkpoint}: {error}")
            trainer = _Trainer(train, validation, scaler, settings, group, resident_bytes)
    with stop_requests() as requested:
        while not trainer.finished:
            started, first = time.monotonic(), trainer.progress.batch
            stopped = trainer.run_epoch(requested.is_set)
            if checkpoint is not None and trainer.group.leads:
                write_checkpoint(checkpoint, identity, trainer.network, trainer.optimizer, trainer.progress)
            if stopped:
                raise StageError(
                    "training was stopped by SIGTERM", hint="the same command resumes where it stopped"
                )
            share = 1 - first / len(trainer.batches)
            progress(trainer.line(len(train) * share / (time.monotonic() - started)))
    return trainer.result()


class _Trainer:
    """The state of one training, and its loop over batches."""

    def __init__(
        self,
        train: DataSet,
        validation: DataSet,
        scaler: Scaler,
        settings: TrainerSettings,
        group: Group,
        resident_bytes: int | None,
    ) -> None:
        self.settings, self.group = settings, group
        torch.manual_seed(settings.seed)
        self.network = PolicyNetwork(
            scaler,
            settings.hidden_dims,
            train.labels.shape[1],
            activation=settings.activation,
            layer_norm=settings.layer_norm,
        ).to(settings.device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.batches = make_batches(train, scaler, settings, group, resident_bytes)
        # Validation always reads soft labels: hard ones are only a way to learn.
        soft = Preparation(1, "loss", False, settings.reward_scale, settings.seed)
        self.held_out = soft.tensors(validation)
        self.progress = Progress(best=_copy(self.network), sums=torch.zeros(2))
        self.history = History()

    @property
    def finished(self) -> bool:
        """Whether the last epoch is done, or too many epochs did not improve the loss."""
        return len(self.history.epoch) >= self.settings.num_epochs or self._exhausted

    @property
    def _exhausted(self) -> bool:
        return epochs_without_gain(self.history.validation_loss) >= self.settings.patience

    def restore(self, saved: dict[str, Any]) -> None:
        """Restore the state of a checkpoint.

        Raises
        ------
        DataError
            It is damaged; this trainer is then of no use.
        """
        self.progress = restore(saved, self.network, self.optimizer, self.settings.num_epochs)
        if self.progress.batch >= len(self.batches) or not _is_history(self.progress.history):
            raise DataError("the checkpoint is damaged: its progress is that of no training")
        self.history = History(**self.progress.history)

    def run_epoch(self, stop: Callable[[], bool]) -> bool:
        """Train until the epoch ends, and validate; return True if a stop was requested before that."""
        settings, progress = self.settings, self.progress
        epoch, count = progress.epoch, len(self.batches)
        self.network.train()
        sums = progress.sums.to(settings.device)
        for i, batch in enumerate(self.batches.epoch(epoch, progress.batch), start=progress.batch):
            rate = learning_rate(
                settings.schedule,
                settings.learning_rate,
                (epoch - 1) * count + i,
                settings.num_epochs * count,
                self.history.validation_loss,
            )
            figures, wanted = self._update(batch, rate, stop())
            sums += figures
            if wanted and i + 1 < count:
                progress.batch, progress.sums = i + 1, sums.cpu()
                return True
        loss, norm = (float(figure) / count for figure in sums)
        self._finish_epoch(loss, norm, rate)
        return False

    def _update(self, batch: Batch, rate: float, stop: bool) -> tuple[torch.Tensor, bool]:
        """Update the network once; return the loss and gradient norm, (2,), and whether any process wants to stop."""
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=settings.device)
        for part in _parts(batch, settings.accumulation):
            with self._arithmetic():
                logits, values = self.network(part.states)
            losses = cloning_loss(
                logits.float(),
                values.float(),
                part.labels,
                part.returns,
                value_coefficient=settings.value_coefficient,
                label_smoothing=settings.label_smoothing,
                confidence_penalty=settings.confidence_penalty,
            )
            loss = (losses * part.shares).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        if self.group.size > 1:
            own = torch.stack([total, total.new_tensor(float(stop))])
            total, stops = self.group.sum_gradients(self.network, own)
            stop = bool(stops > 0)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), _GRADIENT_NORM)
        self.optimizer.step()
        return torch.stack([total, norm]), stop

    def _arithmetic(self) -> AbstractContextManager[Any]:
        """Return the precision's context; bfloat16 has the range of float32, so the loss needs no scaling."""
        kind = torch.device(self.settings.device).type
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=self.settings.precision == "bf16")

    def _finish_epoch(self, train_loss: float, norm: float, rate: float) -> None:
        progress, history = self.progress, self.history
        loss, accuracy, value_loss, train_loss = self.group.agree(
            *held_out_losses(self.network, self.held_out, self.settings.device), train_loss
        )
        if not (math.isfinite(train_loss) and math.isfinite(loss)):
            raise DataError(
                f"the loss is not finite after epoch {progress.epoch}", hint="lower learning_rate"
            )
        if loss < progress.best_loss:
            progress.best_loss, progress.best_epoch = loss, progress.epoch
            progress.best = _copy(self.network)
        for series, number in (
            (history.epoch, progress.epoch),
            (history.train_loss, train_loss),
            (history.validation_loss, loss),
            (history.validation_accuracy, accuracy),
            (history.value_loss, value_loss),
            (history.gradient_norm, norm),
            (history.learning_rate, rate),
        ):
            series.append(number)  # type: ignore[arg-type]
        progress.history = vars(history)
        progress.epoch, progress.batch, progress.sums = progress.epoch + 1, 0, torch.zeros(2)

    def line(self, speed: float) -> str:
        """Return the last epoch's figures as a line of text."""
        history = self.history
        return (
            f"epoch {history.epoch[-1]}/{self.settings.num_epochs}  train {history.train_loss[-1]:.4f}  "
            f"validation {history.validation_loss[-1]:.4f}  accuracy {history.validation_accuracy[-1]:.3f}  "
            f"{speed:,.0f} patterns/s"
        )

    def result(self) -> Trained:
        """Return the best and the last network, on the CPU."""
        last = self.network.to("cpu")
        best = PolicyNetwork(
            last.scaler,
            last.hidden_dims,
            last.action_dim,
            activation=last.activation,
            layer_norm=last.layer_norm,
        )
        best.load_state_dict(self.progress.best)
        return Trained(
            best=best,
            last=last,
            history=self.history,
            best_epoch=self.progress.best_epoch,
            stopped_early=len(self.history.epoch) < self.settings.num_epochs and self._exhausted,
        )


def _parts(batch: Batch, count: int) -> list[Batch]:
    if count == 1:
        return [batch]
    size = math.ceil(len(batch.shares) / count)
    return [batch.part(slice(i, i + size)) for i in range(0, len(batch.shares), size)]


def _is_history(series: dict[str, list[Any]]) -> bool:
    # Before the first epoch has ended there is none.
    return not series or series.keys() == vars(History()).keys()


def _copy(network: PolicyNetwork) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
