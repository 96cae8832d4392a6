"""The search for better settings of pre-training: run by a person on a run's training patterns, never by the night."""

from __future__ import annotations

from pydantic import Field

from rlpretrain.pretraining.settings import TuningSettings
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.pretrain import TrainSettings
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work

__all__ = ["TUNE", "TUNED", "TuneSettings", "Tuned"]

TUNED = "tuned.yaml"


class TuneSettings(TrainSettings, TuningSettings):
    """Where the search begins, and how far it goes."""

    trials: int = Field(description="Settings to try.", ge=1, json_schema_extra={"scope": "run"})
    folds: int = Field(description="Purged folds for each.", ge=2, json_schema_extra={"scope": "run"})
    epochs: int = Field(
        description="Most epochs of each trial and fold.", ge=1, json_schema_extra={"scope": "run"}
    )


class Tuned(Result):
    """What the search found."""

    trials: int
    folds: int
    best: dict[str, object]
    best_loss: float
    first_loss: float


def _run(work: Work[TuneSettings]) -> Tuned:
    from rlpretrain.errors import learning

    with learning():
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
