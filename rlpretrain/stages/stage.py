"""Definition of a stage: a value with its needs, its section of the settings, its result and its work."""

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
    """A stage's result for later stages and users; it is written to the manifest and hashed like the files.

    It is the same in two equal runs: it contains no times, hosts or addresses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


SectionT = TypeVar("SectionT", bound=Section)
ResultT = TypeVar("ResultT", bound=Result)


def _no_inputs(_: Work[Any]) -> Mapping[str, str]:
    return {}


def _no_check(_: Run) -> None:
    """Check nothing."""


def _alone(_: Work[Any]) -> AbstractContextManager[bool]:
    return nullcontext(True)


@dataclass(frozen=True)
class Parts:
    """How a stage is divided into parts that run in parallel, each with its own manifest."""

    flag: str
    """Option that names a part on the command line: ``--chunk 3``, ``--symbol SPY``."""
    of: Callable[[Run], Sequence[str]]
    """The parts of a run, in order."""
    file: Callable[[str], str]
    """Name of a part's files."""


@dataclass(frozen=True, eq=False)
class Stage(Generic[SectionT, ResultT]):
    """One stage of a run.

    Its key consists of its section of the settings, the files and results of the stages that it needs, and the inputs
    from outside the run. While these stay the same, the stage is not run again.
    """

    name: str
    """Name in code, files, commands, the DAG, pages and documentation."""
    does: str
    """What it does, for the command line and the documentation."""
    needs: tuple[Stage[Any, Any], ...]
    """Stages whose files and results it reads."""
    settings: type[SectionT]
    result: type[ResultT]
    run: Callable[[Work[SectionT]], ResultT]
    """Function that does the work; it imports what it needs when called, so that a stage is cheap to import."""
    inputs: Callable[[Work[SectionT]], Mapping[str, str]] = _no_inputs
    """Function that returns inputs from outside the run, such as the champion: name -> content or hash."""
    check: Callable[[Run], None] = _no_check
    """Function that is called before the stage, and raises an error that would otherwise occur only after hours."""
    parts: Parts | None = None
    processes: Callable[[Work[SectionT]], AbstractContextManager[bool]] = _alone
    """Context in which several processes work on the stage; yields whether this is the process that writes."""
    learns: bool = False
    """Whether it needs torch: a deployment may run it in a container or a pod."""
    uses_gpu: bool = False
    """Whether a GPU makes it faster; validation's many small networks train faster on one core each."""
    reads_registry: bool = False
    """Whether it opens the champion, which is in the registry next to the folders of the runs."""

    def manifest_name(self, part: str = "") -> str:
        """Return the name of the stage's or a part's manifest within the run's folder, without its extension."""
        if self.parts is None:
            return self.name
        return f"{self.name}/{self.parts.file(part)}"

    def read(self, manifest: Manifest) -> ResultT:
        """Return the result in a manifest.

        Raises
        ------
        StageError
            Another version of the program wrote it.
        """
        return manifest.read(self.result)
