"""What is said when a disk is full, by whatever writer and library."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlpretrain.errors import DiskFullError, RlpretrainError

__all__ = ["is_full", "naming_full_disks"]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""The disk, a quota, and a limit of a process or a file system on the size of files."""


@contextmanager
def naming_full_disks(path: Path | None = None) -> Iterator[None]:
    """Raise an error that names the disk where the block fails for lack of room, and any other failure as it is.

    Parameters
    ----------
    path
        What is written; the system's error may name it if None.

    Raises
    ------
    DiskFullError
        The disk is full, or a quota or a limit on the size of files is reached.
    """
    try:
        yield
    except RlpretrainError:
        raise
    except Exception as error:
        if not is_full(error):
            raise
        named = path or getattr(error, "filename", None)
        reason = getattr(error, "strerror", None) or str(error)
        raise DiskFullError(
            f"the disk is full: {named} can't be written: {reason}"
            if named
            else f"the disk is full: {reason}",
            hint="free some space and run the same command again; what has finished is not repeated",
        ) from error


def is_full(error: BaseException) -> bool:
    """Return whether an error, or one that caused it, says that a disk has no room."""
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen:
        if isinstance(at, OSError) and at.errno in _NO_ROOM:
            return True
        if isinstance(at, sqlite3.Error) and getattr(at, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return True
        seen.append(at)
        at = at.__cause__ or at.__context__
    return False
