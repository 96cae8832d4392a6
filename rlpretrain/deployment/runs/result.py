"""The result of a finished run, small enough for Airflow's database: what a client asks for by REST."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["run_result"]


def run_result(folder: Path) -> dict[str, Any]:
    """Return the verdict, the figures and the places of the run's files, all JSON values.

    Parameters
    ----------
    folder
        The run's folder, after its report is written.
    """
    from rlpretrain.stages.report import RESULTS

    results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    told = ("finding", "headline", "summary", "cautions", "figures", "promoted")
    return {
        **{name: results[name] for name in told},
        "folder": str(folder),
        "report": str(folder / results["artifacts"]["report"]),
        "agent": str(folder / results["artifacts"]["agent"]),
    }
