"""The search for better settings of pre-training, on a run's training patterns; never part of the nightly run."""

from __future__ import annotations

from rlpretrain.pretraining.settings import TuningSettings
from rlpretrain.sections import run_setting
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.pretrain import TrainSettings
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work

__all__ = ["TUNE", "TUNED", "TuneSettings", "Tuned"]

TUNED = "tuned.yaml"


class TuneSettings(TrainSettings, TuningSettings):
    """Settings at which the search begins, and its size."""

    trials: int = run_setting(
        40, "Search", "Number of settings to try, the run's own first.", title="Trials", ge=1
    )
    folds: int = run_setting(3, "Search", "Number of folds of the training window.", title="Folds", ge=1)
    epochs: int = run_setting(20, "Search", "Maximum epochs for each trial and fold.", title="Epochs", ge=1)


class Tuned(Result):
    """Result of the search."""

    trials: int
    folds: int
    best: dict[str, object]
    best_loss: float
    first_loss: float


def _run(work: Work[TuneSettings]) -> Tuned:
    from rlpretrain.errors import naming_extras

    with naming_extras():
        from rlpretrain.stages.implementation.tune import tune

    return tune(work)


TUNE = Stage(
    name="tune",
    does="search for better settings of pre-training",
    needs=(MINE,),
    settings=TuneSettings,
    result=Tuned,
    run=_run,
    learns=True,
)
