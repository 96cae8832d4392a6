"""Clone the library's decisions into the policy network, and train two more: one blind to votes, and the placebo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlpretrain.environments import Policy
from rlpretrain.features import VOTES
from rlpretrain.pretraining.baselines import baseline_scores
from rlpretrain.pretraining.dataset import DataSet, Scaler, read_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
from rlpretrain.pretraining.device import choose_device
from rlpretrain.pretraining.distributed import Group, current_group, process_group
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
from rlpretrain.pretraining.placebo import move_prices
from rlpretrain.pretraining.shape import check_shape
from rlpretrain.pretraining.tracking import check_tracking, track
from rlpretrain.pretraining.trainer import Trained, train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from rlpretrain.runs.files import write_json
from rlpretrain.stages.implementation.placebo import placebo_move
from rlpretrain.stages.implementation.policy_scores import policy_findings, policy_scores, rule_findings
from rlpretrain.stages.mine import CARD, MINE
from rlpretrain.stages.pretrain import (
    BEST,
    HISTORY,
    PLACEBO,
    PRETRAINED,
    SCORES,
    Pretrained,
    PretrainSettings,
    TrainSettings,
)
from rlpretrain.stages.work import Work

__all__ = ["pretrain", "trainer_settings"]


def pretrain(work: Work[PretrainSettings]) -> Pretrained:
    """Train on the data sets that mining wrote; under ``torchrun`` all processes train, and one writes."""
    check_shape(work.settings)
    check_tracking()
    clones = _train(work, current_group(choose_device(work.settings)))
    return _evaluate_and_save(work, clones)


@contextmanager
def processes(work: Work[PretrainSettings]) -> Iterator[bool]:
    """Join the processes that ``torchrun`` started; the first one writes, and the others only train."""
    with process_group(choose_device(work.settings)) as group:
        yield group.leads
        if not group.leads:
            _train(work, group)
        # All leave together, so that each finds the files that the first has written.
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
    placebo_validation: DataSet
    """The validation patterns as the placebo meets them."""


def trainer_settings(work: Work[TrainSettings]) -> TrainerSettings:
    """Return the trainer's settings: those of the run, and the scale of its data sets."""
    card = work.read_json(MINE, CARD)
    return TrainerSettings.of(
        work.settings, reward_scale=card["value_scale"], device=choose_device(work.settings)
    )


def _train(work: Work[PretrainSettings], group: Group) -> _Clones:
    settings, folder = trainer_settings(work), work.read(MINE, CARD).parent
    train = read_dataset(dataset_file(folder, "train"))
    validation = read_dataset(dataset_file(folder, "validation"))

    def clone(name: str, *job: Any, scaler: Scaler | None = None) -> Trained:
        return train_policy(
            *job,
            scaler=scaler,
            checkpoint=_checkpoint(work, name),
            group=group,
            progress=partial(_say, work, "" if name == "clone" else f"{name} ") if group.leads else _silent,
            warn=work.warn if group.leads else _silent,
        )

    trained = clone("clone", train, validation, settings)
    blind = None
    if work.settings.votes:
        blind = clone(
            "votes_off", train, validation, settings, scaler=Scaler.fit(train.states).blind_to(VOTES)
        )
    share = placebo_move(work).share
    moved, moved_validation = (move_prices(data, share, work.folder) for data in (train, validation))
    placebo = clone("placebo", moved, moved_validation, settings.changed(num_epochs=trained.best_epoch))
    return _Clones(train, validation, settings, trained, blind, placebo, moved_validation)


def _say(work: Work[PretrainSettings], prefix: str, line: str) -> None:
    work.progress(prefix + line)


def _silent(line: str) -> None:
    """Report nothing: the leading process reports progress."""


def _checkpoint(work: Work[PretrainSettings], name: str) -> Path:
    return work.folder / f"pretrain_checkpoint_{name}.pt"


