"""The chain: whatever is changed in it, the first broken entry is named."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.record.entries import FIRST, Broken, Entry, find_break, link
from tests.record.building import DAYS, decision, evening, outcome, small_record

RECORD = small_record()


def relinked(entries: list[Entry]) -> list[Entry]:
    """Return the entries with all hashes made anew, as someone does who writes the record anew."""
    found: list[Entry] = []
    for entry in entries:
        previous = found[-1].hash if found else FIRST
        facts = {k: v for k, v in entry.facts.items() if k not in ("number", "written_at")}
        found.append(link(facts, len(found) + 1, previous, entry.written_at))
    return found


def test_the_hash_is_that_of_the_previous_hash_and_the_content() -> None:
    previous = "0" * 64
    for number, entry in enumerate(RECORD, start=1):
        assert (entry.number, entry.previous) == (number, previous)
        previous = hashlib.sha256(previous.encode() + b"\n" + entry.content.encode()).hexdigest()
        assert entry.hash == previous
    assert find_break(RECORD) is None
    assert find_break([]) is None


@given(st.integers(0, len(RECORD) - 1), st.sampled_from([f.name for f in fields(Entry)]), st.data())
def test_a_change_of_any_character_of_any_entry_is_found_there(
    place: int, name: str, data: st.DataObject
) -> None:
    entry = RECORD[place]
    value: Any = getattr(entry, name)
    if name == "number":
        changed: Any = data.draw(st.integers().filter(lambda number: number != value))
    else:
        at = data.draw(st.integers(0, len(value) - 1))
        other = data.draw(st.characters(codec="utf-8").filter(lambda c: c != value[at]))
        changed = value[:at] + other + value[at + 1 :]
    tampered = [*RECORD[:place], replace(entry, **{name: changed}), *RECORD[place + 1 :]]
    broken = find_break(tampered)
    assert broken is not None
    assert broken.number == entry.number


@given(st.permutations(RECORD), st.integers(0, len(RECORD)))
def test_entries_that_were_moved_removed_or_repeated_are_found(order: list[Entry], kept: int) -> None:
    shown = order[:kept]
    broken = find_break(shown)
    expected = next((i for i, (a, b) in enumerate(zip(shown, RECORD, strict=False), 1) if a != b), None)
    assert (None if broken is None else broken.number) == expected
    assert find_break([*RECORD, RECORD[-1]]) == Broken(6, "entry 5 is in its place")


def test_only_a_hash_that_was_held_shows_that_the_end_was_cut_off_or_all_was_written_anew() -> None:
    held = {4: RECORD[3].hash}
    assert find_break(RECORD, held) is None
    assert find_break(RECORD[:3]) is None
    assert find_break(RECORD[:3], held) == Broken(4, "its hash was held, but the record ends with entry 3")
    later = replace(RECORD[0], content=RECORD[0].content.replace("-0.02", "-0.01"))
    anew = relinked([later, *RECORD[1:]])
    assert find_break(anew) is None
    assert find_break(anew, held) == Broken(4, "its hash is not the one that was held")


@pytest.mark.parametrize(
    ("facts", "written_at", "reason"),
    [
        (decision(DAYS[1], symbol="TLT"), evening(DAYS[2]), "is filled at 2026-01-07 14:30"),
        (decision(DAYS[4], symbol="TLT"), evening(DAYS[3]), "had not begun"),
        (decision(DAYS[2], data_until=DAYS[3]), evening(DAYS[2]), "prices of 2026-01-08 were known"),
        (decision(DAYS[1], symbol="TLT"), evening(DAYS[0]), "before the entry before it"),
        (outcome(DAYS[2], DAYS[1]), evening(DAYS[2]), "no decision before it"),
        (outcome(DAYS[2], DAYS[2], position=False), evening(DAYS[2]), "no decision before it"),
        (outcome(DAYS[2], DAYS[1], position=False, net_return=0.0), evening(DAYS[1]), "ends only at"),
        (outcome(DAYS[2], DAYS[1], position=False, net_return=0.5), evening(DAYS[2]), "do not give"),
        ({"kind": "decision", "agent": "", "symbol": "SPY", "day": ""}, evening(DAYS[2]), "can't be read"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_found_although_its_hash_is_right(
    facts: dict[str, Any], written_at: dt.datetime, reason: str
) -> None:
    broken = find_break([*RECORD, link(facts, 6, RECORD[-1].hash, written_at)])
    assert broken is not None
    assert broken.number == 6
    assert reason in broken.reason
