"""The decisions of a symphony at its last close, and how far each was from turning, as JSON values and as text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlpretrain.symphony import Evaluator, Symphony

__all__ = ["decision_lines", "decision_rows"]

_SHOWN = 10
"""Decisions listed as text; trees have up to hundreds of active ones."""


def decision_rows(
    evaluator: Evaluator, document: Mapping[str, Any], symphony: Symphony, day: dt.date
) -> list[dict[str, Any]]:
    """Return the decisions that are active at the close of a day, nearest to turning first, with their nodes' paths."""
    from rlpretrain.symphony.outline import decision_place, outline, place_path

    places = outline(document, symphony)
    return [
        {"path": place_path(places, decision_place(places, decision.rule.visit)), **decision.as_json()}
        for decision in evaluator.decisions(symphony, day)
    ]


def decision_lines(rows: Sequence[Mapping[str, Any]], day: str) -> Iterator[str]:
    """Render the nearest decisions as a table."""
    if not rows:
        yield f"no decision was active at the close of {day}"
        return
    yield f"decisions at the close of {day}, nearest to turning first"
    yield _row("left", "right", "difference", "days' changes", "rule")
    for row in rows[:_SHOWN]:
        words = f"{row['rule']}: {row['left']} before {row['right']}" if row["choice"] else row["rule"]
        left, right, difference = (_number(row[name]) for name in ("left_value", "right_value", "difference"))
        yield _row(left, right, difference, _number(row["deviations"]), words)
    if len(rows) > _SHOWN:
        yield f"  … and {len(rows) - _SHOWN} more"


def _row(left: str, right: str, difference: str, changes: str, rule: str) -> str:
    return f"  {left:>12}{right:>12}{difference:>12}{changes:>15}  {rule}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.6g}"
