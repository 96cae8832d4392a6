"""The stage that compares the pre-trained start with random initialisation, asset by asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rlpretrain.environments.settings import EpisodeSettings, RewardSettings
from rlpretrain.patterns.settings import LevelSettings
from rlpretrain.pretraining.settings import TuningSettings
from rlpretrain.runs.distinct_names import distinct_name
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.pretrain import PRETRAIN
from rlpretrain.stages.stage import Parts, Result, Stage
from rlpretrain.stages.transfer import TRANSFER
from rlpretrain.stages.validated_assets import assets_of
from rlpretrain.stages.work import Work
from rlpretrain.transfer.settings import TransferSettings
from rlpretrain.validation.settings import ArmProcessSettings, ValidationSettings

if TYPE_CHECKING:
    from rlpretrain.stages.run import Run

__all__ = [
    "VALIDATE",
    "ValidateSettings",
    "Validated",
    "champion_file",
    "evidence_file",
    "ledger_file",
    "trials_folder",
]


class ValidateSettings(
    ArmProcessSettings,
    ValidationSettings,
    TransferSettings,
    RewardSettings,
    TuningSettings,
    EpisodeSettings,
    LevelSettings,
):
    """Settings that determine how the arms learn, and how they are measured."""


class Validated(Result):
    """Basis of the comparison on an asset."""

    bars: int
    """Days of the test window."""
    seeds: int
    learned_on: list[str]
    """Assets on which the arms learned: this one, or those of the transfer if its history is too short."""


def evidence_file(symbol: str) -> str:
    """Return the file of an asset's evidence, relative to the run's folder."""
    return f"{VALIDATE.manifest_name(symbol)}_evidence.json"


def champion_file(symbol: str) -> str:
    """Return the file that compares agent and champion on an asset."""
    return f"{VALIDATE.manifest_name(symbol)}_champion.json"


def ledger_file(symbol: str) -> str:
    """Return the file of the agent's trades on an asset."""
    return f"{VALIDATE.manifest_name(symbol)}_trades.csv"


def trials_folder(symbol: str) -> str:
    """Return the folder of the runs of an asset's arms, which is there until the asset is validated."""
    return f"{VALIDATE.manifest_name(symbol)}_trials"


def _assets(run: Run) -> Sequence[str]:
    return assets_of(run)


def _run(work: Work[ValidateSettings]) -> Validated:
    from rlpretrain.errors import naming_extras

    with naming_extras():
        from rlpretrain.stages.implementation.validate import validate

    return validate(work)


def _inputs(work: Work[ValidateSettings]) -> Mapping[str, str]:
    from rlpretrain.registry import Registry
    from rlpretrain.validation.arms import ARMS

    # An installed package may add a baseline.
    champion = Registry(work.output_dir).champion_identity(besides=work.run_id)
    return {"champion": champion, "arms": ", ".join(ARMS)}


VALIDATE = Stage(
    name="validate",
    does="compare the agent's start with random initialisation on unseen days",
    needs=(LIST, MINE, PRETRAIN, TRANSFER),
    settings=ValidateSettings,
    result=Validated,
    run=_run,
    inputs=_inputs,
    parts=Parts(flag="symbol", of=_assets, file=distinct_name),
    learns=True,
    reads_registry=True,
)
