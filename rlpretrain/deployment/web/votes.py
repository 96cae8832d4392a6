"""The votes on one asset over time, thinned for drawing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from rlpretrain.patterns import VotePanel

__all__ = ["Votes", "asset_votes", "vote_assets"]

_FILE = "votes.npz"
_MAX_POINTS = 400
"""Points of a line; a longer one is cut into this many equal stretches, and the last day of each is drawn."""


@dataclass(frozen=True)
class Votes:
    """Votes on one asset, as lists of equal length."""

    days: list[dt.date]
    share: list[float | None]
    """Holders in percent of the strategies that can hold the asset; None where none can."""
    relative: list[float | None]
    """The share relative to its trailing year, in standard deviations."""
    eligible: list[int]
    holders: list[int]

    def place(self, day: dt.date) -> int | None:
        """Return the position of the last drawn day at or before a day; None outside the line."""
        if not self.days or not self.days[0] <= day <= self.days[-1]:
            return None
        return (
            int(np.searchsorted(np.array(self.days, "datetime64[D]"), np.datetime64(day), side="right")) - 1
        )


def vote_assets(folder: Path) -> tuple[str, ...]:
    """Return the assets that were voted on in a run; none before its mining has finished."""
    return _panel(folder).voted if (folder / _FILE).is_file() else ()


def asset_votes(
    folder: Path, asset: str, start: dt.date | None = None, stop: dt.date | None = None
) -> Votes | None:
    """Read the votes on an asset from `start` to `stop`; None where there are none.

    Raises
    ------
    DataError
        The run's file is damaged.
    """
    if asset not in vote_assets(folder):
        return None
    panel = _panel(folder)
    column = panel.column(asset)
    inside = panel.eligible[:, column] > 0
    if start is not None:
        inside &= panel.dates >= np.datetime64(start)
    if stop is not None:
        inside &= panel.dates <= np.datetime64(stop)
    rows = np.flatnonzero(inside)
    if len(rows) > _MAX_POINTS:
        ends = np.linspace(0, len(rows), _MAX_POINTS + 1).round().astype(int)[1:] - 1
        rows = rows[ends]
    return Votes(
        days=panel.dates[rows].astype(object).tolist(),
        share=(100.0 * panel.view("share")[rows, column]).round(2).tolist(),
        relative=panel.view("relative")[rows, column].round(3).tolist(),
        eligible=panel.eligible[rows, column].tolist(),
        holders=panel.holders[rows, column].tolist(),
    )


def _panel(folder: Path) -> VotePanel:
    path = folder / _FILE
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, stamp: int) -> VotePanel:  # noqa: ARG001 - the stamp distinguishes a repeated stage
    return VotePanel.load(path)
