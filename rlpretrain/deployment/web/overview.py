"""The outcome of each run, from its manifests and Airflow's own record of it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from rlpretrain.deployment.web.airflow_runs import AirflowRun
from rlpretrain.deployment.web.folders import UnknownError, find_run, read_json
from rlpretrain.errors import StageError
from rlpretrain.runs.output_folder import MARK, find_runs, run_folder_name
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import (
    DECIDE,
    LIST,
    MINE,
    PROMOTE,
    REPORT,
    SCORE,
    SEAL,
    STAGES,
    Stage,
    manifests_of,
)
from rlpretrain.stages.report import RESULTS
from rlpretrain.stages.run import DEFAULTS, SETTINGS
from rlpretrain.stages.stage import Result

__all__ = ["Effect", "Run", "Summary", "list_runs", "one_run", "summarise"]

ResultT = TypeVar("ResultT", bound=Result)


@dataclass(frozen=True)
class Effect:
    """A difference with its interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """What a run's folder contains."""

    settings: dict[str, Any]
    changed: dict[str, Any] = field(default_factory=dict)
    """Settings that differ from the defaults that the run had."""
    listed: int | None = None
    strategies: int | None = None
    voters: int | None = None
    rejected: int | None = None
    patterns: int | None = None
    fidelity: float | None = None
    """Share of the replayed strategies that agree with the service's own backtest."""
    jump_start: Effect | None = None
    """Transferred minus random start."""
    hindsight: Effect | None = None
    """Sharpe ratio of following the last versions minus that of following what they were, on the test window."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of each finished stage, the sum over its parts."""
    busy: float | None = None
    """Seconds by the clock in which a stage was at work; what worked side by side counts once."""
    headline: str | None = None
    finding: str | None = None
    reasons: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """A run that Airflow knows, that has a folder, or both."""

    run_id: str
    name: str
    """Name of its folder."""
    state: str
    when: dt.datetime
    """When it started, UTC."""
    airflow: AirflowRun | None
    folder: Path | None

    @property
    def summary(self) -> Summary:
        """What its folder contains."""
        return Summary({}) if self.folder is None else summarise(self.folder)

    @property
    def minutes(self) -> float | None:
        """Minutes by the clock from its start to its end or to now; without Airflow, those in which a stage ran."""
        if self.airflow is not None and self.airflow.started is not None:
            end = self.airflow.ended or dt.datetime.now(dt.UTC)
            return (end - self.airflow.started).total_seconds() / 60
        busy = self.summary.busy
        return None if busy is None else busy / 60


def list_runs(root: Path, known: Mapping[str, AirflowRun]) -> list[Run]:
    """List the runs, newest first: those with a folder, and Airflow's runs that have none yet.

    Parameters
    ----------
    root
        The folder of all runs.
    known
        From `airflow_runs`.
    """
    folders = {run.run_id: run.path for run in find_runs(root)}
    runs = [_run(run_id, known.get(run_id), folders.get(run_id)) for run_id in {*folders, *known}]
    return sorted(runs, key=lambda run: (run.when, run.name), reverse=True)


def one_run(root: Path, run_id: str, known: AirflowRun | None) -> Run:
    """Return the run of this id.

    Parameters
    ----------
    root
        The folder of all runs.
    known
        From `airflow_run`.

    Raises
    ------
    UnknownError
        It has no folder, and Airflow does not know it.
    """
    folder: Path | None = None
    try:
        folder = find_run(root, run_folder_name(run_id))
    except UnknownError:
        if known is None:
            raise
    return _run(run_id, known, folder)


def _run(run_id: str, airflow: AirflowRun | None, folder: Path | None) -> Run:
    when = dt.datetime.fromtimestamp(0, dt.UTC)
    state = "unfinished"
    if folder is not None:
        when = dt.datetime.fromtimestamp((folder / MARK).stat().st_mtime, dt.UTC)
        state = "success" if (folder / "report.json").is_file() else "unfinished"
    if airflow is not None:
        state, when = airflow.state, airflow.started or when
    return Run(run_id, run_folder_name(run_id), state, when, airflow, folder)


def summarise(folder: Path) -> Summary:
    """Read a run's manifests; those of a finished run are read once, until another stage of it ends."""
    stamps = tuple(
        _modified(folder / f"{stage.name}.json") for stage in (REPORT, DECIDE, SEAL, PROMOTE, SCORE)
    )
    return _finished(folder, stamps) if stamps[0] else _summarise(folder)


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=512)
def _finished(folder: Path, stamps: tuple[int, ...]) -> Summary:  # noqa: ARG001 - they distinguish repeated stages
    return _summarise(folder)


def _summarise(folder: Path) -> Summary:
    run, results = RunFolder(folder), read_json(folder / RESULTS)
    settings, defaults = read_json(folder / SETTINGS), read_json(folder / DEFAULTS) or _DEFAULTS
    listed, mined = _result(run, LIST), _result(run, MINE)
    return Summary(
        settings=settings,
        changed={name: value for name, value in settings.items() if value != defaults.get(name, value)},
        listed=None if listed is None else listed.listed,
        strategies=None if mined is None else mined.strategies,
        voters=None if mined is None else mined.voters,
        rejected=None if mined is None else mined.rejected,
        patterns=None if mined is None else mined.patterns,
        fidelity=None if mined is None or not mined.strategies else mined.agree / mined.strategies,
        jump_start=_effect(results.get("effects", {}).get("jump_start")),
        hindsight=_effect(results.get("hindsight", {}).get("on_test")),
        seconds=_seconds(folder),
        busy=_busy(folder),
        headline=results.get("headline"),
        finding=results.get("finding"),
        reasons=tuple(results.get("reasons", ())),
        sentences=tuple(results.get("summary", ())),
    )


def _result(run: RunFolder, stage: Stage[Any, ResultT]) -> ResultT | None:
    """Return a stage's result; None where it has not finished, or another version of the program wrote it."""
    try:
        manifest = run.manifest(stage.name)
        return None if manifest is None else stage.read(manifest)
    except StageError:
        return None


def _effect(found: Mapping[str, Any] | None) -> Effect | None:
    return None if found is None else Effect(found["estimate"], found["low"], found["high"])


_DEFAULTS = PretrainingConfig().of_run()
"""Those of this version, for a run that an earlier one has begun, which wrote down none."""


def _busy(folder: Path) -> float | None:
    """Return the length of the union of the stages' times; None where no manifest has them."""
    run = RunFolder(folder)
    spans = sorted(
        (manifest.clock["finished"] - manifest.seconds, manifest.clock["finished"])
        for stage in STAGES
        for manifest in manifests_of(run, stage)
        if isinstance(manifest.clock.get("finished"), int | float)
    )
    total, until = 0.0, -math.inf
    for begun, ended in spans:
        total += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    return total if spans else None


def _seconds(folder: Path) -> dict[str, float]:
    run = RunFolder(folder)
    taken = {stage.name: [manifest.seconds for manifest in manifests_of(run, stage)] for stage in STAGES}
    return {stage: sum(values) for stage, values in taken.items() if values}
