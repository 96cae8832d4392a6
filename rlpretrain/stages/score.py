"""The stage that scores the latest bars with the champion."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work
from rlpretrain.validation.settings import ValidatedAssetSettings

if TYPE_CHECKING:
    from rlpretrain.registry import ModelVersion

__all__ = ["SCORE", "SCORES_CSV", "SCORES_JSON", "Score", "ScoreSettings", "Scored", "latest_scores"]

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


@dataclass(frozen=True)
class Score:
    """The champion's decision on an asset at one close."""

    symbol: str
    date: str
    """Day of the close; nothing later is used."""
    hold: float
    buy: float
    sell: float
    """Probabilities of the actions."""
    action: str
    """The most probable action, which the agent takes."""
    held: bool
    """Whether the agent holds the asset at this close."""
    position: int
    """1 for long, 0 for flat: the position after this close's decision is filled."""
    days_held: int
    unrealised_return: float
    """Return of the open position at this close, fraction, before costs; 0 when flat."""


def latest_scores(
    work: Work[ScoreSettings], version: ModelVersion, symbols: Sequence[str]
) -> tuple[list[Score], dict[str, str]]:
    """Return an agent's decision at the last close of each asset, and the reason for each asset without one.

    Raises
    ------
    DataError
        The agent's file is missing or was changed.
    StageError
        The market has changed since the run listed the library, or torch is not installed.
    """
    from rlpretrain.errors import naming_extras

    with naming_extras():
        from rlpretrain.stages.implementation.score import latest_scores

    return latest_scores(work, version, symbols)


def _run(work: Work[ScoreSettings]) -> Scored:
    from rlpretrain.errors import naming_extras

    with naming_extras():
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
