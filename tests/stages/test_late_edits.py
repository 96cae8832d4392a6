"""With and without the strategies that were edited inside the test window."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from pathlib import Path

import pytest

from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.late_edits import late_edits
from rlpretrain.validation.report import ReportData, render_report
from tests.stages.conftest import tiny


def extracted(folder: Path, **settings: object) -> StageContext:
    windows = {"validation_start": dt.date(2020, 6, 1), "test_start": dt.date(2021, 6, 1)}
    pipeline = PretrainingPipeline(tiny(folder, **{**windows, **settings}), run_id="run")
    asyncio.run(pipeline.extract())
    return pipeline.context


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> StageContext:
    return extracted(tmp_path_factory.mktemp("late"))


def test_both_sets_of_figures_whatever_the_run_lets_vote(context: StageContext, tmp_path: Path) -> None:
    found = late_edits(context)
    rejects = json.loads((context.run / "rejects.json").read_text())
    assert found.late == sum(reject["stage"] == "hindsight" for reject in rejects) > 0
    assert [window.name for window in found.windows] == ["Validation", "Test"]
    for window in found.windows:
        assert window.included.voters > window.without.voters > 0
        assert window.included.decisions > 0 and 0 < window.included.hit_rate < 1
    allowed = late_edits(extracted(tmp_path, allow_late_edits=True))
    assert allowed.vote and not found.vote
    assert allowed.windows == found.windows, "the comparison does not depend on whom the run heard"


def test_the_report_shows_them(context: StageContext, tmp_path: Path) -> None:
    text, page = render_report(ReportData(run_id="run", late_edits=late_edits(context)), tmp_path)
    for path in (text, page):
        written = path.read_text()
        assert "Strategies edited inside the test window" in written
        assert "Test, without" in written and "Test, with" in written


def test_without_late_edits_nothing_is_computed(tmp_path: Path) -> None:
    """The generated library's last edit is of November 2024."""
    windows = {"validation_start": dt.date(2024, 1, 2), "test_start": dt.date(2025, 1, 2)}
    found = late_edits(extracted(tmp_path, market="generated:years=6,seed=3,end=2026-12-31", **windows))
    assert found.late == found.unknown == 0 and found.windows == ()
