"""Atomic files, and the run's folder with its manifests."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlpretrain.errors import StageError
from rlpretrain.runs.manifest import Manifest

__all__ = ["RunFolder", "atomic_path", "file_sha256", "write_json"]

_UMASK = os.umask(0)
"""Of this process. It can be read by setting it only, which is safe now, while no other thread makes files."""
os.umask(_UMASK)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it when the block ends well, and vanishes when it doesn't."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_UMASK)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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


class RunFolder:
    """The folder of one run.

    Parameters
    ----------
    path
        ``<output_dir>/<run_id>``; made when missing.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).absolute()
        self.path.mkdir(parents=True, exist_ok=True)

    @property
    def run_id(self) -> str:
        """Name of the folder."""
        return self.path.name

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @staticmethod
    def safe_name(run_id: str) -> str:
        """Turn a run's identifier, which may hold colons, pluses or slashes, into a folder's name."""
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", run_id).strip("._")
        if not name:
            raise StageError(f"run id {run_id!r} has no usable character")
        return name[:200]

    def manifest(self, stage: str) -> Manifest | None:
        """Read a stage's manifest; None when the stage has not finished.

        Raises
        ------
        StageError
            The file is damaged, or another version wrote it.
        """
        path = self.path / f"{stage}.json"
        if not path.is_file():
            return None
        try:
            return Manifest(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise StageError(
                f"{path} is no manifest: {error}", hint=f"run `rlpretrain {stage}` again"
            ) from None

    def require(self, stage: str) -> Manifest:
        """Read a stage's manifest and check that its outputs are unchanged.

        Raises
        ------
        StageError
            The stage has not finished, or an output is missing or was changed afterwards.
        """
        manifest = self.manifest(stage)
        if manifest is None:
            raise StageError(
                f"{self.path}: stage '{stage}' has not finished", hint=f"run `rlpretrain {stage}` first"
            )
        self._check_outputs(manifest)
        return manifest

    def _check_outputs(self, manifest: Manifest) -> None:
        for name, expected in manifest.outputs.items():
            path = self.path / name
            if not path.is_file():
                raise StageError(f"{path} is missing, although stage '{manifest.stage}' wrote it")
            if file_sha256(path) != expected:
                raise StageError(f"{path} was changed after stage '{manifest.stage}' wrote it")

    def finished(self, stage: str, settings: str, inputs: Mapping[str, str]) -> Manifest | None:
        """Return the stage's manifest if it ran with the same settings and inputs and its outputs stand."""
        try:
            manifest = self.manifest(stage)
            if manifest is None or manifest.settings != settings or manifest.inputs != dict(inputs):
                return None
            self._check_outputs(manifest)
        except StageError:
            return None
        return manifest
