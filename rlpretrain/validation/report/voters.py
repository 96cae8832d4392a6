"""How many strategies stood behind the votes over time: a chart of every quarter, and a table of the windows' ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from rlpretrain.patterns.voting.quarter_voters import QuarterVoters
from rlpretrain.validation.arms import AGENT
from rlpretrain.validation.report.charts import Chart
from rlpretrain.validation.report.data import WindowDates
from rlpretrain.validation.report.drawing import INK, MUTED, arm_colour, drawing
from rlpretrain.validation.report.table import Table

__all__ = ["voters_around_test", "voters_chart", "voters_table"]

_NOTE = (
    "A strategy with versions votes on each day as the version that existed at its close, and not before it was "
    "written and reviewed; so few voters at first are an honest figure. A strategy without versions votes by today's "
    "rules on all days."
)


def voters_around_test(voters: Sequence[QuarterVoters], test_start: dt.date) -> tuple[int, int] | None:
    """Return how many strategies voted at the start of the test window and at its end; None where nothing is known."""
    before = [quarter for quarter in voters if quarter.day <= test_start]
    return (before[-1].voters, voters[-1].voters) if before else None


def voters_table(voters: Sequence[QuarterVoters], windows: WindowDates) -> Table:
    """Return the table of the voters in the quarters in which windows begin, and in the last one."""
    ends = {
        "Start of the validation window": windows.validation_start,
        "Start of the test window": windows.test_start,
        "End of the test window": windows.end,
    }
    rows = [("First votes", next((quarter for quarter in voters if quarter.voters), voters[0]))]
    for name, day in ends.items():
        rows += [(name, quarter) for quarter in voters if quarter.day <= day][-1:]
    return Table(
        "Strategies behind the votes",
        ("Quarter of", "First close", "Point in time", "Today's rules", "All"),
        tuple(
            (
                name,
                str(quarter.day),
                f"{quarter.point_in_time:,}",
                f"{quarter.last_version:,}",
                f"{quarter.voters:,}",
            )
            for name, quarter in rows
        ),
        _NOTE,
    )


def voters_chart(voters: Sequence[QuarterVoters], windows: WindowDates) -> Chart:
    """Draw the voters of every quarter, with the starts of the validation and the test window as lines."""
    days = np.array([*(quarter.day for quarter in voters), windows.end], dtype="datetime64[D]")
    known = np.array([quarter.point_in_time for quarter in voters])
    all_voters = np.array([quarter.voters for quarter in voters])
    with drawing("voters", 7.2, 2.2) as (figure, svg):
        axes = figure.add_subplot()
        parts = (
            ("point in time", np.zeros_like(known), known, arm_colour(AGENT)),
            ("by today's rules", known, all_voters, MUTED),
        )
        for label, low, high, colour in parts:
            if (high > low).any():
                axes.stairs(high, days, baseline=low, fill=True, color=colour, alpha=0.55, label=label)
        top = max(int(all_voters.max()), 1) * 1.15
        starts: dict[str, Any] = {"validation": windows.validation_start, "test": windows.test_start}
        for name, day in starts.items():
            axes.axvline(day, color=INK, linewidth=0.8)
            axes.annotate(
                name, (day, top), (4, 0), textcoords="offset points", va="top", color=MUTED, fontsize=8
            )
        axes.set_ylim(0, top)
        axes.set_xlim(days[0], days[-1])
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_ylabel("strategies that vote")
        axes.legend(loc="upper left", fontsize=8)
    found = voters_around_test(voters, windows.test_start)
    title = (
        f"{voters[-1].voters:,} strategies vote at the end"
        if found is None
        else f"{found[0]:,} strategies voted at the start of the test window and {found[1]:,} at its end"
    )
    return Chart(title, svg.text, _NOTE)
