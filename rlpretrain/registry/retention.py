"""Which folders of old runs may be removed, and how."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path

from rlpretrain.registry import Registry
from rlpretrain.runs.output_folder import LEAVING, find_runs

__all__ = ["RemovedRuns", "remove_old_runs"]


@dataclass(frozen=True)
class RemovedRuns:
    """What was removed, or would be removed."""

    runs: tuple[str, ...]
    kept: int
    bytes: int


def remove_old_runs(
    output_dir: Path, *, keep: int, before: dt.datetime, dry_run: bool = False
) -> RemovedRuns:
    """Remove folders of runs that are no longer needed.

    The following are kept: the champion's run, runs whose agent waits for approval, the `keep` newest runs, and every
    run that wrote anything since `before`, which includes those under way. The registry has copies of all agents, so
    none is lost. A folder is renamed before it is removed: a killed removal leaves no half of a run, and the next call
    finishes it. A folder without its own mark as a run, such as the registry or an unrelated folder, is never touched.

    Parameters
    ----------
    output_dir
        The folder that contains the runs' folders.
    keep
        Number of newest runs that are kept, however old.
    before
        A time with a time zone.
    dry_run
        Whether to report only and remove nothing.
    """
    if not dry_run:
        for leftover in output_dir.glob(f"{LEAVING}*"):
            shutil.rmtree(leftover)
    written = {run.path: _last_written(run.path) for run in find_runs(output_dir)}
    newest_first = sorted(written, key=lambda folder: (written[folder], folder.name), reverse=True)
    needed = _needed(output_dir)
    old = [
        folder
        for folder in newest_first[keep:]
        if folder.name not in needed and written[folder] < before.timestamp()
    ]
    size = sum(_bytes(folder) for folder in old)
    if not dry_run:
        for folder in old:
            leaving = folder.with_name(f"{LEAVING}{folder.name}")
            folder.rename(leaving)
            shutil.rmtree(leaving)
    return RemovedRuns(tuple(sorted(folder.name for folder in old)), len(written) - len(old), size)


def _needed(output_dir: Path) -> set[str]:
    registry = Registry(output_dir)
    return {
        version.run_id
        for version in registry.versions()
        if registry.standing(version.version) in ("champion", "waiting")
    }


def _last_written(folder: Path) -> float:
    """Return the time of the newest file; links to the cache keep the times of the runs that made them."""
    return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))


def _bytes(folder: Path) -> int:
    """Count the bytes that removing a folder frees: those of files that the cache or another run links to remain."""
    files = (path.stat() for path in folder.rglob("*") if path.is_file())
    return sum(file.st_size for file in files if file.st_nlink == 1)