def _evaluate_and_save(work: Work[PretrainSettings], clones: _Clones) -> Pretrained:
    trained, settings = clones.clone, clones.settings
    scores, evaluation = _evaluate(work, clones)
    metadata = _metadata(work, trained, scores["clone"])
    _save(work, BEST, trained.best, metadata)
    _save(work, PRETRAINED, trained.best, metadata)
    _save(work, PLACEBO, clones.placebo.best, {**metadata, "placebo": True})
    write_json(work.write(HISTORY), asdict(trained.history))
    write_json(work.write(SCORES), scores)
    write_json(work.write("pretraining_evaluation.json"), evaluation)
    draw_reliability(work.write("reliability.png"), evaluation["reliability"])
    work.device = settings.device
    for line in evaluation["findings"]:
        work.progress(line)
    failure = track(
        work.run_id,
        settings=settings.as_json(),
        history=asdict(trained.history),
        metrics={f"{name}_log_loss": score["log_loss"] for name, score in scores.items()},
        files=[work.folder / name for name in (PRETRAINED, SCORES, "reliability.png")],
    )
    if failure:
        work.progress(f"not tracked: {failure}")
    for name in ("clone", "votes_off", "placebo"):
        _checkpoint(work, name).unlink(missing_ok=True)
    return Pretrained(
        train=len(clones.train),
        validation=len(clones.validation),
        epochs=len(trained.history.epoch),
        best_epoch=trained.best_epoch,
        stopped_early=trained.stopped_early,
        findings=evaluation["findings"],
        torch_threads=torch.get_num_threads(),
    )


def _evaluate(work: Work[PretrainSettings], clones: _Clones) -> tuple[dict[str, Any], dict[str, Any]]:
    """Score the networks and the baselines on the same validation patterns, and the networks as policies."""
    validation = clones.validation
    labels = validation.labels.astype(np.float64)
    networks: dict[str, PolicyNetwork] = {"clone": clones.clone.best, "placebo": clones.placebo.best}
    if clones.votes_off is not None:
        networks["votes_off"] = clones.votes_off.best
    policies: dict[str, Policy] = {name: network.act for name, network in networks.items()}
    met = {name: clones.placebo_validation if name == "placebo" else validation for name in networks}
    predicted = {name: predict(network, met[name]) for name, network in networks.items()}
    scores = {
        **{name: classification_scores(chances, validation) for name, (chances, _) in predicted.items()},
        **baseline_scores(clones.train, validation, work.settings.seed),
    }
    traded = policy_scores(work, policies)
    evaluation = {
        "findings": [*rule_findings(traded), *findings(scores), *policy_findings(traded)],
        "reliability": {name: reliability(chances, labels) for name, (chances, _) in predicted.items()},
        "regimes": {name: regime_scores(chances, validation) for name, (chances, _) in predicted.items()},
        "value_r2": {
            name: value_r2(values, validation, clones.settings.reward_scale)
            for name, (_, values) in predicted.items()
        },
        "policy": traded,
    }
    return scores, evaluation


def _metadata(work: Work[PretrainSettings], trained: Trained, scores: dict[str, Any]) -> dict[str, Any]:
    card = work.read_json(MINE, CARD)
    return {
        **trained.best.shape,
        "best_epoch": trained.best_epoch,
        "validation_loss": trained.history.validation_loss[trained.best_epoch - 1],
        "metrics": {name: score for name, score in scores.items() if isinstance(score, float)},
        "reward_scale": card["reward_scale"],
        "value_scale": card["value_scale"],
        "value_unit": card["value_unit"],
        "windows": card["windows"],
        "settings": work.settings.digest(),
        "data": card["content_sha256"]["train"],
    }


def _save(work: Work[PretrainSettings], name: str, network: PolicyNetwork, metadata: dict[str, Any]) -> None:
    save_model_file(work.write(name), "policy_network", network.state_dict(), metadata)
