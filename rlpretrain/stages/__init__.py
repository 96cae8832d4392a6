"""The stages of a run, in order, and how they are run.

Each is declared in a module of its name; its work is in the module of that name in `rlpretrain.stages.implementation`.
The command line, the DAGs, containers and pages read the list of stages from `STAGES`.
"""

from __future__ import annotations

from typing import Any

from rlpretrain.stages.analyze import ANALYZE
from rlpretrain.stages.check import CHECK
from rlpretrain.stages.decide import DECIDE
from rlpretrain.stages.extract import EXTRACT
from rlpretrain.stages.finished import manifests_of, result_of
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.power import POWER
from rlpretrain.stages.pretrain import PRETRAIN
from rlpretrain.stages.promote import PROMOTE
from rlpretrain.stages.report import REPORT
from rlpretrain.stages.run import Run, make_run, open_run
from rlpretrain.stages.running import parts_of, run_stage, run_with_needs, stages_before, work_of
from rlpretrain.stages.score import SCORE
from rlpretrain.stages.seal import SEAL
from rlpretrain.stages.stage import Stage
from rlpretrain.stages.transfer import TRANSFER
from rlpretrain.stages.update import UPDATE
from rlpretrain.stages.validate import VALIDATE

__all__ = [
    "ANALYZE",
    "CHECK",
    "DECIDE",
    "EXTRACT",
    "LIST",
    "MINE",
    "NIGHT",
    "POWER",
    "PRETRAIN",
    "PROMOTE",
    "REPORT",
    "SCORE",
    "SEAL",
    "STAGES",
    "TRANSFER",
    "UPDATE",
    "VALIDATE",
    "Run",
    "Stage",
    "make_run",
    "manifests_of",
    "open_run",
    "parts_of",
    "result_of",
    "run_stage",
    "run_with_needs",
    "stage_named",
    "stages_before",
    "work_of",
]

STAGES: tuple[Stage[Any, Any], ...] = (
    UPDATE,
    LIST,
    EXTRACT,
    MINE,
    CHECK,
    ANALYZE,
    POWER,
    PRETRAIN,
    TRANSFER,
    VALIDATE,
    REPORT,
    DECIDE,
    SEAL,
    PROMOTE,
    SCORE,
)
"""All stages, in an order in which they can run."""

NIGHT: tuple[Stage[Any, Any], ...] = (*stages_before(PROMOTE), PROMOTE)
"""Stages of a nightly run; scoring follows when there is a new champion."""


def stage_named(name: str) -> Stage[Any, Any]:
    """Return the stage of a name.

    Raises
    ------
    KeyError
        There is no such stage.
    """
    return {stage.name: stage for stage in STAGES}[name]
