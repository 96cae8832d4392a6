"""How a stage is run: it is skipped if nothing has changed; otherwise it writes a manifest last."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from rlpretrain.errors import StageError
from rlpretrain.runs.files import file_sha256, write_json
from rlpretrain.runs.full_disk import naming_full_disks
from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.temporaries import remove_dead
from rlpretrain.runs.withdrawal import forget, withdraw
from rlpretrain.sections import Section
from rlpretrain.stages.finished import manifests_of
from rlpretrain.stages.run import Run
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work

__all__ = ["parts_of", "run_stage", "run_with_needs", "stages_before", "work_of"]

_TRACKED = ("rlpretrain", "numpy", "pandas", "scikit-learn", "torch", "stable-baselines3")

SectionT = TypeVar("SectionT", bound=Section)
ResultT = TypeVar("ResultT", bound=Result)


def run_stage(
    run: Run, stage: Stage[SectionT, ResultT], part: str = "", *, settings: SectionT | None = None
) -> Manifest:
    """Run a stage, or one of its parts, unless it has finished with the same settings and inputs.

    The stages that it needs must have finished.

    Parameters
    ----------
    settings
        Settings that replace the run's own.

    Raises
    ------
    StageError
        A stage that it needs has not finished, or its files were changed.
    DiskFullError
        A disk is full. No earlier result has changed, and the stage runs again when there is room.
    """
    stage.check(run)
    work = work_of(run, stage, part, settings)
    section = work.settings
    name, digest = stage.manifest_name(part), section.digest()
    inputs = {**work.inputs(), **stage.inputs(work)}
    done = run.folder.finished(name, digest, inputs)
    if done is not None and _is_readable(stage, done):
        return done
    with naming_full_disks(), stage.processes(work) as writes:
        if writes:
            _run(run, stage, work, name, digest, inputs)
    return run.folder.require(name)


def _run(
    run: Run,
    stage: Stage[SectionT, ResultT],
    work: Work[SectionT],
    name: str,
    digest: str,
    inputs: dict[str, str],
) -> None:
    if damage := run.folder.damage(name):
        work.warn(f"{damage}; stage '{name}' runs again")
    before = withdraw(run.folder.path, name)
    remove_dead(run.folder.path)
    started = time.time()
    result = stage.run(work)
    if not isinstance(result, stage.result):
        raise TypeError(f"stage {stage.name} returned {type(result).__name__}, not {stage.result.__name__}")
    for leftover in before - set(work.outputs):
        _remove(run.folder / leftover)
    for need in stage.needs:
        if need.parts is not None:
            _remove_other_parts(run, need)
    manifest = Manifest(
        stage=name,
        settings=digest,
        inputs=inputs,
        outputs={output: file_sha256(run.folder / output) for output in sorted(work.outputs)},
        result=result.model_dump(mode="json"),
        versions=_versions(_TRACKED),
        device=work.device,
        clock={
            "finished": time.time(),
            "seconds": round(time.time() - started, 3),
            "host": platform.node(),
            "warnings": work.warnings,
        },
    )
    write_json(run.folder / f"{name}.json", asdict(manifest))
    forget(run.folder.path, name)


def _remove_other_parts(run: Run, stage: Stage[Any, Any]) -> None:
    """Remove parts of a stage that the run's settings do not name any more, with their files."""
    names = {stage.manifest_name(part) for part in parts_of(run, stage)}
    for manifest in manifests_of(run.folder, stage):
        if manifest.stage not in names:
            for output in manifest.outputs:
                _remove(run.folder / output)
            (run.folder / f"{manifest.stage}.json").unlink(missing_ok=True)


def _remove(path: Path) -> None:
    if path.is_file():
        path.unlink(missing_ok=True)


def _is_readable(stage: Stage[Any, Any], manifest: Manifest) -> bool:
    """Return whether this version of the program can read the result."""
    try:
        stage.read(manifest)
    except StageError:
        return False
    return True


def work_of(
    run: Run, stage: Stage[SectionT, ResultT], part: str = "", settings: SectionT | None = None
) -> Work[SectionT]:
    """Return what a stage sees of a run; the stages that it needs must have finished."""
    return Work(run, stage, part, run.config.part(stage.settings) if settings is None else settings)


def parts_of(run: Run, stage: Stage[Any, Any]) -> Sequence[str]:
    """Return the parts of a stage in a run; one without a name if the stage has no parts."""
    return [""] if stage.parts is None else stage.parts.of(run)


def stages_before(stage: Stage[Any, Any]) -> tuple[Stage[Any, Any], ...]:
    """Return the stages that a stage needs, directly and indirectly, in an order in which they can run."""
    found: dict[str, Stage[Any, Any]] = {}

    def visit(one: Stage[Any, Any]) -> None:
        for need in one.needs:
            visit(need)
            found.setdefault(need.name, need)

    visit(stage)
    return tuple(found.values())


def run_with_needs(run: Run, stage: Stage[Any, Any]) -> list[Manifest]:
    """Run a stage, after the unfinished stages that it needs; return its manifests, one for each part."""
    manifests: list[Manifest] = []
    for one in (*stages_before(stage), stage):
        manifests = [run_stage(run, one, part) for part in parts_of(run, one)]
    return manifests


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
