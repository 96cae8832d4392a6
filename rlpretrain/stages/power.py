"""The stage that computes, before anything is trained, how small an effect the validation can see."""

from __future__ import annotations

from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.patterns.settings import LevelSettings
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work
from rlpretrain.validation.settings import ValidatedAssetSettings, ValidationSettings
from rlpretrain.validation.study_power import StudyPower

__all__ = ["POWER", "PowerSettings", "Powered"]


class PowerSettings(ValidatedAssetSettings, ValidationSettings, EpisodeSettings, LevelSettings):
    """Settings that determine which days and assets are tested, and how."""


class Powered(Result):
    """What the validation can see."""

    assets: list[str]
    """Assets to validate on."""
    study: StudyPower | None
    """None where it cannot be computed."""
    why: str
    """Why it cannot, or which assets it leaves out; else empty."""


def _run(work: Work[PowerSettings]) -> Powered:
    from rlpretrain.stages.implementation.power import power

    return power(work)


POWER = Stage(
    name="power",
    does="compute how small an effect the validation can see, before anything is trained",
    needs=(LIST, MINE),
    settings=PowerSettings,
    result=Powered,
    run=_run,
)
