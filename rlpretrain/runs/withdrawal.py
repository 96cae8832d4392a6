"""Withdrawal of a manifest before its stage runs again, so that old files that were not replaced can be removed."""

from __future__ import annotations

import json
from pathlib import Path

from rlpretrain.errors import StageError
from rlpretrain.runs.manifest import is_output

__all__ = ["forget", "withdraw"]


def withdraw(folder: Path, name: str) -> set[str]:
    """Withdraw a stage's manifest before the stage runs again; return the files that it names.

    A stage that is killed leaves no manifest. The withdrawn one is kept under another name until `forget`, so that the
    next try also knows the files of the last complete one.

    Raises
    ------
    StageError
        There is a folder in its place.
    """
    manifest, aside = _paths(folder, name)
    if manifest.is_dir():
        raise StageError(f"{manifest} is a folder, not a manifest", hint="move it away")
    if manifest.exists():
        manifest.replace(aside)
    try:
        outputs = json.loads(aside.read_bytes())["outputs"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return set()
    return set(filter(is_output, outputs)) if isinstance(outputs, dict) else set()


def forget(folder: Path, name: str) -> None:
    """Remove the withdrawn manifest after the new one has been written."""
    _paths(folder, name)[1].unlink(missing_ok=True)


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    manifest = folder / f"{name}.json"
    return manifest, manifest.with_name(f".{manifest.name}.withdrawn")
