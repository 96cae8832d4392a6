"""Hindsight, measured: the consensus of the strategies as they were on each day, and as they are today."""

from __future__ import annotations

from collections.abc import Iterator

from rlpretrain.validation.report.data import Hindsight, HindsightWindow, LibraryRecord
from rlpretrain.validation.report.table import NOTHING, Table, number, percent

__all__ = ["hindsight_table"]

_MEASURES = (
    "The figures describe the consensus itself, not an agent: the strategies that voted at the window's last close, "
    "the share of its changes of stance that paid, their mean reward, the Sharpe ratios of following it and of holding "
    "the same assets, and the difference of the former from the window's first row."
)


def hindsight_table(found: Hindsight) -> Table:
    """Return the table of the library's own figures on the validation and test windows, by what was known."""
    rows = []
    for window in found.windows:
        for library in window.libraries:
            difference = NOTHING if library.difference is None else str(library.difference)
            rows.append((f"{window.name}, {library.state}", *_figures(library.record), difference))
    return Table(
        "Hindsight" if found.with_versions else "Strategies edited inside the test window",
        ("Library", "Voters", "Decisions", "Paid", "Reward", "Sharpe", "Holding", "Difference"),
        tuple(rows),
        " ".join(_note(found)),
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


def _note(found: Hindsight) -> Iterator[str]:
    if found.with_versions:
        yield _origin(found)
    yield _late(found)
    if found.unknown:
        yield (
            f"The last edit of {found.unknown:,} strategies is unknown: any of them may be late, but here they count "
            "as not late."
        )
    if found.windows:
        yield from (_reading(found, window) for window in found.windows)
        if found.with_versions:
            yield (
                "Part of a difference may come from who votes, and so from which assets are followed: point in time, a "
                "strategy votes only after it was written and reviewed. The Sharpe ratios of holding show how far the "
                "assets differ."
            )
        yield _MEASURES


def _origin(found: Hindsight) -> str:
    others = (
        ""
        if not found.without_versions
        else f" The versions of {found.without_versions:,} others are unknown; today's rules decide for them on all "
        "days."
    )
    return (
        f"{found.with_versions:,} strategies decide point in time: on each day as the version that existed at its "
        f"close.{others} The last versions are what these strategies became later; on the days before that, their "
        "authors may have known what would follow."
    )


def _late(found: Hindsight) -> str:
    if not found.late:
        return "No strategy is known to have been edited inside the test window."
    edited = f"{found.late:,} strategies were last edited inside the test window"
    if found.with_versions:
        return f"{edited}."
    vote = "voted in this run" if found.vote else "did not vote in this run"
    return f"{edited}, so their authors had seen part of it; they {vote}."


def _reading(found: Hindsight, window: HindsightWindow) -> str:
    """Return in words what the rules that were written later add on a window."""
    gap = window.libraries[-1].difference
    where = f"on the {window.name.lower()} window"
    if gap is None:
        return f"Hindsight could not be measured {where}."
    cause = "last versions" if found.with_versions else "late edits"
    measured = f"Hindsight, measured {where} as the difference that the {cause} make, is {gap}"
    if gap.finding == "better":
        return f"{measured}: figures with the {cause} are too good."
    if gap.finding == "worse":
        return f"{measured}: figures with the {cause} are worse, so they show no hindsight."
    return f"{measured}: the interval includes zero, so it cannot be distinguished from none."
