"""Patterns leave the store for files and come back, whatever happens in between."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from rlpretrain.errors import DataError
from rlpretrain.patterns import PatternSet
from rlpretrain.patterns.archive import archive, compact, restore
from rlpretrain.patterns.archive import folder as archive_folder
from rlpretrain.patterns.store import PatternStore, bulk, open_store
from rlpretrain.patterns.store.schema import runs
from tests.conftest import PROJECT
from tests.patterns.building import random_patterns

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def _same(a: PatternSet, b: PatternSet) -> bool:
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))


def _rows(store: PatternStore) -> list[tuple[Any, ...]]:
    with store.engine.connect() as connection:
        return sorted(
            tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
            for row in connection.exec_driver_sql("SELECT * FROM patterns")
        )


def _fill(store: PatternStore, nights: int = 4) -> dict[str, PatternSet]:
    """Of two collections; night i was used i days after 2029."""
    written = {}
    for name in ("kept", "left"):
        for night in range(nights if name == "kept" else 2):
            patterns = random_patterns(600, night // 2).take(np.arange(400 + 50 * night))
            extraction = store.add_run(f"{name} {night}", {"market": night, "settings": name})
            store.add_patterns(extraction, patterns)
            written[extraction] = patterns
            _used(store, f"{name} {night}", dt.datetime(2029, 1, 1 + night, tzinfo=dt.UTC))
    return written


def _used(store: PatternStore, run: str, moment: dt.datetime) -> None:
    with store.engine.begin() as connection:
        connection.execute(runs.update().where(runs.c.run_id == run).values(used=moment))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ROWS", 64)
    monkeypatch.setattr(archive_folder, "_FILE_ROWS", 300)


def _day(number: int) -> dt.datetime:
    return dt.datetime(2029, 1, number, tzinfo=dt.UTC)


def test_everything_old_goes_and_comes_back_row_for_row(url: str, files: Path) -> None:
    with open_store(url) as store:
        written = _fill(store)
        before = _rows(store)
        gone = archive(store, files, NOW)
        assert gone.rows == gone.in_store_before == len(before) and gone.in_store == 0
        assert sum(one["rows"] for one in gone.archives) == len(before) and len(gone.archives) == 2
        with pytest.raises(DataError, match=r"archived.*restore --extraction"):
            store.patterns(next(iter(written)))
        back = restore(store, files)
        assert back.rows == back.in_store == len(before) and back.in_store_before == 0
        assert _rows(store) == before
        assert all(_same(store.patterns(name), patterns) for name, patterns in written.items())
        assert list(files.iterdir()) == []


def test_what_a_recent_run_uses_stays(url: str, files: Path) -> None:
    with open_store(url) as store:
        written = list(_fill(store).items())
        archive(store, files, _day(3))
        for number, (name, patterns) in enumerate(written):
            if number in (2, 3):
                assert _same(store.patterns(name), patterns)
            else:
                with pytest.raises(DataError, match="archived"):
                    store.patterns(name)
        stored = _rows(store)
        assert archive(store, files, _day(3)).rows == 0
        assert _rows(store) == stored
        old = written[1]
        restore(store, files, old[0][:16])
        assert _same(store.patterns(old[0]), old[1])
        with pytest.raises(DataError, match="no extractions"):
            restore(store, files, "zzz")


def test_nights_after_an_archive_are_right_and_so_is_what_comes_back(url: str, files: Path) -> None:
    with open_store(url) as store:
        written = _fill(store)
        archive(store, files, NOW)
        later = random_patterns(600, 1)
        extraction = store.add_run("later", {"market": "later", "settings": "kept"})
        store.add_patterns(extraction, later)
        assert _same(store.patterns(extraction), later)
        first = next(iter(written))
        store.add_patterns(first, written[first])  # The run of an archived extraction, once more.
        assert _same(store.patterns(first), written[first])
        restore(store, files)
        assert all(_same(store.patterns(name), p) for name, p in [*written.items(), (extraction, later)])


def test_what_a_killed_writer_left_does_not_count_beside_what_comes_back(url: str, files: Path) -> None:
    patterns = random_patterns(600, 1)

    def dying() -> Iterator[PatternSet]:
        yield patterns.take(np.arange(300))
        raise KeyboardInterrupt

    with open_store(url) as store:
        first, second = (store.add_run(name, {"market": name, "settings": 1}) for name in "ab")
        store.add_patterns(first, patterns)
        archive(store, files, NOW)
        with suppress(KeyboardInterrupt):
            store.add_patterns(second, dying())
        assert len(_rows(store)) > 0
        restore(store, files)
        store.add_patterns(second, patterns)
        assert all(_same(store.patterns(name), patterns) for name in (first, second))
        assert len(_rows(store)) == len(patterns)


def test_an_extraction_does_not_share_the_revision_of_an_archived_one(url: str, files: Path) -> None:
    patterns = random_patterns(600, 1)
    nights = {}
    with open_store(url) as store:
        for night in range(3):
            extraction = store.add_run(str(night), {"market": night, "settings": 1})
            nights[extraction] = patterns.take(np.arange(400 + 100 * night))
            store.add_patterns(extraction, nights[extraction])
            _used(store, str(night), _day(9) if night == 0 else _day(1))
        assert archive(store, files, _day(5)).rows == 200
        later = store.add_run("later", {"market": "as at first", "settings": 1})
        nights[later] = patterns.take(np.arange(400))
        store.add_patterns(later, nights[later])
        assert _same(store.patterns(later), nights[later])
        restore(store, files)
        assert all(_same(store.patterns(name), expected) for name, expected in nights.items())


def test_the_manifest_says_what_the_files_hold(url: str, files: Path) -> None:
    with open_store(url) as store:
        _fill(store)
        moved = archive(store, files, NOW)
    versions = PROJECT / "rlpretrain/patterns/migrations/versions"
    newest = max(path.name[1:5] for path in versions.glob("r*.py"))
    for one in moved.archives:
        place = files / one["name"]
        manifest = json.loads((place / "manifest.json").read_text())
        assert manifest["schema"] == newest and manifest["settings"] == {
            "settings": manifest["settings"]["settings"]
        }
        assert manifest["collection"] == one["collection"]
        tables = [pq.read_table(place / file["name"]) for file in manifest["files"]]
        assert len(tables) > 1 and sum(map(len, tables)) == manifest["rows"] == one["rows"]
        days = [str(day) for table in tables for day in table["date"].to_pylist()]
        assert (min(days), max(days)) == (manifest["first_date"], manifest["last_date"])
        for file in manifest["files"]:
            assert hashlib.sha256((place / file["name"]).read_bytes()).hexdigest() == file["sha256"]
            assert pq.ParquetFile(place / file["name"]).metadata.row_group(0).column(0).compression == "ZSTD"
        assert "state_volatility_20_250" in tables[0].column_names


def test_a_damaged_or_foreign_archive_changes_nothing(url: str, files: Path) -> None:
    with open_store(url) as store:
        _fill(store)
        archive(store, files, NOW)
        stored = _rows(store)
        with pytest.raises(DataError, match="right folder"):
            restore(store, files / "elsewhere")
        path = next(files.glob("*/*.parquet"))
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        with pytest.raises(DataError, match="changed after"):
            restore(store, files)
        with store.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM archives").scalar_one() >= 1
        assert [row for row in _rows(store) if row in stored] == stored


def test_small_archives_are_merged_and_space_comes_back(url: str, files: Path) -> None:
    with open_store(url) as store:
        written = _fill(store)
        before = _rows(store)
        for day in (2, 3, 4, 5):
            archive(store, files, _day(day))
        assert len(list(files.iterdir())) > 2
        done = compact(store, files, full=True)
        assert done.archives_before > done.archives == 2 == len(list(files.iterdir()))
        assert done.bytes < done.bytes_before
        again = compact(store, files)
        assert again.archives == 2
        restore(store, files)
        assert _rows(store) == before
        assert all(_same(store.patterns(name), patterns) for name, patterns in written.items())


@pytest.mark.parametrize("command", ["archive", "restore", "compact"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["_describe", "write_json", "delete", "rmtree"])
def test_stopped_at_any_step_and_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, when: str, step: str
) -> None:
    """The store and its archives together always hold every row once."""
    from rlpretrain.patterns.archive import moving, register

    owner = {
        "_describe": archive_folder,
        "write_json": archive_folder,
        "delete": moving,
        "rmtree": register.shutil,
    }
    files = tmp_path / "files"
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        written = _fill(store)
        before = _rows(store)
        if command != "archive":
            archive(store, files, _day(2))
            archive(store, files, _day(4))
        work = {
            "archive": lambda: archive(store, files, NOW),
            "restore": lambda: restore(store, files),
            "compact": lambda: compact(store, files),
        }[command]
        real = getattr(owner[step], step)

        def stop(*arguments: Any, **named: Any) -> Any:
            if when == "after":
                real(*arguments, **named)
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(owner[step], step, stop)
            with suppress(KeyboardInterrupt):
                work()
        work()
        restore(store, files)
        assert _rows(store) == before
        assert all(_same(store.patterns(name), patterns) for name, patterns in written.items())
        assert list(files.glob("*")) == []


MOVES = """
import datetime as dt, sys
from pathlib import Path
from rlpretrain.patterns.archive import archive, compact, restore
from rlpretrain.patterns.store import open_store
with open_store(sys.argv[1]) as store:
    print("open", flush=True)
    for day in range(2, 6):
        archive(store, Path(sys.argv[2]), dt.datetime(2029, 1, day, tzinfo=dt.UTC))
        compact(store, Path(sys.argv[2]))
    restore(store, Path(sys.argv[2]))
    archive(store, Path(sys.argv[2]), dt.datetime(2029, 1, 3, tzinfo=dt.UTC))
"""


@pytest.mark.slow
def test_killed_at_any_moment_no_row_is_lost_or_doubled(url: str, tmp_path: Path) -> None:
    files = tmp_path / "files"
    rng = np.random.default_rng(1)
    with open_store(url) as store:
        written = _fill(store)
        before = _rows(store)
        for _ in range(6):
            mover = subprocess.Popen(
                [sys.executable, "-c", MOVES, url, files],
                cwd=PROJECT,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert mover.stdout is not None
            mover.stdout.readline()
            time.sleep(float(rng.exponential(0.3)))
            mover.send_signal(signal.SIGKILL)
            mover.communicate()
        subprocess.run([sys.executable, "-c", MOVES, url, files], cwd=PROJECT, check=True)
        restore(store, files)
        assert _rows(store) == before
        assert all(_same(store.patterns(name), patterns) for name, patterns in written.items())
        assert list(files.glob("*")) == []
