"""The runs' folders: found by name, never by a path, and the files in them that may be served."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlpretrain.errors import DataError
from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.output_folder import read_mark
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import EXTRACT, MINE, STAGES, manifests_of

__all__ = [
    "FILE_KINDS",
    "FileKind",
    "RunFile",
    "UnknownError",
    "files_of",
    "find_run",
    "mining_of",
    "read_json",
]


class UnknownError(DataError):
    """What was asked for does not exist."""


@dataclass(frozen=True)
class FileKind:
    """How files with one extension are served."""

    media_type: str
    inline: bool
    """Whether the browser shows the file; otherwise it saves it."""


FILE_KINDS = {
    ".html": FileKind("text/html; charset=utf-8", True),
    ".txt": FileKind("text/plain; charset=utf-8", True),
    ".png": FileKind("image/png", True),
    ".json": FileKind("application/json", False),
    ".csv": FileKind("text/csv; charset=utf-8", False),
    ".parquet": FileKind("application/vnd.apache.parquet", False),
    ".safetensors": FileKind("application/octet-stream", False),
    ".npz": FileKind("application/octet-stream", False),
    ".pt": FileKind("application/octet-stream", False),
}
"""Extensions of files that are served; nothing else in a folder is."""


@dataclass(frozen=True)
class RunFile:
    """An artifact of a run."""

    name: str
    """Path relative to the run's folder."""
    path: Path
    sha256: str
    size: int
    """Size in bytes."""
    kind: FileKind


def find_run(root: Path, name: str) -> Path:
    """Find a run's folder.

    Parameters
    ----------
    root
        The folder of all runs.
    name
        Name of the folder, from a request. Only a folder whose own mark has this name counts, so no path leads
        elsewhere.

    Raises
    ------
    UnknownError
        There is no such run.
    """
    folder = root / name
    if folder.parent != root or folder.name != name or read_mark(folder) is None:
        raise UnknownError("there is no such run")
    return folder


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def mining_of(folder: Path) -> Manifest:
    """Return the manifest of a run's mining.

    Raises
    ------
    UnknownError
        The run has not mined its patterns yet.
    """
    for manifest in manifests_of(RunFolder(folder), MINE):
        return manifest
    raise UnknownError("this run has not mined its patterns yet")


def files_of(folder: Path) -> dict[str, RunFile]:
    """Return the artifacts that the run's stages have recorded, by name; only kinds that are safe to serve.

    The manifests name them, so a request can choose but not construct a path. Links that lead out of the folder are
    left out.
    """
    inside, run = folder.resolve(), RunFolder(folder)
    found: dict[str, RunFile] = {}
    # The chunks of the extraction are not meant for users.
    for manifest in (one for stage in STAGES if stage is not EXTRACT for one in manifests_of(run, stage)):
        for name, sha256 in manifest.outputs.items():
            path, kind = folder / name, FILE_KINDS.get(Path(name).suffix)
            if kind is None or not path.is_file() or not path.resolve().is_relative_to(inside):
                continue
            found[name] = RunFile(name, path, str(sha256), path.stat().st_size, kind)
    return dict(sorted(found.items()))
