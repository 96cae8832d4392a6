"""The stage that clones the library's decisions into the policy network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.patterns.settings import LevelSettings
from rlpretrain.pretraining.settings import DeviceSettings, PretrainingSettings, ShapeSettings
from rlpretrain.stages.check import CHECK
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work

__all__ = [
    "BEST",
    "HISTORY",
    "PLACEBO",
    "PRETRAIN",
    "PRETRAINED",
    "SCORES",
    "PretrainSettings",
    "Pretrained",
    "TrainSettings",
]

PRETRAINED, BEST, PLACEBO = "pretrained_model.pt", "best_model.pt", "placebo_model.pt"
HISTORY, SCORES = "training_history.json", "pretraining_scores.json"


class TrainSettings(PretrainingSettings, DeviceSettings):
    """Settings that determine how a network learns."""


class PretrainSettings(TrainSettings, ShapeSettings, EpisodeSettings, LevelSettings):
    """Settings that determine how the network learns, and how it is scored on the validation window."""


class Pretrained(Result):
    """Result of the pre-training."""

    train: int
    """Patterns in the training set."""
    validation: int
    epochs: int
    best_epoch: int
    stopped_early: bool
    findings: list[str]
    torch_threads: int


def _run(work: Work[PretrainSettings]) -> Pretrained:
    from rlpretrain.errors import naming_extras

    with naming_extras():
        from rlpretrain.stages.implementation.pretrain import pretrain

    return pretrain(work)


@contextmanager
def _processes(work: Work[PretrainSettings]) -> Iterator[bool]:
    from rlpretrain.errors import naming_extras

    with naming_extras():
        from rlpretrain.stages.implementation.pretrain import processes

    with processes(work) as writes:
        yield writes


PRETRAIN = Stage(
    name="pretrain",
    does="clone the library's decisions into the policy network",
    needs=(LIST, MINE, CHECK),
    settings=PretrainSettings,
    result=Pretrained,
    run=_run,
    processes=_processes,
    learns=True,
    uses_gpu=True,
)
