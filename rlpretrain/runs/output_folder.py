"""The folder of all runs, ``output_dir``: what it contains, and which of its folders are runs.

In addition to one folder for each run, it contains what runs share, under fixed names, and what is being created or
removed, under names that start with a dot. A run's folder marks itself: the first file in it, ``run.json``, names the
run and the folder.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlpretrain.errors import StageError
from rlpretrain.runs.distinct_names import distinct_name

__all__ = [
    "ARCHIVE",
    "CACHE",
    "LEAVING",
    "MARK",
    "REGISTRY",
    "SHARED",
    "MarkedRun",
    "find_run",
    "find_runs",
    "mark_of",
    "read_mark",
    "run_folder_name",
]

CACHE, ARCHIVE, REGISTRY = "cache", "archive", "registry"
SHARED = frozenset({CACHE, ARCHIVE, REGISTRY})
"""Folders that runs share; no run's folder has such a name."""
LEAVING = ".removing-"
"""What the name of a run's folder starts with while it is removed."""
MARK = "run.json"
_FORMAT = 1


@dataclass(frozen=True)
class MarkedRun:
    """A run that has a folder."""

    run_id: str
    """The id as given by Airflow or the user."""
    path: Path


def run_folder_name(run_id: str) -> str:
    """Return the name of a run's folder: its id if possible, and never the name of another run or a shared folder."""
    return distinct_name(run_id, SHARED)


def mark_of(run_id: str) -> dict[str, Any]:
    """Return the content of the mark of a run's folder."""
    return {"format": _FORMAT, "run_id": run_id, "folder": run_folder_name(run_id)}


def read_mark(folder: Path) -> str | None:
    """Return the id of the run whose folder this is; None if it is not a run's folder.

    A mark that was copied, renamed or written for another folder does not count, and neither does a link.
    """
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            return None
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    run_id = mark.get("run_id") if isinstance(mark, Mapping) else None
    fits = isinstance(run_id, str) and mark == mark_of(run_id) and mark["folder"] == folder.name
    return run_id if fits else None


def find_runs(output_dir: Path) -> list[MarkedRun]:
    """List the runs that have a folder, in no particular order."""
    try:
        folders = list(output_dir.iterdir())
    except OSError:
        return []
    return [MarkedRun(run_id, folder) for folder in folders if (run_id := read_mark(folder)) is not None]


def find_run(output_dir: Path, name: str) -> MarkedRun:
    """Find the run with this id or, if no run has that id, with this folder name.

    Raises
    ------
    StageError
        There is no such run.
    """
    by_folder = {run.path.name: run for run in find_runs(output_dir)}
    found = by_folder.get(run_folder_name(name)) or by_folder.get(name)
    if found is None:
        raise StageError(f"{output_dir} contains no run {name!r}", hint="run `rlpretrain extract` first")
    return found
