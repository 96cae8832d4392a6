"""A stage that runs again withdraws its manifest first, and knows at the end which old files it has not replaced."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["forget", "withdraw"]


def withdraw(folder: Path, name: str) -> set[str]:
    """Take back a stage's manifest before the stage runs again; return the files that it named.

    A stage that is killed leaves no manifest. The withdrawn one stays aside until `forget`, so that the next try knows
    the files of the last whole one too.
    """
    manifest, aside = _paths(folder, name)
    if manifest.is_file():
        manifest.replace(aside)
    try:
        return set(json.loads(aside.read_text(encoding="utf-8"))["outputs"])
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def forget(folder: Path, name: str) -> None:
    """Remove the withdrawn manifest, once the new one is written."""
    _paths(folder, name)[1].unlink(missing_ok=True)


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    manifest = folder / f"{name}.json"
    return manifest, manifest.with_name(f".{manifest.name}.withdrawn")
