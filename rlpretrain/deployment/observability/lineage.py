"""What the nightly tasks read and write, as Airflow assets.

An asset's URI is the same in every run and on every machine: a worker whose settings differ from the DAG processor's
still knows it. Where an asset is depends on the deployment, see `rlpretrain.deployment.observability.asset_places`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset

from rlpretrain.deployment.observability.provider_info import SCHEME
from rlpretrain.stages import (
    ANALYZE,
    CHECK,
    EXTRACT,
    LIST,
    MINE,
    POWER,
    PRETRAIN,
    TRANSFER,
    VALIDATE,
)
from rlpretrain.stages import REPORT as REPORT_STAGE

if TYPE_CHECKING:
    from airflow.sdk import DAG

__all__ = ["FLOWS", "declare_lineage"]

LIBRARY = Asset("rlpretrain library", f"{SCHEME}://composer/library")
PRICES = Asset("rlpretrain prices", f"{SCHEME}://market/prices")
PATTERNS = Asset("rlpretrain patterns", f"{SCHEME}://store/patterns")
ANALYSIS = Asset("rlpretrain analysis", f"{SCHEME}://runs/pattern_analysis.json")
POLICY = Asset("rlpretrain policy", f"{SCHEME}://runs/pretrained_model.pt")
AGENT = Asset("rlpretrain agent", f"{SCHEME}://runs/transferred_rl_agent.pt")
REPORT = Asset("rlpretrain report", f"{SCHEME}://runs/report.html")

FLOWS: dict[str, tuple[list[Asset], list[Asset]]] = {
    LIST.name: ([LIBRARY], []),
    EXTRACT.name: ([LIBRARY, PRICES], []),
    MINE.name: ([LIBRARY, PRICES], [PATTERNS]),
    CHECK.name: ([PATTERNS], []),
    ANALYZE.name: ([PATTERNS], [ANALYSIS]),
    POWER.name: ([PRICES], []),
    PRETRAIN.name: ([PATTERNS], [POLICY]),
    TRANSFER.name: ([POLICY, PRICES], [AGENT]),
    VALIDATE.name: ([AGENT, PRICES], []),
    REPORT_STAGE.name: ([ANALYSIS, AGENT], [REPORT]),
}
"""Task -> what it reads, and what it writes. Mapped tasks write nothing here: each part would announce it again."""


def declare_lineage(dag: DAG) -> DAG:
    """Declare inlets and outlets of the tasks."""
    for task_id, (inlets, outlets) in FLOWS.items():
        task: Any = dag.get_task(task_id)
        if task.is_mapped:
            task.partial_kwargs["inlets"] = inlets
        else:
            task.inlets = [*task.inlets, *inlets]
            task.outlets = [*task.outlets, *outlets]
    return dag
