"""The cache that nightly runs share, under ``<output_dir>/cache``.

``objects/`` contains files named by the SHA-256 of their content, ``entries/`` small JSON values named by the SHA-256
of a key. No name in it comes from outside. A file appears whole or not at all; a file that is damaged all the same (a
power cut, a manual edit) is recognised when it is read, and removed. Any number of processes may read and write.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rlpretrain.runs.files import atomic_path, file_sha256
from rlpretrain.runs.full_disk import naming_full_disks
from rlpretrain.table import installed_rows

__all__ = ["Cache", "DamagedError", "program_digest"]

_DAY = 86_400.0
"""Seconds in a day; use is recorded once a day, so that reading causes almost no writes."""
_HOUR = 3_600.0
"""Seconds after which a temporary file has no writer any more: each is written within a few."""


class DamagedError(Exception):
    """An object was missing or damaged; it has been removed, and may be created again."""


class Cache:
    """A folder of contents and entries.

    Parameters
    ----------
    folder
        Created when something is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, kind: str, key: Any) -> dict[str, Any] | None:
        """Return an entry's value; None if there is no such entry.

        Parameters
        ----------
        kind
            Name of a kind of entry: a plain word, chosen by the program.
        key
            A JSON value.
        """
        path = self._entry(kind, key)
        try:
            value = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        _note_use(path)
        return value if isinstance(value, dict) else None

    def keep(self, kind: str, key: Any, value: Mapping[str, Any]) -> None:
        """Set an entry's value."""
        with _appearing(self._entry(kind, key)) as temporary:
            temporary.write_text(json.dumps(value))

    def has(self, digest: str) -> bool:
        """Return whether an object exists; if so, it is not removed today."""
        return _note_use(self._object(digest))

    def put(self, content: bytes) -> str:
        """Store an object; return its digest."""
        digest = hashlib.sha256(content).hexdigest()
        if not self.has(digest):
            with _appearing(self._object(digest)) as temporary:
                temporary.write_bytes(content)
        return digest

    def get(self, digest: str) -> bytes:
        """Return an object.

        Raises
        ------
        DamagedError
            It is missing or damaged.
        """
        path = self._object(digest)
        try:
            content = path.read_bytes()
        except OSError:
            raise DamagedError(digest) from None
        if hashlib.sha256(content).hexdigest() != digest:
            path.unlink(missing_ok=True)
            raise DamagedError(digest)
        return content

    def put_file(self, path: Path) -> str:
        """Store a file's content, as a hard link if possible; return its digest."""
        digest = file_sha256(path)
        if not self.has(digest):
            _link(path, self._object(digest), beside=self._object(digest))
        return digest

    def take_file(self, digest: str, path: Path) -> None:
        """Create or replace a file by an object, as a hard link if possible.

        Raises
        ------
        DamagedError
            The object is missing or damaged.
        """
        source = self._object(digest)
        try:
            if file_sha256(source) == digest:
                _link(source, path, beside=source)
                return
            source.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        raise DamagedError(digest)

    def remove_unused(self, days: int) -> int:
        """Remove files not used for `days` days, and leftovers of killed writers after an hour; return how many."""
        now = time.time()
        removed = 0
        for path in self.folder.glob("*/**/*"):
            try:
                age = _HOUR if path.name.startswith(".") else days * _DAY
                if path.is_file() and path.stat().st_mtime < now - age:
                    path.unlink()
                    removed += 1
            except FileNotFoundError:  # another run was faster
                continue
        return removed

    def _entry(self, kind: str, key: Any) -> Path:
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self.folder / "entries" / kind / name[:2] / f"{name}.json"

    def _object(self, digest: str) -> Path:
        return self.folder / "objects" / digest[:2] / digest


@cache
def program_digest() -> str:
    """Hash the program and what other packages add to it: equal inputs may give different results after a change."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256("\n".join([version("numpy"), *installed_rows()]).encode())
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _note_use(path: Path) -> bool:
    """Return whether the file exists; record that it was used, unless that was already recorded today."""
    try:
        if path.stat().st_mtime < time.time() - _DAY:
            os.utime(path)
    except OSError:
        return path.exists()
    return True


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes `path`.

    Unlike `rlpretrain.runs.files.atomic_path`, this does not wait for the disk: there are thousands of files, and each
    is checked when it is read.
    """
    temporary = _temporary(path)
    with naming_full_disks(path):
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _link(source: Path, target: Path, *, beside: Path) -> None:
    """Create or replace a file by a link or a copy; what a killed process leaves is next to `beside`, in the cache."""
    temporary = _temporary(beside)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, temporary)
        temporary.replace(target)
    except FileNotFoundError:
        raise
    except OSError:  # another disk, or one without links
        with atomic_path(target) as copied:
            shutil.copyfile(source, copied)
    finally:
        # Replacing a file by another link to the same file does nothing, and leaves both.
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")
