"""The stage that reaches the verdict, registers the agent and writes the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages.analyze import ANALYZE
from rlpretrain.stages.check import CHECK
from rlpretrain.stages.extract import EXTRACT
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.power import POWER
from rlpretrain.stages.pretrain import PRETRAIN
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.transfer import TRANSFER
from rlpretrain.stages.validate import VALIDATE
from rlpretrain.stages.work import Work

__all__ = ["REPORT", "RESULTS", "Reported", "read_summary"]

RESULTS = "pipeline_results.json"


class Reported(Result):
    """The verdict, and the decision on the agent."""

    assets: int
    finding: str
    verdict: str
    """The rule's decision: promote or keep."""
    version: int
    """Version of the agent in the registry."""


def read_summary(folder: Path) -> list[str]:
    """Read the lines with a finished run's verdict and main figures."""
    results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    return list(results["summary"])


def _run(work: Work[PretrainingConfig]) -> Reported:
    from rlpretrain.stages.implementation.report import report

    return report(work)


def _inputs(work: Work[PretrainingConfig]) -> Mapping[str, str]:
    from rlpretrain.registry import Registry

    champion = Registry(work.output_dir).champion_identity(besides=work.run_id)
    return {"champion": champion, "approval": work.settings.approval}


REPORT = Stage(
    name="report",
    does="reach the verdict, register the agent and write the report",
    needs=(LIST, EXTRACT, MINE, CHECK, ANALYZE, POWER, PRETRAIN, TRANSFER, VALIDATE),
    # The report shows every setting, and the registry stores them with the agent.
    settings=PretrainingConfig,
    result=Reported,
    run=_run,
    inputs=_inputs,
)
