"""The stage that scores the latest bars with the champion."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work
from rlpretrain.validation.settings import ValidatedAssetSettings

__all__ = ["SCORE", "SCORES_CSV", "SCORES_JSON", "ScoreSettings", "Scored"]

SCORES_CSV, SCORES_JSON = "champion_scores.csv", "champion_scores.json"


class ScoreSettings(EpisodeSettings, ValidatedAssetSettings):
    """Settings that determine which assets are scored, and the states that the champion sees."""


class Scored(Result):
    """Result of the scoring."""

    assets: int
    long: int
    """Number of assets that the champion would hold."""
    champion: int
    as_of: dt.date


def _run(work: Work[ScoreSettings]) -> Scored:
    from rlpretrain.errors import learning

    with learning():
        from rlpretrain.stages.implementation.score import score

    return score(work)


def _inputs(work: Work[ScoreSettings]) -> Mapping[str, str]:
    from rlpretrain.registry import Registry

    return {"champion": Registry(work.output_dir).champion_identity()}


SCORE = Stage(
    name="score",
    does="score the latest bars with the champion",
    needs=(LIST, MINE),
    settings=ScoreSettings,
    result=Scored,
    run=_run,
    inputs=_inputs,
    learns=True,
    reads_registry=True,
)
