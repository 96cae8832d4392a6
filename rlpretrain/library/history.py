"""What a strategy was at every close: its versions, in order, each from the first close after it was saved."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from rlpretrain.composer import SymphonyVersion, VersionList
from rlpretrain.market import first_close_after

__all__ = [
    "PastVersion",
    "PlacedVersion",
    "Remark",
    "RemarkKind",
    "StrategyHistory",
    "VersionTree",
    "build_history",
    "count_remarks",
    "place_versions",
]

RemarkKind = Literal[
    "not offered",
    "no versions",
    "unanswered",
    "unreadable",
    "repeated",
    "same time",
    "future",
    "too early",
    "replaced",
    "no tree",
    "not parsed",
    "unchanged",
    "last edit unreadable",
    "last edit missing",
    "not replayed",
    "not compared",
    "unforeseen",
]
"""The service has no versions, or none of this symphony; no answer came; a row that cannot be read; an id twice; two
versions at one time; a time after now, or before the service existed; a version that another replaced before a close;
one whose tree is missing, or cannot be parsed; one that does the same as the one before; a last edit that cannot be
read, or that no version belongs to; a version that cannot be replayed on this market, or that could not be compared
with a backtest of the service; one that caused an exception that the program does not know."""

_CLOCKS_DIFFER = dt.timedelta(minutes=5)
"""How far the service's clock may be ahead of ours."""
_EARLIEST = dt.datetime(2010, 1, 1, tzinfo=dt.UTC)
"""Older times, such as 1970, stand for unknown ones; a version that had existed since then would know the future."""
_EDIT_TO_VERSION = dt.timedelta(days=1)
"""How much later than the last version the last edit may be."""


@dataclass(frozen=True)
class Remark:
    """Something of a strategy's versions that is missing, left out or mended."""

    kind: RemarkKind
    text: str


@dataclass(frozen=True)
class PlacedVersion:
    """A version that existed at some close, and the first such day."""

    first_close: dt.date
    version: SymphonyVersion


@dataclass(frozen=True)
class VersionTree:
    """The tree of a version, or the reason why there is none."""

    tree: str | None = None
    """Object in the cache."""
    content_hash: str | None = None
    remark: Remark | None = None


@dataclass(frozen=True)
class PastVersion:
    """What a strategy was from one close on, up to the next version."""

    first_close: dt.date
    """The first calendar day at whose close it existed."""
    version_id: str
    created_at: dt.datetime
    """In UTC."""
    tree: str | None
    """Object in the cache; None where nobody knows what the strategy was."""
    content_hash: str | None
    """Hash of what the rules mean; None where the tree is missing or cannot be parsed."""


@dataclass(frozen=True)
class StrategyHistory:
    """The versions of one strategy.

    Without versions, nothing is known but the tree of today and the day of the last edit.
    """

    symphony_id: str
    versions: tuple[PastVersion, ...] = ()
    """By their first close, which is different for each."""
    remarks: tuple[Remark, ...] = field(default=(), repr=False)

    def at(self, day: dt.date) -> PastVersion | None:
        """Return the version that existed at a day's close; None before the first one."""
        position = bisect_right(self.versions, day, key=lambda version: version.first_close)
        return self.versions[position - 1] if position else None


def count_remarks(histories: Iterable[StrategyHistory]) -> Counter[RemarkKind]:
    """Count the remarks of each kind."""
    return Counter(remark.kind for history in histories for remark in history.remarks)


def place_versions(
    listed: VersionList, now: dt.datetime
) -> tuple[tuple[PlacedVersion, ...], tuple[Remark, ...]]:
    """Find the versions that existed at a close, whatever the order of the list.

    Parameters
    ----------
    listed
        The service's answer.
    now
        When it was received, in UTC.

    Returns
    -------
    tuple of PlacedVersion, tuple of Remark
        Versions by their first close, one for each; what was left out.
    """
    remarks = [Remark("unreadable", reason) for reason in listed.unreadable]
    times: dict[str, list[dt.datetime]] = {}
    for version in listed.versions:
        name, moment = version.version_id, version.created_at
        if moment > now + _CLOCKS_DIFFER:
            remarks.append(Remark("future", f"{name} was saved at {moment}, which is after now"))
        elif moment < _EARLIEST:
            remarks.append(Remark("too early", f"{name} was saved at {moment}"))
        else:
            times.setdefault(name, []).append(moment)
    for name, found in times.items():
        if len(found) > 1:
            remarks.append(Remark("repeated", f"{name} is listed {len(found)} times, last at {max(found)}"))
    # A version that is listed at several times certainly existed from the last one on.
    ordered = sorted((max(found), name) for name, found in times.items())
    for (moment, before), (next_moment, after) in pairwise(ordered):
        if moment == next_moment:
            remarks.append(Remark("same time", f"{before} and {after} were both saved at {moment}"))
    placed: dict[dt.date, PlacedVersion] = {}
    for moment, version_id in ordered:
        day = first_close_after(moment)
        if day in placed:
            replaced = placed[day].version.version_id
            remarks.append(Remark("replaced", f"{version_id} replaced {replaced} before the close of {day}"))
        placed[day] = PlacedVersion(day, SymphonyVersion(version_id, moment))
    return tuple(placed.values()), tuple(sorted(remarks, key=lambda remark: (remark.kind, remark.text)))


def build_history(
    symphony_id: str,
    placed: Iterable[PlacedVersion],
    trees: Mapping[str, VersionTree],
    remarks: Iterable[Remark] = (),
) -> StrategyHistory:
    """Join versions and their trees.

    A version without a tree stays: on its days the strategy was neither the version before nor the one after. If there
    is no tree at all, there is no version either.

    Parameters
    ----------
    symphony_id
        Id of the symphony.
    placed
        What `place_versions` returned.
    trees
        Id of each version -> its tree.
    remarks
        What else is to be remarked.
    """
    versions: list[PastVersion] = []
    found = list(remarks)
    for one in placed:
        version, tree = one.version, trees[one.version.version_id]
        if tree.remark is not None:
            found.append(tree.remark)
        if versions and tree.content_hash is not None and tree.content_hash == versions[-1].content_hash:
            found.append(Remark("unchanged", f"{version.version_id} does what {versions[-1].version_id} did"))
            continue
        versions.append(
            PastVersion(one.first_close, version.version_id, version.created_at, tree.tree, tree.content_hash)
        )
    if all(version.content_hash is None for version in versions):
        versions = []
    return StrategyHistory(symphony_id, tuple(versions), tuple(found))


def remark_last_edit(placed: Iterable[PlacedVersion], edited: dt.datetime) -> tuple[Remark, ...]:
    """Return a remark if the last edit is in no version."""
    last = max((one.version.created_at for one in placed), default=None)
    if last is None or edited - last <= _EDIT_TO_VERSION:
        return ()
    return (Remark("last edit missing", f"the last edit is of {edited}, and the last version of {last}"),)
