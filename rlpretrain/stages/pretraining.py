"""Clone the library's decisions into the policy network, and a placebo beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlpretrain.artifacts import StageRecorder, write_json
from rlpretrain.errors import SettingsError
from rlpretrain.features import STATE_DIM, STATE_VERSION
from rlpretrain.pretraining.dataset import DataSet, read_dataset
from rlpretrain.pretraining.evaluation import baseline_scores, classification_scores
from rlpretrain.pretraining.network import PolicyNetwork, save_model_file
from rlpretrain.pretraining.trainer import Trained, TrainerSettings, train_policy
from rlpretrain.stages import mining
from rlpretrain.stages.context import StageContext

__all__ = ["BEST", "PLACEBO", "PRETRAINED", "STAGE", "run"]

STAGE = "pretrain"
PRETRAINED, BEST, PLACEBO = "pretrained_model.pt", "best_model.pt", "placebo_model.pt"
_SETTINGS = (
    "hidden_dims", "batch_size", "learning_rate", "weight_decay", "num_epochs", "patience", "value_coefficient",
    "state_dim", "action_dim", "seed",
)  # fmt: skip


def run(context: StageContext) -> Path:
    """Train on the data sets that mining wrote; needs no store and no network."""
    config = context.config
    if (config.state_dim, config.action_dim) != (STATE_DIM, 3):
        raise SettingsError(
            f"state_dim {config.state_dim} and action_dim {config.action_dim} do not fit state vectors of version "
            f"{STATE_VERSION}: {STATE_DIM} numbers and 3 actions"
        )
    context.run_stage(
        STAGE, lambda recorder: _pretrain(context, recorder), needs=[mining.STAGE], settings=_SETTINGS
    )
    return context.run / f"{STAGE}.json"


def _pretrain(context: StageContext, recorder: StageRecorder) -> None:
    config = context.config
    train = read_dataset(context.run / "datasets/train.parquet")
    validation = read_dataset(context.run / "datasets/validation.parquet")
    card = json.loads((context.run / "datasets/card.json").read_text(encoding="utf-8"))
    settings = TrainerSettings(
        hidden_dims=tuple(config.hidden_dims),
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        num_epochs=config.num_epochs,
        patience=config.patience,
        value_coefficient=config.value_coefficient,
        reward_scale=card["reward_scale"],
        seed=config.seed,
        device=context.device(),
    )
    checkpoint = context.run / "pretrain_checkpoint.pt"
    trained = train_policy(train, validation, settings, checkpoint=checkpoint, progress=context.progress)
    placebo = train_policy(
        _shuffled(train, config.seed),
        _shuffled(validation, config.seed + 1),
        replace(settings, num_epochs=trained.best_epoch, patience=trained.best_epoch),
        progress=lambda line: context.progress(f"placebo {line}"),
    )
    scores = {"clone": _scores(trained.best, validation), **baseline_scores(train, validation, config.seed)}
    for regime in np.unique(validation.regimes):
        part = validation.take(validation.regimes == regime)
        scores["clone"][f"accuracy_{regime}"] = _scores(trained.best, part)["accuracy"]
    metadata = _metadata(context, trained, card)
    _save(recorder, BEST, trained.best, metadata)
    _save(recorder, PRETRAINED, trained.best, metadata)
    _save(recorder, PLACEBO, placebo.best, {**metadata, "placebo": True})
    write_json(recorder.output("training_history.json"), asdict(trained.history))
    write_json(recorder.output("pretraining_scores.json"), scores)
    recorder.device = settings.device
    recorder.counts |= {
        "train": len(train), "validation": len(validation),
        "epochs": len(trained.history.epoch), "best_epoch": trained.best_epoch,
    }  # fmt: skip
    recorder.details |= {
        "stopped_early": trained.stopped_early,
        "card": card,
        "torch_threads": torch.get_num_threads(),
    }
    checkpoint.unlink(missing_ok=True)


def _shuffled(data: DataSet, seed: int) -> DataSet:
    """Break the tie of labels to states; states, label shares and weights stay."""
    return replace(data, labels=data.labels[np.random.default_rng(seed).permutation(len(data))])


def _scores(network: PolicyNetwork, data: DataSet) -> dict[str, Any]:
    with torch.no_grad():
        logits, _ = network(torch.as_tensor(data.states))
    return classification_scores(torch.softmax(logits, dim=1).double().numpy(), data)


def _metadata(context: StageContext, trained: Trained, card: dict[str, Any]) -> dict[str, Any]:
    mined = context.run.require(mining.STAGE)
    return {
        "hidden_dims": trained.best.hidden_dims,
        "action_dim": trained.best.action_dim,
        "best_epoch": trained.best_epoch,
        "validation_loss": trained.history.validation_loss[trained.best_epoch - 1],
        "reward_scale": card["reward_scale"],
        "windows": card["windows"],
        "settings": context.config.digest(_SETTINGS),
        "data": mined.outputs["datasets/train.parquet"],
    }


def _save(recorder: StageRecorder, name: str, network: PolicyNetwork, metadata: dict[str, Any]) -> None:
    save_model_file(recorder.output(name), "policy_network", network.state_dict(), metadata)
