"""What a strategy was at each close, from lists of versions in any state."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.composer import SymphonyVersion, VersionList
from rlpretrain.library.history import (
    Remark,
    StrategyHistory,
    VersionTree,
    build_history,
    count_remarks,
    place_versions,
    remark_last_edit,
)
from rlpretrain.market import first_close_after

NEW_YORK = ZoneInfo("America/New_York")
NOW = dt.datetime(2024, 6, 28, 12, tzinfo=dt.UTC)


def at(text: str) -> dt.datetime:
    """Return a time in New York as UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(dt.UTC)


def versions(**saved: str) -> VersionList:
    return VersionList(tuple(SymphonyVersion(name, at(text)) for name, text in saved.items()))


def known(*names: str) -> dict[str, VersionTree]:
    return {name: VersionTree(f"tree of {name}", f"hash of {name}") for name in names}


def history(listed: VersionList, **trees: VersionTree) -> StrategyHistory:
    placed, remarks = place_versions(listed, NOW)
    names = [one.version.version_id for one in placed]
    return build_history("s", placed, {**known(*names), **trees}, remarks)


def kinds(found: StrategyHistory) -> Counter[str]:
    return Counter(remark.kind for remark in found.remarks)


def test_a_version_is_the_strategy_from_the_first_close_after_it_was_saved() -> None:
    found = history(versions(a="2024-03-07T15:59", b="2024-03-11T16:00"))
    on = {
        day: found.at(dt.date.fromisoformat(day))
        for day in ("2024-03-06", "2024-03-07", "2024-03-11", "2024-03-12")
    }
    assert on["2024-03-06"] is None
    assert [version and version.version_id for version in on.values()] == [None, "a", "a", "b"]
    last = found.at(dt.date(2030, 1, 1))
    assert last is not None and last.version_id == "b" and last.tree == "tree of b"
    assert found.remarks == ()


def test_of_many_versions_in_a_day_the_last_one_before_the_close_counts() -> None:
    minutes = {f"v{n:03}": f"2024-03-07T{9 + n // 60:02}:{n % 60:02}" for n in range(420)}  # 9:00 to 15:59
    found = history(versions(**minutes, evening="2024-03-07T20:00"))
    assert [version.version_id for version in found.versions] == ["v419", "evening"]
    assert kinds(found) == {"replaced": 419}


def test_times_that_cannot_be_reject_the_version_alone() -> None:
    early = SymphonyVersion("null", dt.datetime.fromtimestamp(0, dt.UTC))
    future = SymphonyVersion("tomorrow", NOW + dt.timedelta(days=1))
    skewed = SymphonyVersion("ahead", NOW + dt.timedelta(minutes=4))
    listed = VersionList((early, future, skewed, *versions(a="2024-03-07T10:00").versions), ("row 9: bad",))
    found = history(listed)
    assert [version.version_id for version in found.versions] == ["a", "ahead"]
    assert kinds(found) == {"too early": 1, "future": 1, "unreadable": 1}


def test_a_version_that_is_listed_twice_existed_from_the_later_time_on() -> None:
    twice = (
        *versions(a="2024-03-05T10:00").versions,
        *versions(a="2024-03-07T10:00", b="2024-03-06T10:00").versions,
    )
    found = history(VersionList(twice))
    assert [(v.version_id, str(v.first_close)) for v in found.versions] == [
        ("b", "2024-03-06"),
        ("a", "2024-03-07"),
    ]
    assert kinds(found) == {"repeated": 1}


def test_versions_of_one_moment_are_remarked() -> None:
    found = history(versions(b="2024-03-05T10:00", a="2024-03-05T10:00"))
    assert [version.version_id for version in found.versions] == ["b"]
    assert kinds(found) == {"same time": 1, "replaced": 1}


