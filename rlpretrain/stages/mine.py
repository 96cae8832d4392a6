"""The stage that counts the votes and mines the patterns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from rlpretrain.composer.settings import HistorySettings
from rlpretrain.market.settings import RegimeSettings, WindowSettings
from rlpretrain.patterns.settings import (
    ConfidenceSettings,
    DecisionSettings,
    ElectorateSettings,
    StoreSettings,
)
from rlpretrain.patterns.voting.quarter_voters import QuarterVoters
from rlpretrain.pretraining.settings import DataSetSettings
from rlpretrain.stages.extract import EXTRACT
from rlpretrain.stages.list import LIST
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work
from rlpretrain.transfer.settings import TrainingAssetSettings

__all__ = [
    "ADVICE",
    "CARD",
    "MINE",
    "REASONS",
    "REJECTS",
    "REMARKS",
    "VOTES",
    "MineSettings",
    "Mined",
    "PatternSettings",
]

VOTES = "votes.npz"
ADVICE = "advice.npz"
CARD = "datasets/card.json"
REJECTS = "rejects.json"
REMARKS = "remarks.json"
REASONS = "category_reasons.json"


class PatternSettings(WindowSettings, DecisionSettings, RegimeSettings, ElectorateSettings, HistorySettings):
    """Settings that patterns depend on, in addition to the library and the prices."""


class MineSettings(
    PatternSettings, ConfidenceSettings, DataSetSettings, TrainingAssetSettings, StoreSettings
):
    """Settings that determine the patterns, the data sets and the assets to train on."""


class Mined(Result):
    """Result of the mining."""

    strategies: int
    agree: int
    voters: int
    rejected: int
    trades: int
    patterns: int
    assets_with_votes: int
    """Assets that enough strategies can hold for a consensus."""
    assets_with_related_votes: int
    """Further assets with a state vector, whose votes are those on related assets."""
    extraction: str
    """Digest under which the store keeps the patterns."""
    stored: dict[str, int]
    """Table of the store -> rows of this extraction."""
    first_day: dt.date
    last_day: dt.date
    windows: dict[str, dt.date]
    actions: dict[str, int]
    categories: dict[str, int]
    regimes: dict[str, int]
    training_assets: list[str]
    """Assets with the most patterns in the pre-training window."""
    most_voted: list[str]
    """Assets that can be validated, by the strategies that held them in the year before the validation window."""
    clean_from: dt.date | None
    """First day whose close no voter's author can have known when the rules that vote were written. It is the first day
    of the market if every voter is what it was then, else the day after the newest edit of those whose versions are
    unknown; None if the last edit of one of them is unknown too."""
    standing: list[QuarterVoters]
    """Strategies behind the votes, at the first close of each quarter."""


def _run(work: Work[MineSettings]) -> Mined:
    from rlpretrain.stages.implementation.mine import mine

    return mine(work)


def _inputs(work: Work[MineSettings]) -> Mapping[str, str]:
    # A store in the run's folder is removed with it; patterns in the deployment's store serve other runs too.
    return {"store": "deployment" if work.settings.store_url else "run"}


MINE = Stage(
    name="mine",
    does="count the votes, store the decisions as patterns, and write the data sets",
    needs=(LIST, EXTRACT),
    settings=MineSettings,
    result=Mined,
    run=_run,
    inputs=_inputs,
)
