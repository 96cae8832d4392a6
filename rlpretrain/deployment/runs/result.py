"""The result of a finished run, small enough for Airflow's database, where clients of the REST API read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["run_result"]


def run_result(folder: Path) -> dict[str, Any]:
    """Return the verdict, the figures and the paths of the run's files, all as JSON values.

    Parameters
    ----------
    folder
        The run's folder, after its report is written.
    """
    from rlpretrain.stages.report import RESULTS

    results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    copied = ("finding", "headline", "summary", "cautions", "figures", "promoted")
    return {
        **{name: results[name] for name in copied},
        "folder": str(folder),
        "report": str(folder / results["artifacts"]["report"]),
        "agent": str(folder / results["artifacts"]["agent"]),
    }
