"""A symphony's tree as lines of text, one for each node of the document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rlpretrain.symphony.activity import Activity
from rlpretrain.symphony.outline import Place
from rlpretrain.symphony.wording import counted_words, percent

__all__ = ["Line", "draw", "heading"]

_SCREEN = 20
"""Levels by which the drawing of a deep tree is shifted: lines show the guides of the last 20 to 40 levels only."""

_HEADING = "   days   weight  "


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a drawing, in parts that a terminal may style differently."""

    activity: str
    """Share of days and mean weight, of fixed width; empty where no activity was given."""
    guides: str
    """Guide lines that lead here from the root."""
    weight: str
    """Fixed part of the parent's money; empty where there is none."""
    text: str
    remark: str
    step: str
    """Kind of the node; empty for nodes left out."""

    def __str__(self) -> str:
        remark = f"  ! {self.remark}" if self.remark else ""
        weight = f"{self.weight}  " if self.weight else ""
        return f"{self.activity}{self.guides}{weight}{self.text}{remark}".rstrip()


def draw(
    places: Sequence[Place], *, depth: int | None = None, activity: Activity | None = None
) -> Iterator[Line]:
    """Draw a tree.

    Parameters
    ----------
    places
        From `outline`.
    depth
        Levels below the root to show; deeper nodes are counted in one line. None shows all.
    activity
        If given, each branch, each choice of a filter and each leaf shows the share of days on which it was active,
        and each leaf its mean weight.
    """
    open_levels: list[bool] = []
    for place in places:
        if depth is not None and place.depth > depth:
            continue
        del open_levels[max(place.depth - 1, 0) :]
        last = place.parent < 0 or place.position == len(places[place.parent].children) - 1
        corner = "" if place.parent < 0 else "└─ " if last else "├─ "
        yield Line(
            activity=_activity(place, places, activity),
            guides=_guides(open_levels) + corner,
            weight="" if place.weight is None else percent(place.weight),
            text=place.text,
            remark="; ".join(place.remarks),
            step=place.step,
        )
        if place.parent >= 0:
            open_levels.append(not last)
        if place.depth == depth and place.below:
            blank = " " * len(_HEADING) if activity is not None else ""
            yield Line(
                blank, _guides(open_levels) + "└─ ", "", f"… {counted_words(place.below, 'node')}", "", ""
            )


def heading() -> str:
    """Return the heading of the activity columns."""
    return _HEADING


def _guides(open_levels: Sequence[bool]) -> str:
    """Draw the guides of the levels above; in a very deep tree, skip whole screens of them and show how many levels."""
    skipped = max(0, len(open_levels) // _SCREEN - 1) * _SCREEN
    shown = "".join("│  " if more else "   " for more in open_levels[skipped:])
    return f"{skipped:>5} ⋯  {shown}" if skipped else shown


def _activity(place: Place, places: Sequence[Place], activity: Activity | None) -> str:
    if activity is None:
        return ""
    parent = places[place.parent].step if place.parent >= 0 else ""
    days = weight = ""
    if place.step in ("if-child", "asset", "empty") or parent == "filter":
        share = float(activity.days[place.visit])
        days = "never" if share == 0 else _tenths(share)
        if place.step in ("asset", "empty") and share > 0:
            weight = _tenths(float(activity.weight[place.visit]))
    return f"{days:>7}  {weight:>7}  "


def _tenths(share: float) -> str:
    return "<0.1 %" if share < 0.0005 else f"{100 * share:.1f} %"