def test_without_its_tree_a_version_is_nothing_known_until_the_next() -> None:
    listed = versions(a="2024-03-05T10:00", b="2024-03-06T10:00", c="2024-03-08T10:00", d="2024-03-11T10:00")
    missing = VersionTree(remark=Remark("no tree", "b"))
    broken = VersionTree("tree of c", remark=Remark("not parsed", "c"))
    found = history(listed, b=missing, c=broken)
    hashes = [(str(version.first_close), version.content_hash) for version in found.versions]
    assert hashes == [
        ("2024-03-05", "hash of a"),
        ("2024-03-06", None),
        ("2024-03-08", None),
        ("2024-03-11", "hash of d"),
    ]
    assert kinds(found) == {"no tree": 1, "not parsed": 1}
    assert count_remarks([found, found]) == {"no tree": 2, "not parsed": 2}
    # If nothing is known at all, the caller falls back to the last edit.
    assert history(listed, **dict.fromkeys("abcd", missing)).versions == ()


def test_a_version_that_does_the_same_changes_nothing() -> None:
    listed = versions(a="2024-03-05T10:00", b="2024-03-06T10:00", c="2024-03-08T10:00")
    found = history(listed, b=VersionTree("another tree", "hash of a"))
    assert [version.version_id for version in found.versions] == ["a", "c"]
    assert kinds(found) == {"unchanged": 1}


@pytest.mark.parametrize(("edited", "missing"), [("2024-03-07T18:00", 0), ("2024-03-09T10:01", 1)])
def test_a_last_edit_that_no_version_has_is_remarked(edited: str, missing: int) -> None:
    placed, _ = place_versions(versions(b="2024-03-08T10:00", a="2024-03-01T10:00"), NOW)
    assert len(remark_last_edit(placed, at(edited))) == missing
    assert remark_last_edit((), at(edited)) == ()


MOMENTS = st.one_of(
    st.integers(1_700_000_000, 1_722_000_000).map(lambda second: dt.datetime.fromtimestamp(second, dt.UTC)),
    st.builds(
        lambda day, seconds: at("2024-03-07T16:00") + dt.timedelta(days=day, seconds=seconds),
        st.integers(-10, 10),
        st.integers(-1, 1),
    ),
    st.sampled_from([dt.datetime.fromtimestamp(0, dt.UTC), NOW]),
)
LISTS = st.lists(st.builds(SymphonyVersion, st.sampled_from("abcdefghijkl"), MOMENTS), max_size=30)


@given(LISTS, st.randoms(use_true_random=False))
def test_the_order_of_the_list_means_nothing(listed: list[SymphonyVersion], order: random.Random) -> None:
    shuffled = order.sample(listed, len(listed))
    assert history(VersionList(tuple(listed))) == history(VersionList(tuple(shuffled)))


@given(LISTS)
def test_on_each_day_the_strategy_is_the_last_version_saved_before_the_close(
    listed: list[SymphonyVersion],
) -> None:
    found = history(VersionList(tuple(listed)))
    days = [version.first_close for version in found.versions]
    assert days == sorted(set(days))
    believed: dict[str, dt.datetime] = {}
    for version in listed:
        if dt.datetime(2010, 1, 1, tzinfo=dt.UTC) <= version.created_at <= NOW + dt.timedelta(minutes=5):
            latest = max(version.created_at, believed.get(version.version_id, version.created_at))
            believed[version.version_id] = latest
    first = dt.date(2023, 11, 1)
    for offset in range(0, 300, 7):
        for day in (first + dt.timedelta(days=offset), dt.date(2024, 3, 6), dt.date(2024, 3, 7)):
            existing = [
                (moment, name) for name, moment in believed.items() if first_close_after(moment) <= day
            ]
            version = found.at(day)
            assert (version and (version.created_at, version.version_id)) == max(existing, default=None)


@given(LISTS, LISTS)
def test_later_versions_change_no_earlier_day(
    before: list[SymphonyVersion], after: list[SymphonyVersion]
) -> None:
    day = dt.date(2024, 3, 7)
    early = [version for version in before if first_close_after(version.created_at) <= day]
    names = {version.version_id for version in early}
    late = [
        version
        for version in after
        if first_close_after(version.created_at) > day and version.version_id not in names
    ]
    assert history(VersionList(tuple(early))).at(day) == history(VersionList((*early, *late))).at(day)
