"""The page of the runs shows the newest figures of the forward record."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from rlpretrain.deployment.web.app import _templates
from rlpretrain.deployment.web.live_record import live_record
from rlpretrain.deployment.web.runs_page import runs_context
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages.seal import LIVE_RECORD


def agent(version: int, returns: list[float], **changes: Any) -> dict[str, Any]:
    drift = {"finding": "worse", "difference": -2e-3, "p_value": 0.011, "detectable": 1.5e-3}
    return {
        "version": version,
        "agent": "a" * 64,
        "role": "challenger",
        "symbols": ["SPY"],
        "decisions": len(returns),
        "last": "2026-01-09",
        "days": len(returns),
        "mean": sum(returns) / len(returns) if returns else None,
        "backtest_days": 300,
        "backtest_mean": 4e-4,
        "backtest_deviation": 0.01,
        "dates": [f"2026-01-{day:02d}" for day in range(5, 5 + len(returns))],
        "returns": returns,
        "drift": drift if len(returns) > 2 else None,
        **changes,
    }


def recording(root: Path, name: str, agents: list[dict[str, Any]], seconds: int) -> None:
    file = RunFolder.of(root, name) / LIVE_RECORD
    file.write_text(json.dumps({"agents": agents}))
    os.utime(file, (seconds, seconds))


def test_the_newest_recording_is_shown_with_live_growth_beside_the_backtest(tmp_path: Path) -> None:
    assert live_record(tmp_path) is None
    recording(tmp_path, "old", [agent(1, [])], 1_000)
    new = [agent(2, [], role="champion"), agent(3, [0.01, -0.02, 0.01])]
    recording(tmp_path, "new", new, 2_000)
    found = live_record(tmp_path)
    assert found is not None
    assert [one["version"] for one in found.agents] == [2, 3]
    assert found.charted == 3
    assert "2026-01-07: live -0.0302 %, backtest 0.12 %" in found.chart
    assert found.chart.count('class="line') == 4
    page = (
        _templates().get_template("runs.html.j2").render(root="", tab=False, **runs_context(tmp_path, [], 0))
    )
    assert "Forward record" in page
    assert "worse, p 0.011" in page and "+15.00" in page and "too few days" in page


def test_without_decisions_nothing_is_shown(tmp_path: Path) -> None:
    recording(tmp_path, "run", [], 1_000)
    assert live_record(tmp_path) is None
    page = (
        _templates().get_template("runs.html.j2").render(root="", tab=False, **runs_context(tmp_path, [], 0))
    )
    assert "Forward record" not in page
