"""Temporary files next to those that they replace, and the removal of those whose writers have died.

A writer holds a lock on its file. The system releases it when the writer ends, however it ends, on whatever host or in
whatever container; so a file that another process can lock has no writer.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["remove_dead", "temporary_beside"]

_OURS = re.compile(r"\..+\.[a-z0-9_]{8}\.part(\.[^.]*)?")


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Yield an empty file in the folder of `path`, with its suffix, that this process has locked; remove it at last."""
    handle, temporary = _create(path)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


def remove_dead(folder: Path) -> int:
    """Remove temporary files of dead writers from a folder and the folders in it; return how many there were.

    Where a file system has no locks, nothing is removed.
    """
    removed = 0
    for path in folder.rglob(".*.part*"):
        if not _OURS.fullmatch(path.name):
            continue
        with suppress(OSError):  # It has a writer, or another process has just removed it.
            handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed += 1
            finally:
                os.close(handle)
    return removed


def _create(path: Path) -> tuple[int, Path]:
    while True:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=f".part{path.suffix}", dir=path.parent
        )
        with suppress(OSError):  # Some network file systems have no locks.
            fcntl.flock(handle, fcntl.LOCK_EX)
        # Between the two, another process could lock the file, and has then removed it.
        if os.path.exists(name):  # noqa: PTH110 - the name of a file, as mkstemp returns it
            return handle, Path(name)
        os.close(handle)
