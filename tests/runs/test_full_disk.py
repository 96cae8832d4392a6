"""A full disk: one message whatever was writing; old files stay whole, and nothing half-written is left."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure
from sqlalchemy import text

from rlpretrain.errors import DiskFullError, RlpretrainError
from rlpretrain.patterns.array_files import save_arrays
from rlpretrain.patterns.store.connection import connect, store_url, writing
from rlpretrain.pretraining.placebo import move_prices
from rlpretrain.pretraining.tensor_files import write_tensors
from rlpretrain.runs.cache import Cache
from rlpretrain.runs.files import atomic_path, write_json
from rlpretrain.runs.full_disk import is_full, naming_full_disks
from rlpretrain.runs.temporaries import remove_dead, temporary_beside
from tests.pretraining.conftest import make_dataset

NUMBERS = np.random.default_rng(0).random(100_000)
BYTES = NUMBERS.tobytes()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of its own, of a quarter of a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a disk; the limit on the size of files is tested below")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def small_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write_text(path: Path) -> None:
    write_json(path, BYTES.hex())


def write_parquet(path: Path) -> None:
    with atomic_path(path) as temporary:
        pq.write_table(pa.table({"number": NUMBERS}), temporary)


def draw(path: Path) -> None:
    figure = Figure(figsize=(4, 4), dpi=100)
    figure.figimage(np.random.default_rng(0).random((300, 400, 3)), resize=True)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100)


def write_cache(path: Path) -> None:
    Cache(path.parent / "cache").put(BYTES)


def write_cache_entry(path: Path) -> None:
    Cache(path.parent / "cache").keep("kind", "key", {"value": BYTES.hex()})


def write_map(path: Path) -> None:
    data = make_dataset(2_000, 0)
    states = np.memmap(path.parents[1] / "states", np.float32, mode="w+", shape=(5_000, 64))
    wide = type(data)(**{**vars(data.take(np.arange(5_000) % 2_000)), "states": states})
    move_prices(wide, 0.3, path.parent)


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "JSON": ("file.json", write_text),
    "arrays": ("file.npz", lambda path: save_arrays(path, {"numbers": NUMBERS})),
    "tensors": ("file.pt", lambda path: write_tensors(path, {"numbers": BYTES})),
    "Parquet": ("file.parquet", write_parquet),
    "a picture": ("file.png", draw),
    "a file in the cache": ("file", write_cache),
    "an entry of the cache": ("file", write_cache_entry),
    "a map of moved states": ("file", write_map),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_it_is_said_and_nothing_else_changes(writer: str, disk: Path) -> None:
    name, write = WRITERS[writer]
    (disk / name).write_text("old")
    with pytest.raises(
        DiskFullError, match=r"the disk is full: \S*/disk/.* can't be written: .*free some space"
    ):
        write(disk / name)
    assert (disk / name).read_text() == "old"
    assert [path for path in disk.rglob("*") if path.is_file()] == [disk / name]


def test_a_limit_on_the_size_of_files_is_like_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text("old")
    with small_files(), pytest.raises(DiskFullError, match=r"file\.json can't be written"):
        write_text(tmp_path / "file.json")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_copy_into_the_cache(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "chunk").write_bytes(BYTES)
    with pytest.raises(DiskFullError, match="can't be written"):
        Cache(disk / "cache").put_file(tmp_path / "chunk")
    assert not [path for path in disk.rglob("*") if path.is_file()]


def test_a_store_undoes_the_transaction(disk: Path) -> None:
    engine = connect(store_url(f"sqlite:///{disk}/store.db"))
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE numbers (number BLOB)"))
        connection.execute(text("INSERT INTO numbers VALUES (1)"))
    with (
        pytest.raises(DiskFullError, match=r"disk is full: pattern store .*free some space"),
        writing(engine) as it,
    ):
        it.execute(text("INSERT INTO numbers VALUES (:number)"), {"number": BYTES})
    engine.dispose()
    engine = connect(store_url(f"sqlite:///{disk}/store.db"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT number FROM numbers")).all() == [(1,)]
    engine.dispose()


@pytest.mark.parametrize("free", [0, 8_192, 40_960])
def test_a_store_that_finds_no_room_for_its_files(free: int, disk: Path) -> None:
    (disk / "filler").write_bytes(bytes(256 * 1024 - free))
    with (
        pytest.raises(DiskFullError, match=r"disk is full: pattern store .*free some space"),
        writing(connect(store_url(f"sqlite:///{disk}/store.db"))) as connection,
    ):
        connection.execute(text("CREATE TABLE numbers (number BLOB)"))


def test_other_failures_stay_what_they_are() -> None:
    with pytest.raises(PermissionError), naming_full_disks():
        raise PermissionError
    with pytest.raises(RlpretrainError, match="own"), naming_full_disks():
        raise RlpretrainError("own") from OSError(28, "No space left on device")
    assert not is_full(ValueError())


def test_only_files_without_a_writer_are_removed(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    with temporary_beside(tmp_path / "deep/model.pt") as alive:
        child = os.fork()
        if not child:  # It dies without a chance to remove its file.
            with temporary_beside(tmp_path / "deep/model.pt") as dead:
                dead.write_text("half")
                os.kill(os.getpid(), 9)
        os.waitpid(child, 0)
        assert len(list((tmp_path / "deep").iterdir())) == 2
        assert remove_dead(tmp_path) == 1
        assert list((tmp_path / "deep").iterdir()) == [alive]
    assert not list((tmp_path / "deep").iterdir())
