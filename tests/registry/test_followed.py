"""Who is followed: the champion, who waits, and the newest; the same again after others have run."""

from __future__ import annotations

from pathlib import Path

from rlpretrain.registry import Registry
from rlpretrain.registry.followed import NEWEST, followed, waiting
from tests.registry.building import decision, registered


def decided(registry: Registry, run_id: str, verdict: str) -> int:
    version = registered(registry, run_id).version
    champion = registry.champion()
    against = None if champion is None else champion.version
    registry.decide(version, against, lambda n: decision(verdict, champion=against, trials=n))
    return version


def test_champion_who_waits_and_the_newest_are_followed_and_later_ones_are_not(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    first = decided(registry, "first", "promote")
    registry.promote(first, by="rule", reason="won", instead_of=None)
    waits = decided(registry, "waits", "promote")
    others = [decided(registry, f"night {i}", "keep") for i in range(NEWEST + 2)]
    found = [(version.version, role) for version, role in followed(registry, others[-1])]
    assert found == [
        (first, "champion"),
        (waits, "challenger"),
        *((number, "challenger") for number in others[-NEWEST:]),
    ]
    assert [version.version for version in waiting(registry, others[-1])] == [waits]
    decided(registry, "later", "promote")
    assert [(version.version, role) for version, role in followed(registry, others[-1])] == found


def test_a_run_that_has_promoted_its_agent_follows_whom_it_followed_before(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    first = decided(registry, "first", "promote")
    registry.promote(first, by="rule", reason="won", instead_of=None)
    own = decided(registry, "own", "promote")
    before = [(version.version, role) for version, role in followed(registry, own)]
    registry.promote(own, by="rule", reason="won", instead_of=first)
    assert [(version.version, role) for version, role in followed(registry, own)] == before
    assert before == [(first, "champion"), (own, "challenger")]


def test_who_won_against_a_former_champion_does_not_wait(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    stale = decided(registry, "stale", "promote")
    first = decided(registry, "first", "promote")
    registry.promote(first, by="rule", reason="won", instead_of=None)
    own = decided(registry, "own", "keep")
    assert registry.standing(stale) == "waiting"
    assert waiting(registry, own) == []
