"""What a stage is: a value that names its needs, its section of the settings, its result and its work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from rlpretrain.sections import Section

if TYPE_CHECKING:
    from rlpretrain.runs.manifest import Manifest
    from rlpretrain.stages.run import Run
    from rlpretrain.stages.work import Work

__all__ = ["Parts", "Result", "Stage"]


class Result(BaseModel):
    """What a stage tells the stages after it, and people; it is written in the manifest and hashed like its files.

    It is the same for two equal runs: no clocks, hosts or addresses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


SectionT = TypeVar("SectionT", bound=Section)
ResultT = TypeVar("ResultT", bound=Result)


def _no_inputs(_: Work[Any]) -> Mapping[str, str]:
    return {}


def _no_check(_: Run) -> None:
    """Find nothing to say."""


def _alone(_: Work[Any]) -> AbstractContextManager[bool]:
    return nullcontext(True)


@dataclass(frozen=True)
class Parts:
    """How a stage is cut into parts that run side by side, each with a manifest of its own."""

    flag: str
    """What names a part on the command line: ``--chunk 3``, ``--symbol SPY``."""
    of: Callable[[Run], Sequence[str]]
    """The parts of a run, in order."""
    file: Callable[[str], str]
    """Name of a part's files."""


@dataclass(frozen=True, eq=False)
class Stage(Generic[SectionT, ResultT]):
    """One stage of a run.

    Its key is made of its section of the settings, of the files and results of the stages that it needs, and of the
    inputs from outside the run. While they stay the same, it is not run again.
    """

    name: str
    """In code, files, commands, the DAG, pages and documentation."""
    does: str
    """What it does, as the command line and the documentation say it."""
    needs: tuple[Stage[Any, Any], ...]
    """Stages whose files and results it reads."""
    settings: type[SectionT]
    result: type[ResultT]
    run: Callable[[Work[SectionT]], ResultT]
    """Does the work; loads the rooms that it needs when it is called, so that a stage is cheap to import."""
    inputs: Callable[[Work[SectionT]], Mapping[str, str]] = _no_inputs
    """Names and contents, or their hashes, of what the result depends on outside the run, such as the champion."""
    check: Callable[[Run], None] = _no_check
    """Says, each time before the stage, what it or a later one would miss only after hours."""
    parts: Parts | None = None
    processes: Callable[[Work[SectionT]], AbstractContextManager[bool]] = _alone
    """Joins the processes that work on it together; yields whether this is the one that writes."""
    learns: bool = False
    """Whether it needs torch: a deployment may run it in a container or a pod."""
    uses_gpu: bool = False
    """Whether a GPU makes it faster; validation's many small networks learn faster on a core each."""
    reads_registry: bool = False
    """Whether it opens the champion, which lies in the registry beside the folders of the runs."""

    def manifest_name(self, part: str = "") -> str:
        """Name the manifest of the stage, or of one of its parts, within the run's folder and without its ending."""
        if self.parts is None:
            return self.name
        return f"{self.name}/{self.parts.file(part)}"

    def read(self, manifest: Manifest) -> ResultT:
        """Return the result that a manifest holds.

        Raises
        ------
        StageError
            Another version of the program wrote it.
        """
        return manifest.read(self.result)
