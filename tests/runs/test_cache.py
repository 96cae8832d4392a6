"""The cache: contents come back as they were or not at all, and what nobody uses goes."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.runs.cache import Cache, DamagedError, program_digest

DAY = 86_400.0


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def files(cache: Cache) -> list[Path]:
    return [path for path in cache.folder.rglob("*") if path.is_file()]


def grow_old(path: Path, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def test_contents_come_back(cache: Cache) -> None:
    found = cache.put(b"tree")
    assert cache.put(b"tree") == found
    assert cache.get(found) == b"tree"
    assert cache.has(found)
    assert len(files(cache)) == 1
    with pytest.raises(DamagedError):
        cache.get("0" * 64)


@pytest.mark.parametrize("damage", [b"", b"tre", b"tree!", b"\0\0\0\0"])
def test_damage_is_seen_and_removed(cache: Cache, tmp_path: Path, damage: bytes) -> None:
    found = cache.put(b"tree")
    for take in (cache.get, lambda digest: cache.take_file(digest, tmp_path / "taken")):
        (path,) = files(cache)
        path.write_bytes(damage)
        with pytest.raises(DamagedError):
            take(found)
        assert not cache.has(found)
        assert cache.put(b"tree") == found
    assert not (tmp_path / "taken").exists()


def test_entries_are_replaced_whole_and_damaged_ones_are_none(cache: Cache) -> None:
    cache.keep("trees", ["a", 1], {"object": "x"})
    cache.keep("trees", ["a", 1], {"object": "y"})
    assert cache.find("trees", ["a", 1]) == {"object": "y"}
    assert cache.find("trees", ["a", 2]) is cache.find("backtests", ["a", 1]) is None
    for damage in (b"", b'{"object"', b"[1]", b"\xff"):
        files(cache)[0].write_bytes(damage)
        assert cache.find("trees", ["a", 1]) is None


@given(st.text())
def test_no_name_in_the_cache_comes_from_outside(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    cache = Cache(folder / "cache")
    cache.keep("trees", ["../../etc", text], {"name": text})
    assert cache.find("trees", ["../../etc", text]) == {"name": text}
    (path,) = files(cache)
    assert set(path.stem) <= set("0123456789abcdef")
    assert path.is_relative_to(cache.folder)


def test_files_are_shared_and_a_change_of_one_is_seen(cache: Cache, tmp_path: Path) -> None:
    made = tmp_path / "records.npz"
    made.write_bytes(b"records")
    found = cache.put_file(made)
    taken = tmp_path / "other run" / "records.npz"
    cache.take_file(found, taken)
    cache.take_file(found, taken)
    assert taken.samefile(made)
    assert sorted(path.name for path in taken.parent.iterdir()) == ["records.npz"], "no leftovers"
    made.write_bytes(b"changed")
    with pytest.raises(DamagedError):
        cache.take_file(found, taken)
    assert not cache.has(found)


def test_what_is_not_used_is_removed(cache: Cache) -> None:
    used, unused = cache.put(b"used"), cache.put(b"unused")
    cache.keep("trees", "used", {})
    cache.keep("trees", "unused", {})
    leftover = cache.folder / "objects" / "00" / ".killed"
    leftover.parent.mkdir(parents=True, exist_ok=True)
    leftover.write_bytes(b"half")
    for path in files(cache):
        grow_old(path, 31)
    assert cache.has(used)
    assert cache.find("trees", "used") == {}
    assert cache.remove_unused(30) == 3
    assert cache.has(used) and not cache.has(unused)
    assert cache.find("trees", "used") == {} and cache.find("trees", "unused") is None
    assert Cache(cache.folder / "none").remove_unused(30) == 0


def test_many_writers_and_removers_at_once(cache: Cache) -> None:
    def work(number: int) -> None:
        for i in range(40):
            cache.keep("trees", i, {"object": cache.put(f"{i}".encode())})
            entry = cache.find("trees", (i + number) % 40)
            if entry is not None:
                assert cache.get(entry["object"]) == f"{(i + number) % 40}".encode()
            cache.remove_unused(30)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(files(cache)) == 80


def test_the_program_has_one_digest() -> None:
    assert len(program_digest()) == 64
