"""The stage that checks the stored patterns before anything is learned from them."""

from __future__ import annotations

from rlpretrain.patterns.settings import StoreSettings
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work

__all__ = ["CHECK", "FINDINGS", "Checked"]

FINDINGS = "pattern_checks.json"


class Checked(Result):
    """Result of the checks: what is suspicious is listed; a failed check stops the run."""

    patterns: int
    warnings: list[str]


def _run(work: Work[StoreSettings]) -> Checked:
    from rlpretrain.stages.implementation.check import check

    return check(work)


CHECK = Stage(
    name="check",
    does="check the stored patterns before anything is learned from them",
    needs=(LIST, MINE),
    settings=StoreSettings,
    result=Checked,
    run=_run,
)
