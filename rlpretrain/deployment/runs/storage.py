"""Copies of finished runs on object storage, as a backup and for continuing on another machine.

Stages work on a file system that all workers see. A finished run is copied through Airflow's `ObjectStoragePath`, so
any store that Airflow has a connection for will do: ``s3://connection@bucket/runs``, ``gs://...``, ``file:///mnt/runs``.

``python -m rlpretrain.deployment.runs.storage RUN`` restores a run to ``RLPRETRAIN_OUTPUT_DIR``.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from airflow.sdk import ObjectStoragePath

from rlpretrain.errors import DataError, RlpretrainError, SettingsError
from rlpretrain.runs.files import file_sha256
from rlpretrain.runs.output_folder import MARK, read_mark, run_folder_name
from rlpretrain.settings import load_config

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "restore_run", "store_run"]

INVENTORY = "inventory.json"
"""Written last: a copy without it is incomplete."""


def store_run(folder: Path, storage: str) -> str:
    """Copy a run's folder, except files that the copy already contains; return the copy's address.

    Parameters
    ----------
    storage
        Root of all copies, in the form that `ObjectStoragePath` takes.
    """
    copy = ObjectStoragePath(storage) / folder.name
    known = _inventory(copy)
    files = {
        str(path.relative_to(folder)): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }
    for name, digest in files.items():
        if known.get(name) != digest:
            with (folder / name).open("rb") as source, _open(copy / name, "wb") as target:
                shutil.copyfileobj(source, target)
    with _open(copy / INVENTORY, "w") as target:
        json.dump({"files": files}, target, indent=2, sort_keys=True)
    return str(copy)


def restore_run(run: str, storage: str, output_dir: Path) -> Path:
    """Restore a run to the folder of all runs; every file is checked by its hash.

    Parameters
    ----------
    run
        The run's id.

    Raises
    ------
    DataError
        There is no complete copy, one of its files was changed, it belongs to another run, or the run already exists.
    """
    name = run_folder_name(run)
    copy = ObjectStoragePath(storage) / name
    files = _inventory(copy)
    if not files:
        raise DataError(
            f"{copy} contains no complete copy of a run",
            hint=f"name the run by its id, which is in {MARK} of each copy",
        )
    if (output_dir / name).exists():
        raise DataError(f"{output_dir / name} already exists", hint="remove or rename it first")
    output_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=output_dir) as temporary:
        whole = Path(temporary, name)
        for file, digest in files.items():
            path = (whole / file).resolve()
            if not path.is_relative_to(whole.resolve()):
                raise DataError(f"{copy}: {file} is outside the run's folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            with _open(copy / file, "rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
            if file_sha256(path) != digest:
                raise DataError(f"{copy / file} was changed after it was copied")
        if read_mark(whole) != run:
            raise DataError(f"{copy / MARK} does not name run {run!r}")
        whole.rename(output_dir / name)
    return output_dir / name


def _inventory(copy: ObjectStoragePath) -> dict[str, str]:
    try:
        with _open(copy / INVENTORY, "r") as file:
            text = file.read()
    except FileNotFoundError:
        return {}
    try:
        files: dict[str, str] = json.loads(text)["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{copy / INVENTORY} is not an inventory: {error}") from None
    return files


def _open(path: ObjectStoragePath, mode: str) -> IO[Any]:
    # A file system needs its folders created; an object store has none.
    if path.protocol == "file" and "w" in mode:
        path.parent.mkdir(parents=True, exist_ok=True)
    encoding = None if "b" in mode else "utf-8"
    stream: IO[Any] = path.open(mode, encoding=encoding)  # type: ignore[no-untyped-call]
    return stream


def main(arguments: Sequence[str] | None = None) -> int:
    """Restore the named runs; return 0 for success, 1 for a failure, 2 for bad settings."""
    runs = list(sys.argv[1:] if arguments is None else arguments)
    try:
        config = load_config()
        if not runs or not config.runs_storage:
            raise SettingsError("name a run, and set RLPRETRAIN_RUNS_STORAGE to where the copies are")
        for run in runs:
            print(restore_run(run, config.runs_storage, config.output_dir))  # noqa: T201
    except RlpretrainError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2 if isinstance(error, SettingsError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
