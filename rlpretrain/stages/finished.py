"""Read the results of a run's finished stages, for pages, metrics and commands."""

from __future__ import annotations

from typing import Any, TypeVar

from rlpretrain.errors import StageError
from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.sections import Section
from rlpretrain.stages.stage import Result, Stage

__all__ = ["manifests_of", "result_of"]

SectionT = TypeVar("SectionT", bound=Section)
ResultT = TypeVar("ResultT", bound=Result)


def result_of(folder: RunFolder, stage: Stage[SectionT, ResultT], part: str = "") -> ResultT:
    """Return the result of a finished stage.

    Raises
    ------
    StageError
        The stage has not finished, its files were changed, or another version of the program wrote the result.
    """
    return stage.read(folder.require(stage.manifest_name(part)))


def manifests_of(folder: RunFolder, stage: Stage[Any, Any]) -> list[Manifest]:
    """Return the manifests of a stage, one for each finished part; damaged ones are skipped."""
    if stage.parts is None:
        names = [stage.name]
    else:
        names = [f"{stage.name}/{path.stem}" for path in sorted((folder / stage.name).glob("*.json"))]
    found = []
    for name in names:
        try:
            manifest = folder.manifest(name)
        except StageError:  # a file of a part, or a damaged manifest
            continue
        if manifest is not None and manifest.stage == name:
            found.append(manifest)
    return found
