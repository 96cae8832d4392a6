"""One archive: a folder of Parquet files and a manifest, written, verified and read back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.features import STATE_NAMES
from rlpretrain.patterns.store import schema
from rlpretrain.patterns.store.columns import Columns, memory_type
from rlpretrain.patterns.store.digests import RowsDigest
from rlpretrain.runs.files import file_sha256, write_json
from rlpretrain.runs.full_disk import naming_full_disks

__all__ = ["Manifest", "read_manifest", "read_rows", "write_archive"]

MANIFEST = "manifest.json"
_FILE_ROWS = 1 << 20
_FORMAT = 1
_STATE = np.dtype("V256")
_COLUMNS = [c for c in schema.patterns.columns if c.name not in ("collection_id", "asset_id", "state")]
_ENCODING = {"use_dictionary": ["asset"], "use_byte_stream_split": [f"state_{name}" for name in STATE_NAMES]}


@dataclass(frozen=True)
class Manifest:
    """What an archive contains."""

    name: str
    collection: str
    """Digest of the settings and sources that its patterns were mined with."""
    settings: dict[str, Any]
    schema: str
    """Revision of the store's tables."""
    rows: int
    first_date: str
    last_date: str
    first_revision: int
    last_revision: int
    digest: str
    """SHA-256 of the rows."""
    files: list[dict[str, Any]]
    """`name`, `rows` and `sha256` of each file."""
    format: int = _FORMAT


@naming_full_disks()
def write_archive(folder: Path, parts: Iterable[Columns], described: dict[str, Any]) -> Manifest:
    """Write rows, read them back, and write the manifest last: a folder without one is not an archive.

    Parameters
    ----------
    folder
        Folder to create; it must not exist.
    parts
        Columns of ``patterns`` without `collection_id`, and with the text `asset` for `asset_id`.
    described
        `name`, `collection`, `settings` and `schema` of the manifest.

    Raises
    ------
    DataError
        The rows that were read back differ from those that were written.
    DiskFullError
        The disk is full.
    """
    folder.mkdir(parents=True)
    digest, dates, since, until = RowsDigest(), set[str](), set[int](), set[int]()
    writer: pq.ParquetWriter | None = None
    names: list[str] = []
    rows = _FILE_ROWS
    for part in parts:
        if not len(part["date"]):
            continue
        digest.add(part)
        dates |= {str(part["date"].min()), str(part["date"].max())}
        since.add(int(part["since"].min()))
        until.add(int(part["until"].max()))
        table = _table(part)
        if rows + len(table) > _FILE_ROWS:
            if writer is not None:
                writer.close()
            names.append(f"patterns-{len(names):04d}.parquet")
            writer = pq.ParquetWriter(folder / names[-1], table.schema, compression="zstd", **_ENCODING)
            rows = 0
        assert writer is not None  # noqa: S101 - the first part opens a file
        writer.write_table(table)
        rows += len(table)
    if writer is None:
        raise DataError(f"{folder}: there is nothing to archive")
    writer.close()
    manifest = Manifest(
        **described,
        rows=digest.rows,
        first_date=min(dates),
        last_date=max(dates),
        first_revision=min(since),
        last_revision=max(until) - 1,
        digest=digest.hexdigest(),
        files=[_describe(folder / name) for name in names],
    )
    _verify(folder, manifest)
    write_json(folder / MANIFEST, asdict(manifest))
    _flush(folder)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Read an archive's manifest.

    Raises
    ------
    DataError
        There is no archive, or it has another format.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {error}", hint="is --archive the right folder?") from None
    if manifest.format != _FORMAT:
        raise DataError(f"{path} has format {manifest.format}, but this version reads format {_FORMAT}")
    return manifest


def read_rows(folder: Path, manifest: Manifest) -> Iterator[Columns]:
    """Read an archive's rows in the form in which `write_archive` takes them.

    Raises
    ------
    DataError
        A file is missing or damaged, or the rows are not those of the manifest.
    """
    digest = RowsDigest()
    for file in manifest.files:
        path = folder / file["name"]
        if not path.is_file() or file_sha256(path) != file["sha256"]:
            raise DataError(f"{path} is missing or was changed after it was archived")
        with pq.ParquetFile(path) as opened:
            for group in range(opened.num_row_groups):
                part = _columns(opened.read_row_group(group))
                digest.add(part)
                yield part
    if digest.rows != manifest.rows or digest.hexdigest() != manifest.digest:
        raise DataError(f"{folder}: the files contain other rows than the manifest records")


def _verify(folder: Path, manifest: Manifest) -> None:
    for _ in read_rows(folder, manifest):
        pass


def _describe(path: Path) -> dict[str, Any]:
    _flush(path)
    return {"name": path.name, "rows": pq.read_metadata(path).num_rows, "sha256": file_sha256(path)}


def _flush(path: Path) -> None:
    """Flush a file or folder to the disk, because the store is about to delete its rows."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _table(part: Columns) -> pa.Table:
    states = np.ascontiguousarray(part["state"]).view("<f4").reshape(-1, len(STATE_NAMES))
    arrays = {"asset": pa.array(part["asset"], type=pa.string())}
    arrays |= {column.name: pa.array(part[column.name]) for column in _COLUMNS}
    arrays |= {
        f"state_{name}": pa.array(np.ascontiguousarray(states[:, i])) for i, name in enumerate(STATE_NAMES)
    }
    return pa.table(arrays)


def _columns(table: pa.Table) -> Columns:
    columns: Columns = {
        column.name: table[column.name].to_numpy().astype(memory_type(column)) for column in _COLUMNS
    }
    # By position, because an archive of another version may have other names.
    numbers: list[NDArray[Any]] = [
        table.column(i).to_numpy() for i in range(1 + len(_COLUMNS), table.num_columns)
    ]
    state = np.ascontiguousarray(np.stack(numbers, axis=1), dtype="<f4").view(_STATE)[:, 0]
    return columns | {"asset": np.array(table["asset"].to_pylist(), dtype=np.str_), "state": state}
