"""The stage that carries out the rule's decision."""

from __future__ import annotations

from collections.abc import Mapping

from rlpretrain.patterns.settings import StoreSettings
from rlpretrain.registry.settings import ApprovalSettings
from rlpretrain.stages.pretrain import PRETRAIN
from rlpretrain.stages.report import REPORT
from rlpretrain.stages.seal import SEAL
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.transfer import TRANSFER
from rlpretrain.stages.work import Work

__all__ = ["PROMOTE", "PromoteSettings", "Promoted"]


class PromoteSettings(ApprovalSettings, StoreSettings):
    """Settings that determine what a promotion needs besides the rule, and where it is recorded."""


class Promoted(Result):
    """Result of the promotion."""

    promoted: bool
    """Whether this run made an agent champion."""
    version: int
    """The run's own agent or, where an earlier one had waited for its live record and was promoted, that one."""
    previous: int | None
    """Champion that the agent was compared with."""
    sentence: str


def _run(work: Work[PromoteSettings]) -> Promoted:
    from rlpretrain.stages.implementation.promote import promote

    return promote(work)


def _inputs(work: Work[PromoteSettings]) -> Mapping[str, str]:
    from rlpretrain.stages.implementation.promote import inputs

    return inputs(work)


PROMOTE = Stage(
    name="promote",
    does="make the agent champion if the rule, its live record and the user, where these are required, agree",
    # The report comes first: the stages before it run in the order of the table, the analysis before those that learn.
    needs=(REPORT, PRETRAIN, TRANSFER, SEAL),
    settings=PromoteSettings,
    result=Promoted,
    run=_run,
    inputs=_inputs,
)
