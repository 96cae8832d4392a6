"""Clone the library's decisions into the policy network, and two more beside it: one blind to votes, one placebo."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlpretrain.artifacts import StageRecorder, write_json
from rlpretrain.environments import Policy
from rlpretrain.errors import SettingsError
from rlpretrain.features import STATE_DIM, STATE_VERSION, VOTES
from rlpretrain.pretraining.baselines import baseline_scores
from rlpretrain.pretraining.dataset import DataSet, Scaler, read_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.distributed import Group, process_group
from rlpretrain.pretraining.evaluation import (
    classification_scores,
    draw_reliability,
    findings,
    predict,
    regime_scores,
    reliability,
    value_r2,
)
from rlpretrain.pretraining.network import PolicyNetwork, save_model_file
from rlpretrain.pretraining.tracking import check_tracking, track
from rlpretrain.pretraining.trainer import Trained, train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from rlpretrain.stages import mining
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.learned import BEST, PLACEBO, PRETRAIN, PRETRAINED
from rlpretrain.stages.validation_window import policy_findings, policy_scores

__all__ = ["TRAINER_SETTINGS", "run", "trainer_settings"]

TRAINER_SETTINGS = (
    "hidden_dims", "activation", "layer_norm", "batch_size", "learning_rate", "weight_decay", "num_epochs", "patience",
    "value_coefficient", "labels", "label_smoothing", "confidence_penalty", "weighting", "balance_classes", "schedule",
    "accumulation", "precision", "augmentation", "seed",
)  # fmt: skip
_SETTINGS = (
    *TRAINER_SETTINGS, "state_dim", "action_dim", "market", "votes", "regimes", "fill", "cost_bps", "crypto_cost_bps",
)  # fmt: skip


def run(context: StageContext) -> Path:
    """Train on the data sets that mining wrote; under ``torchrun`` all its processes train, and one writes."""
    config = context.config
    if (config.state_dim, config.action_dim) != (STATE_DIM, 3):
        raise SettingsError(
            f"state_dim {config.state_dim} and action_dim {config.action_dim} do not fit state vectors of version "
            f"{STATE_VERSION}: {STATE_DIM} numbers and 3 actions"
        )
    check_tracking()
    with process_group(context.device()) as group:
        if group.leads:
            _lead(context, group)
        elif group.agree(0.0)[0]:
            _train(context, group)
        # All leave together, so that each finds what the first has written.
        group.agree(0.0)
    return context.run / f"{PRETRAIN}.json"


def _lead(context: StageContext, group: Group) -> None:
    """Run the stage; the other processes wait to hear whether there is anything to train."""
    called = False

    def work(recorder: StageRecorder) -> None:
        nonlocal called
        called = True
        group.agree(1.0)
        _pretrain(context, _train(context, group), recorder)

    try:
        context.run_stage(PRETRAIN, work, needs=[mining.STAGE], settings=_SETTINGS)
    finally:
        if not called:
            group.agree(0.0)


@dataclass(frozen=True)
class _Clones:
    """The networks, and what they learned from."""

    train: DataSet
    validation: DataSet
    settings: TrainerSettings
    clone: Trained
    votes_off: Trained | None
    placebo: Trained


def trainer_settings(context: StageContext) -> TrainerSettings:
    """Return what the trainer reads of the run's settings and of its data sets' card."""
    card = json.loads((context.run / "datasets/card.json").read_text(encoding="utf-8"))
    return TrainerSettings.from_settings(
        context.config, reward_scale=card["reward_scale"], device=context.device()
    )


def _train(context: StageContext, group: Group) -> _Clones:
    settings, folder = trainer_settings(context), context.run / "datasets"
    train = read_dataset(dataset_file(folder, "train"))
    validation = read_dataset(dataset_file(folder, "validation"))

    def clone(name: str, *job: Any, scaler: Scaler | None = None) -> Trained:
        return train_policy(
            *job,
            scaler=scaler,
            checkpoint=_checkpoint(context, name),
            group=group,
            progress=partial(_say, context, "" if name == "clone" else f"{name} ")
            if group.leads
            else _silent,
        )

    trained = clone("clone", train, validation, settings)
    blind = None
    if context.config.votes:
        blind = clone(
            "votes_off", train, validation, settings, scaler=Scaler.fit(train.states).blind_to(VOTES)
        )
    # As long as the clone at most, and stopped by the same rule: on shuffled labels that is soon.
    placebo = clone(
        "placebo",
        _shuffled(train, settings.seed),
        _shuffled(validation, settings.seed + 1),
        replace(settings, num_epochs=trained.best_epoch),
    )
    return _Clones(train, validation, settings, trained, blind, placebo)


def _say(context: StageContext, prefix: str, line: str) -> None:
    context.progress(prefix + line)


def _silent(line: str) -> None:
    """Leave the telling to the process that leads."""


def _checkpoint(context: StageContext, name: str) -> Path:
    return context.run / f"pretrain_checkpoint_{name}.pt"


def _shuffled(data: DataSet, seed: int) -> DataSet:
    """Break the tie of labels to states; states, label shares and weights stay."""
    return replace(data, labels=data.labels[np.random.default_rng(seed).permutation(len(data))])


def _pretrain(context: StageContext, clones: _Clones, recorder: StageRecorder) -> None:
    trained, settings = clones.clone, clones.settings
    card = json.loads((context.run / "datasets/card.json").read_text(encoding="utf-8"))
    scores, evaluation = _evaluate(context, clones)
    metadata = _metadata(context, trained, card, scores["clone"])
    _save(recorder, BEST, trained.best, metadata)
    _save(recorder, PRETRAINED, trained.best, metadata)
    _save(recorder, PLACEBO, clones.placebo.best, {**metadata, "placebo": True})
    write_json(recorder.output("training_history.json"), asdict(trained.history))
    write_json(recorder.output("pretraining_scores.json"), scores)
    write_json(recorder.output("pretraining_evaluation.json"), evaluation)
    draw_reliability(recorder.output("reliability.png"), evaluation["reliability"])
    recorder.device = settings.device
    recorder.counts |= {
        "train": len(clones.train), "validation": len(clones.validation),
        "epochs": len(trained.history.epoch), "best_epoch": trained.best_epoch,
    }  # fmt: skip
    recorder.details |= {
        "stopped_early": trained.stopped_early,
        "card": card,
        "findings": evaluation["findings"],
        "torch_threads": torch.get_num_threads(),
    }
    for line in evaluation["findings"]:
        context.progress(line)
    failure = track(
        context.run.run_id,
        settings=settings.as_json(),
        history=asdict(trained.history),
        metrics={f"{name}_log_loss": score["log_loss"] for name, score in scores.items()},
        files=[context.run / name for name in (PRETRAINED, "pretraining_scores.json", "reliability.png")],
    )
    if failure:
        context.progress(f"not tracked: {failure}")
    for name in ("clone", "votes_off", "placebo"):
        _checkpoint(context, name).unlink(missing_ok=True)


def _evaluate(context: StageContext, clones: _Clones) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score the networks and the baselines on the same validation patterns, and the networks as policies."""
    validation = clones.validation
    labels = validation.labels.astype(np.float64)
    networks: dict[str, PolicyNetwork] = {"clone": clones.clone.best, "placebo": clones.placebo.best}
    if clones.votes_off is not None:
        networks["votes_off"] = clones.votes_off.best
    policies: dict[str, Policy] = {name: network.act for name, network in networks.items()}
    predicted = {name: predict(network, validation) for name, network in networks.items()}
    scores = {
        **{name: classification_scores(chances, validation) for name, (chances, _) in predicted.items()},
        **baseline_scores(clones.train, validation, context.config.seed),
    }
    traded = policy_scores(context, policies)
    evaluation = {
        "findings": [*findings(scores), *policy_findings(traded)],
        "reliability": {name: reliability(chances, labels) for name, (chances, _) in predicted.items()},
        "regimes": {name: regime_scores(chances, validation) for name, (chances, _) in predicted.items()},
        "value_r2": {
            name: value_r2(values, validation, clones.settings.reward_scale)
            for name, (_, values) in predicted.items()
        },
        "policy": traded,
    }
    return scores, evaluation


def _metadata(
    context: StageContext, trained: Trained, card: dict[str, Any], scores: dict[str, Any]
) -> dict[str, Any]:
    return {
        **trained.best.shape,
        "best_epoch": trained.best_epoch,
        "validation_loss": trained.history.validation_loss[trained.best_epoch - 1],
        "metrics": {name: score for name, score in scores.items() if isinstance(score, float)},
        "reward_scale": card["reward_scale"],
        "windows": card["windows"],
        "settings": context.config.digest(_SETTINGS),
        "data": card["content_sha256"]["train"],
    }


def _save(recorder: StageRecorder, name: str, network: PolicyNetwork, metadata: dict[str, Any]) -> None:
    save_model_file(recorder.output(name), "policy_network", network.state_dict(), metadata)
