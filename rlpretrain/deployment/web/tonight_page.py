"""The outlook of a run for the page, computed once until the run or the champion changes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from rlpretrain.registry import Registry
from rlpretrain.stages.decide import DECISIONS
from rlpretrain.tonight.outlook import Outlook, outlook

__all__ = ["tonight_of"]


def tonight_of(folder: Path) -> Outlook:
    """Return the outlook of a run, see `outlook`."""
    files = [folder / "mine.json", folder / DECISIONS]
    stamps = tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files)
    return _computed(folder, stamps, Registry(folder.parent).champion_identity())


@lru_cache(maxsize=4)
def _computed(folder: Path, stamps: tuple[int, ...], champion: str) -> Outlook:  # noqa: ARG001 - they tell when to compute again
    return outlook(folder)
