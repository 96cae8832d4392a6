"""Files that appear whole or not at all, and their hashes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlpretrain.runs.full_disk import naming_full_disks
from rlpretrain.runs.temporaries import temporary_beside

__all__ = ["atomic_path", "file_sha256", "write_json"]

_UMASK = os.umask(0)
"""Of this process. It can be read only by setting it, which is safe now, while no other thread creates files."""
os.umask(_UMASK)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path` that replaces it if the block succeeds, and is removed if it fails.

    Raises
    ------
    DiskFullError
        The disk is full; the old file stays as it is.
    """
    with naming_full_disks(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_beside(path) as temporary:
            yield temporary
            temporary.chmod(0o666 & ~_UMASK)
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys: equal values give equal bytes."""
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n",
            encoding="utf-8",
            errors="backslashreplace",  # an unpaired surrogate, as JSON escapes it
        )


def file_sha256(path: Path) -> str:
    """Hash a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
