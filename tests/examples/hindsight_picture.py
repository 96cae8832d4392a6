"""The picture of point in time, last version and hindsight in docs/concepts.md, from a small run.

``python -m tests.examples.hindsight_picture docs/images/hindsight.png`` draws it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlpretrain.patterns import StrategyRecord
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.stages import EXTRACT, MINE, work_of
from rlpretrain.stages.implementation.extract import read_records
from tests.stages.conftest import tiny

SETTINGS = {
    "market": "generated:kind=noise,years=6,seed=3,end=2025-12-31",
    "catalogue": "generated:size=60,hindsight=1",
    "max_strategies": 60,
    "chunk_size": 60,
}
THEN, NOW, SEEN, LINE = "#2f6db5", "#b3541e", "#eedccf", "#444444"
BEFORE, AFTER = 250, 120
"""Sessions around the last edit."""


def draw(path: Path) -> None:
    """Extract a small library in which every author edits with hindsight, and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        pipeline = PretrainingPipeline(tiny(Path(folder), **SETTINGS), run_id="run")
        asyncio.run(pipeline.run_to(EXTRACT))
        work = work_of(pipeline.run, MINE)
        then = [record for record in read_records(work).records if len(record.versions) > 1]
        last = {record.symphony_id: record for record in read_records(work, "last").records}
    style = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    with mpl.rc_context(style):
        figure = Figure(figsize=(8, 4.6), dpi=110, layout="constrained")
        above, below = figure.subplots(2, height_ratios=[1, 1.7])
        _draw_versions(above, max(then, key=_shortest_span))
        _draw_around_edits(below, then, [last[record.symphony_id] for record in then])
        figure.savefig(path, metadata={"Software": None})


def _shortest_span(record: StrategyRecord) -> tuple[float, str]:
    """Return the part of the axis that a strategy's shortest version takes, if it has at least four versions."""
    starts = [version.first_close for version in record.versions]
    spans = np.diff([*starts, record.dates[-1]]) / (record.dates[-1] - starts[0])
    return (float(spans.min()) if len(starts) > 3 else 0.0), record.symphony_id


def _draw_versions(axes: Axes, record: StrategyRecord) -> None:
    starts, end = [version.first_close for version in record.versions], record.dates[-1]
    begin = starts[0] - (end - starts[0]) // 4
    for i, (start, stop) in enumerate(zip(starts, [*starts[1:], end], strict=True)):
        _draw_bar(axes, 1, start, stop, THEN if i % 2 else "#5f8fc9", str(i + 1), "white")
    _draw_bar(axes, 1, begin, starts[0], "none", "does not exist yet", LINE)
    _draw_bar(axes, 0, begin, starts[-1], SEEN, f"{len(starts)}, on days that its author had seen", NOW)
    _draw_bar(axes, 0, starts[-1], end, NOW, str(len(starts)), "white")
    axes.set_yticks([0, 1], ["last version", "point in time"])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(begin, end)
    axes.set_title(f"Which of its {len(starts)} versions decides for one strategy", loc="left")


def _draw_bar(
    axes: Axes, row: int, start: np.datetime64, stop: np.datetime64, colour: str, text: str, ink: str
) -> None:
    axes.barh(row, (stop - start) / np.timedelta64(1, "D"), left=start, height=0.6, color=colour)
    axes.text(start + (stop - start) / 2, row, text, ha="center", va="center", color=ink)


def _draw_around_edits(axes: Axes, then: Sequence[StrategyRecord], last: Sequence[StrategyRecord]) -> None:
    edits = [record.versions[-1].first_close for record in then]
    days = np.arange(-BEFORE, AFTER)
    known, seen = (
        np.array([_around(record, edit) for record, edit in zip(records, edits, strict=True)])
        for records in (then, last)
    )
    seen[np.isnan(known)] = np.nan  # Both on the days on which the strategy existed.
    at_edit = []
    for gains, label, colour in ((seen, "last version", NOW), (known, "point in time", THEN)):
        total = 100 * np.cumsum(np.nanmean(gains, axis=0))
        axes.plot(days, total, color=colour, label=label, linewidth=1.8)
        at_edit.append(total[BEFORE])
    axes.axvspan(days[0], 0, color=SEEN, alpha=0.5, linewidth=0)
    axes.annotate("", (0, at_edit[0]), (0, at_edit[1]), arrowprops={"arrowstyle": "<->", "color": LINE})
    axes.text(3, np.mean(at_edit), f"hindsight: {at_edit[0] - at_edit[1]:.0f} %", va="center", color=LINE)
    axes.text(-3, axes.get_ylim()[0], "last edit", ha="right", va="bottom", color=LINE)
    axes.set_xlim(days[0], days[-1])
    axes.set_xlabel("sessions after the last edit")
    axes.set_ylabel("sum of returns, %")
    axes.set_title(f"What {len(then)} strategies earned around their last edits, mean", loc="left")
    axes.legend(frameon=False, loc="lower left")


def _around(record: StrategyRecord, day: np.datetime64) -> np.ndarray:
    """Return a strategy's returns around a day, (BEFORE + AFTER,); NaN where it has none."""
    rows = int(np.searchsorted(record.dates, day)) + np.arange(-BEFORE, AFTER) + 1
    known = (rows >= 0) & (rows < len(record.dates))
    return np.where(known, record.returns[np.clip(rows, 0, len(record.dates) - 1)], np.nan)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
