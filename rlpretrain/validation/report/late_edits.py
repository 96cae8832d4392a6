"""Effect of the strategies whose authors had seen the test window."""

from __future__ import annotations

from rlpretrain.validation.report.data import LateEdits, LibraryRecord
from rlpretrain.validation.report.table import NOTHING, Table, number, percent

__all__ = ["late_edits_table"]


def late_edits_table(found: LateEdits) -> Table:
    """Return the table of the library's own figures on the validation and test windows, with and without late edits."""
    rows = []
    for window in found.windows:
        rows.append((f"{window.name}, without", *_figures(window.without), NOTHING))
        difference = NOTHING if window.difference is None else str(window.difference)
        rows.append((f"{window.name}, with", *_figures(window.included), difference))
    return Table(
        "Strategies edited inside the test window",
        ("Library", "Voters", "Decisions", "Paid", "Reward", "Sharpe", "Holding", "Difference"),
        tuple(rows),
        _note(found),
    )


def _figures(record: LibraryRecord) -> tuple[str, ...]:
    return (
        f"{record.voters:,}",
        f"{record.decisions:,}",
        percent(record.hit_rate),
        percent(record.mean_reward, 2),
        number(record.sharpe, 2),
        number(record.holding_sharpe, 2),
    )


def _note(found: LateEdits) -> str:
    unknown = (
        ""
        if not found.unknown
        else f" The last edit of {found.unknown:,} strategies is unknown: any of them may be late, but here they "
        "count as not late."
    )
    if not found.late:
        return f"No strategy is known to have been edited inside the test window.{unknown}"
    vote = "voted in this run" if found.vote else "did not vote in this run"
    return (
        f"{found.late:,} strategies were last edited inside the test window, so their authors had seen part of it; "
        f"they {vote}. The figures describe the consensus itself, not an agent: the share of its changes of stance "
        "that paid, their mean reward, the Sharpe ratios of following it and of holding the same assets, and the "
        f"difference that the late strategies make to the former.{unknown}"
    )
