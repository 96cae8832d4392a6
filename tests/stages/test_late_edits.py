"""With and without the strategies that were edited inside the test window."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from pathlib import Path

import pytest

from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.stages import CHECK, MINE, Run, work_of
from rlpretrain.stages.implementation.extract import read_records
from rlpretrain.stages.implementation.late_edits import late_edits
from rlpretrain.stages.implementation.market import market_of, windows_of
from rlpretrain.validation.report import LateEdits, ReportData, render_report
from tests.stages.conftest import tiny


def extracted(folder: Path, **settings: object) -> Run:
    windows = {
        "history": "last_version",
        "validation_start": dt.date(2020, 6, 1),
        "test_start": dt.date(2021, 6, 1),
    }
    pipeline = PretrainingPipeline(tiny(folder, **{**windows, **settings}), run_id="run")
    asyncio.run(pipeline.run_to(CHECK))
    return pipeline.run


def found_in(run: Run) -> LateEdits:
    panel = market_of(run)
    records = read_records(work_of(run, MINE)).records
    return late_edits(records, panel, windows_of(panel, run.config), run.config)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return extracted(tmp_path_factory.mktemp("late"))


def test_both_sets_of_figures_whatever_the_run_lets_vote(run: Run, tmp_path: Path) -> None:
    found = found_in(run)
    rejects = json.loads((run.folder / "rejects.json").read_text())
    assert found.late == sum(reject["stage"] == "hindsight" for reject in rejects) > 0
    assert [window.name for window in found.windows] == ["Validation", "Test"]
    for window in found.windows:
        assert window.included.voters > window.without.voters > 0
        assert window.included.decisions > 0 and 0 < window.included.hit_rate < 1
    allowed = found_in(extracted(tmp_path, allow_late_edits=True))
    assert allowed.vote and not found.vote
    assert allowed.windows == found.windows, "the comparison does not depend on whom the run heard"


def test_the_report_shows_them(run: Run, tmp_path: Path) -> None:
    text, page = render_report(ReportData(run_id="run", late_edits=found_in(run)), tmp_path)
    for path in (text, page):
        written = path.read_text()
        assert "Strategies edited inside the test window" in written
        assert "Test, without" in written and "Test, with" in written


def test_without_late_edits_nothing_is_computed(tmp_path: Path) -> None:
    """The generated library's last edit is of November 2024."""
    windows = {"validation_start": dt.date(2024, 1, 2), "test_start": dt.date(2025, 1, 2)}
    found = found_in(extracted(tmp_path, market="generated:years=6,seed=3,end=2026-12-31", **windows))
    assert found.late == found.unknown == 0 and found.windows == ()
