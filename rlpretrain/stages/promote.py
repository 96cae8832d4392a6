"""The stage that carries out the rule's decision."""

from __future__ import annotations

from collections.abc import Mapping

from rlpretrain.patterns.settings import StoreSettings
from rlpretrain.registry.settings import ApprovalSettings
from rlpretrain.stages.pretrain import PRETRAIN
from rlpretrain.stages.report import REPORT
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.transfer import TRANSFER
from rlpretrain.stages.work import Work

__all__ = ["PROMOTE", "PromoteSettings", "Promoted"]


class PromoteSettings(ApprovalSettings, StoreSettings):
    """Whether a person must agree, and where the promotion is noted."""


class Promoted(Result):
    """What became of a run's agent."""

    promoted: bool
    """Whether it is champion by this run."""
    version: int
    previous: int | None
    """Champion that it was compared with."""
    sentence: str


def _run(work: Work[PromoteSettings]) -> Promoted:
    from rlpretrain.stages.implementation.promote import promote

    return promote(work)


def _inputs(work: Work[PromoteSettings]) -> Mapping[str, str]:
    from rlpretrain.stages.implementation.promote import inputs

    return inputs(work)


PROMOTE = Stage(
    name="promote",
    does="make the agent champion where the rule says so, and a person where one must be asked",
    # The report first: what is before it runs in the order of the table, the analysis before what learns.
    needs=(REPORT, PRETRAIN, TRANSFER),
    settings=PromoteSettings,
    result=Promoted,
    run=_run,
    inputs=_inputs,
)
