"""Manifests without the work of their stages, for tests of those who read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rlpretrain.runs.files import file_sha256, write_json
from rlpretrain.runs.manifest import Manifest

__all__ = ["write_manifest"]


def write_manifest(
    folder: Path,
    stage: str,
    result: Mapping[str, Any] | None = None,
    *,
    outputs: Mapping[str, bytes] | None = None,
    inputs: Mapping[str, str] | None = None,
    seconds: float = 1.0,
) -> Manifest:
    """Write the files and the manifest of a stage, or of one of its parts, as running it would."""
    for name, content in (outputs or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    manifest = Manifest(
        stage=stage,
        settings="settings",
        inputs=dict(inputs or {}),
        outputs={name: file_sha256(folder / name) for name in outputs or {}},
        result=dict(result or {}),
        clock={"seconds": seconds},
    )
    write_json(folder / f"{stage}.json", asdict(manifest))
    return manifest
