"""The stage that writes the night's decisions into the forward record, and settles earlier ones."""

from __future__ import annotations

from rlpretrain.market.settings import MarketSettings
from rlpretrain.patterns.settings import StoreSettings
from rlpretrain.stages.decide import DECIDE
from rlpretrain.stages.list import LIST
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work

__all__ = ["LIVE_RECORD", "SEAL", "SealSettings", "Sealed"]

LIVE_RECORD = "live_record.json"


class SealSettings(MarketSettings, StoreSettings):
    """Settings that determine the prices by which decisions are settled, and where the record is."""


class Sealed(Result):
    """Result of the recording. Unlike other results it depends on the clock: what comes too late is not recorded."""

    decisions: int
    """Decisions of this run that are in the record."""
    late: int
    """Decisions that were refused, because their outcome had begun."""
    outcomes: int
    """Outcomes in the record, of all agents and assets."""
    champion_days: int
    """Live days of the champion."""
    champion_p_value: float | None
    """P-value of the drift test of the champion's mean; None where there is no champion or there are too few days."""


def _run(work: Work[SealSettings]) -> Sealed:
    from rlpretrain.stages.implementation.seal import seal

    return seal(work)


SEAL = Stage(
    name="seal",
    does="enter tonight's decisions in the forward record before their outcome exists, and settle earlier ones",
    needs=(LIST, DECIDE),
    settings=SealSettings,
    result=Sealed,
    run=_run,
)
