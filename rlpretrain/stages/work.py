"""What a stage sees while it runs: its section, and the files and results of the stages that it needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rlpretrain.errors import StageError
from rlpretrain.runs.cache import program_digest
from rlpretrain.runs.manifest import Manifest
from rlpretrain.sections import Section

if TYPE_CHECKING:
    from rlpretrain.stages.run import Run
    from rlpretrain.stages.stage import Result, Stage

__all__ = ["Work"]

SectionT = TypeVar("SectionT", bound=Section, covariant=True)
ResultT = TypeVar("ResultT", bound="Result")
Value = TypeVar("Value")


class Work(Generic[SectionT]):
    """One stage, or a part of one, of one run.

    Files and results of other stages are read only through here, so the result depends only on what is part of the
    stage's key; `folder` is for what the stage writes.

    Parameters
    ----------
    run, stage, part
        The stage, or the part of it, that is run.
    settings
        The stage's section.
    """

    def __init__(self, run: Run, stage: Stage[Any, Any], part: str, settings: SectionT) -> None:
        self.settings = settings
        self.part = part
        self.outputs: list[str] = []
        """Files that have been written, relative to the run's folder."""
        self.warnings: list[str] = []
        """What was damaged and made again, for the manifest."""
        self.device = "cpu"
        """Device that was used, for the manifest."""
        self._run, self._stage = run, stage
        self._needs: dict[str, dict[str, Manifest]] = {}
        for need in stage.needs:
            self._needs[need.name] = self._finished(need)

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return self._run.folder.run_id

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._run.folder.path

    @property
    def output_dir(self) -> Path:
        """Folder of all runs, with the cache and the registry that they share."""
        return self._run.config.output_dir

    def progress(self, line: str) -> None:
        """Report progress to the user."""
        self._run.progress(line)

    def warn(self, line: str) -> None:
        """Report something that was damaged and is made again; the manifest counts it."""
        self.warnings.append(line)
        self.progress(f"warning: {line}")

    def remember(self, name: str, make: Callable[[], Value]) -> Value:
        """Compute a value once for all stages that run in this process."""
        return self._run.remember(name, make)

    def inputs(self) -> dict[str, str]:
        """Return names and hashes of the files and results of all stages that this one needs."""
        found: dict[str, str] = {}
        for manifests in self._needs.values():
            for manifest in manifests.values():
                found[manifest.stage] = manifest.result_digest()
                found |= {f"{manifest.stage}:{name}": sha for name, sha in manifest.outputs.items()}
        return found

    def identity(self) -> str:
        """Return a digest of all that the result depends on: settings, inputs, part and program.

        What is kept of unfinished work is of use while it stays the same.
        """
        key = [self.settings.digest(), self.inputs(), self.part, program_digest()]
        return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()

    def result(self, stage: Stage[Any, ResultT], part: str = "") -> ResultT:
        """Return the result of a stage that this one needs.

        Raises
        ------
        StageError
            This stage does not need it, or another version of the program wrote it.
        """
        return self.manifest(stage, part).read(stage.result)

    def results(self, stage: Stage[Any, ResultT]) -> dict[str, ResultT]:
        """Return the results of all parts of a stage that this one needs, in order."""
        return {part: manifest.read(stage.result) for part, manifest in self._of(stage).items()}

    def manifest(self, stage: Stage[Any, Any], part: str = "") -> Manifest:
        """Return the manifest of a stage that this one needs."""
        return self._of(stage)[part]

    def read(self, stage: Stage[Any, Any], name: str) -> Path:
        """Return the path of a file that a needed stage has written.

        Raises
        ------
        StageError
            This stage does not need that one, or that one writes no such file.
        """
        if not any(name in manifest.outputs for manifest in self._of(stage).values()):
            raise StageError(f"stage '{stage.name}' writes no file {name}")
        return self.folder / name

    def read_json(self, stage: Stage[Any, Any], name: str) -> Any:
        """Read a JSON file that a needed stage has written."""
        return json.loads(self.read(stage, name).read_text(encoding="utf-8"))

    def write(self, name: str) -> Path:
        """Register an output by its path relative to the run's folder; return its full path."""
        if name not in self.outputs:
            self.outputs.append(name)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _of(self, stage: Stage[Any, Any]) -> dict[str, Manifest]:
        if stage.name not in self._needs:
            raise StageError(f"stage '{self._stage.name}' reads '{stage.name}', which it does not need")
        return self._needs[stage.name]

    def _finished(self, need: Stage[Any, Any]) -> dict[str, Manifest]:
        parts = [""] if need.parts is None else need.parts.of(self._run)
        return {part: self._run.folder.require(need.manifest_name(part)) for part in parts}
