"""The chain of entries: each one's hash covers its content and the hash of the entry before it.

So nothing in the middle of the chain can be changed, removed, inserted or moved without breaking it. What the chain
itself can't show is that its end was cut off or that all of it was written anew; whoever holds an earlier hash can.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rlpretrain.record.accounting import net_return
from rlpretrain.record.timing import why_late, why_unsettled

__all__ = ["FIRST", "Broken", "Entry", "find_break", "link", "subject_of"]

FIRST = "0" * 64
"""What the first entry has in the place of the hash of the entry before it."""

_SUBJECTS = {
    "backtest": ("agent", "symbol"),
    "decision": ("agent", "symbol", "day"),
    "outcome": ("agent", "symbol", "day"),
}
"""Kinds of entries -> the facts that say what an entry is about."""


@dataclass(frozen=True)
class Entry:
    """One entry of the record, as it is stored."""

    number: int
    """1 for the first, and so on without gaps."""
    previous: str
    """Hash of the entry before."""
    hash: str
    """SHA-256, in hexadecimal digits, of `previous`, a line feed and `content`."""
    subject: str
    """What the entry is about; nothing is entered twice."""
    content: str
    """The facts as JSON in one line, with the entry's number and the time at which it was written."""

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that the content states."""
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def written_at(self) -> dt.datetime:
        """Time, in UTC, at which the entry was written."""
        return dt.datetime.fromisoformat(self.facts["written_at"])


@dataclass(frozen=True)
class Broken:
    """The first entry that is not as it was written, and what is wrong with it."""

    number: int
    reason: str


def subject_of(facts: Mapping[str, Any]) -> str:
    """Return what an entry is about: its kind, the agent, the asset and, except for a backtest, the day."""
    kind = facts["kind"]
    return " ".join([kind, *(str(facts[name]) for name in _SUBJECTS[kind])])


def link(facts: Mapping[str, Any], number: int, previous: str, written_at: dt.datetime) -> Entry:
    """Make the entry that follows the one whose hash is `previous`."""
    stated = {**facts, "number": number, "written_at": written_at.astimezone(dt.UTC).isoformat()}
    content = _text(stated)
    return Entry(number, previous, _hash(previous, content), subject_of(facts), content)


def find_break(entries: Iterable[Entry], anchors: Mapping[int, str] | None = None) -> Broken | None:
    """Check a whole record; return the first entry that is broken, or None.

    Checked are numbers, hashes and links; that subjects and contents agree and times never go back; that each decision
    was written in time and each outcome after its bar had ended; and that outcomes follow from decisions before them.

    Parameters
    ----------
    entries
        All entries in the order of their numbers.
    anchors
        Hashes that someone else has held, by the number of the entry.
    """
    previous, number = FIRST, 0
    written_at = dt.datetime.min.replace(tzinfo=dt.UTC)
    decided: dict[str, bool] = {}
    held = dict(anchors or {})
    for number, entry in enumerate(entries, start=1):
        reason = _broken_link(entry, number, previous) or _broken_content(entry, written_at, decided)
        if not reason and held.pop(number, entry.hash) != entry.hash:
            reason = "its hash is not the one that was held"
        if reason:
            return Broken(number, reason)
        previous, written_at = entry.hash, entry.written_at
    if held:
        return Broken(min(held), f"its hash was held, but the record ends with entry {number}")
    return None


def _broken_link(entry: Entry, number: int, previous: str) -> str:
    if entry.number != number:
        return f"entry {entry.number} is in its place"
    if entry.previous != previous:
        return "it does not follow the entry before it"
    if entry.hash != _hash(entry.previous, entry.content):
        return "its hash is not that of its content"
    return ""


def _broken_content(entry: Entry, earliest: dt.datetime, decided: dict[str, bool]) -> str:
    """Return what is wrong with an entry whose hash is right; note its position if it is a decision."""
    try:
        facts, written_at = entry.facts, entry.written_at
        if _text(facts) != entry.content or facts["number"] != entry.number:
            return "its content is not in the form in which it is written"
        if subject_of(facts) != entry.subject:
            return "its subject is not that of its content"
        if not written_at >= earliest:
            return "it was written before the entry before it"
        if facts["kind"] == "decision":
            decided[entry.subject] = facts["position"]
            return why_late(facts, written_at)
        if facts["kind"] == "outcome":
            decision = subject_of({**facts, "kind": "decision", "day": facts["decided"]})
            if decided.get(decision) is not facts["position"]:
                return "no decision before it has this outcome"
            if facts["net_return"] != net_return(facts):
                return "its growth and cost do not give its net return"
            return why_unsettled(facts, written_at)
    except (ValueError, KeyError, TypeError) as error:
        return f"its content can't be read: {error!r}"
    return ""


def _text(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _hash(previous: str, content: str) -> str:
    return hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest()
