"""The table of gains by year and by market regime."""

from __future__ import annotations

from rlpretrain.validation.breakdown import BROKEN_DOWN
from rlpretrain.validation.report.table import NOTHING, Table
from rlpretrain.validation.verdict import Verdict

__all__ = ["day_groups_tables"]


def day_groups_tables(verdict: Verdict) -> list[Table]:
    """Return the table of the gains on the days of each year and of each regime; none where there is no group."""
    if not verdict.groups:
        return []
    rows = (
        (
            group.name,
            *(str(group.gains[name]) if name in group.gains else NOTHING for name in BROKEN_DOWN),
        )
        for group in verdict.groups
    )
    days = ", ".join(f"{group.name} {group.days:,}" for group in verdict.groups)
    return [
        Table(
            "Gains by year and by market regime",
            ("Days", *(title for title, _ in BROKEN_DOWN.values())),
            tuple(rows),
            "Means over assets with intervals over the group's days. The area is that of the transferred arm minus "
            "random weights. The regime is the benchmark's at the close before each bar. The mean exposure that a "
            "score takes off is that of all days, so a score in a falling market also shows whether the exposure was "
            f"low in it. Number of days: {days}.",
        )
    ]
