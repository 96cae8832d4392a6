"""What each run came to, from its manifests and Airflow's own record of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from rlpretrain.config import PretrainingConfig
from rlpretrain.deployment.web.folders import read_json
from rlpretrain.output_folder import MARK, find_runs, run_folder_name

__all__ = ["STAGES", "AirflowRun", "Effect", "Run", "Summary", "airflow_runs", "list_runs", "summarise"]

STAGES = (
    "prices",
    "library",
    "extract",
    "mine",
    "check",
    "analyze",
    "pretrain",
    "transfer",
    "validate",
    "report",
)
"""In the order in which they run; `extract` and `validate` have many parts."""
_MOST_RUNS = 5_000
"""Of Airflow's, the newest; a nightly run fills this in some twenty years."""


@dataclass(frozen=True)
class Effect:
    """A difference between transferred and random start, with its interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """What a run's folder says."""

    settings: dict[str, Any]
    listed: int | None = None
    strategies: int | None = None
    voters: int | None = None
    rejected: int | None = None
    patterns: int | None = None
    fidelity: float | None = None
    """Share of the replayed strategies that agree with the service's own backtest."""
    jump_start: Effect | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    """Of each stage that has finished; its parts added up."""
    headline: str | None = None
    finding: str | None = None
    reasons: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()

    @property
    def changed(self) -> dict[str, Any]:
        """The settings of a person that differ from their defaults."""
        return {name: value for name, value in self.settings.items() if value != _DEFAULTS.get(name, value)}


_DEFAULTS = PretrainingConfig().public()


@dataclass(frozen=True)
class AirflowRun:
    """What Airflow knows of a run."""

    run_id: str
    state: str
    started: dt.datetime | None
    ended: dt.datetime | None


@dataclass(frozen=True)
class Run:
    """A run: of Airflow, of its folder, or both."""

    run_id: str
    name: str
    """Of its folder."""
    state: str
    when: dt.datetime
    """When it started, UTC."""
    airflow: AirflowRun | None
    folder: Path | None

    @property
    def summary(self) -> Summary:
        """What its folder says."""
        return Summary({}) if self.folder is None else summarise(self.folder)


def airflow_runs(dag_id: str) -> dict[str, AirflowRun]:
    """Read from Airflow's database the runs of a DAG, by their ids."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = (
        select(DagRun.run_id, DagRun.state, DagRun.start_date, DagRun.end_date, DagRun.queued_at)
        .where(DagRun.dag_id == dag_id)
        .order_by(DagRun.id.desc())
        .limit(_MOST_RUNS)
    )
    with create_session(scoped=False) as session:
        rows = session.execute(query).all()
    return {
        row.run_id: AirflowRun(row.run_id, str(row.state), row.start_date or row.queued_at, row.end_date)
        for row in rows
    }


def list_runs(root: Path, known: Mapping[str, AirflowRun]) -> list[Run]:
    """List the runs, newest first: those with a folder, and those of Airflow that have none yet.

    Parameters
    ----------
    root
        The folder that holds all runs.
    known
        From `airflow_runs`.
    """
    folders = {run.run_id: run.path for run in find_runs(root)}
    runs = [_run(run_id, known.get(run_id), folders.get(run_id)) for run_id in {*folders, *known}]
    return sorted(runs, key=lambda run: (run.when, run.name), reverse=True)


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
    """Read a run's manifests; a finished run is read once."""
    try:
        stamp = (folder / "report.json").stat().st_mtime_ns
    except OSError:
        return _summarise(folder)
    return _finished(folder, stamp)


@lru_cache(maxsize=512)
def _finished(folder: Path, stamp: int) -> Summary:  # noqa: ARG001 - the stamp tells a repeated report apart
    return _summarise(folder)


def _summarise(folder: Path) -> Summary:
    mined, results = read_json(folder / "mine.json"), read_json(folder / "pipeline_results.json")
    library = read_json(folder / "library.json")
    counts = mined.get("counts", {})
    strategies, agree = counts.get("strategies"), counts.get("agree")
    return Summary(
        settings=read_json(folder / "settings.json"),
        listed=library.get("counts", {}).get("listed"),
        strategies=strategies,
        voters=counts.get("voters"),
        rejected=counts.get("rejected"),
        patterns=counts.get("patterns"),
        fidelity=agree / strategies if strategies and agree is not None else None,
        jump_start=_effect(results),
        seconds=_seconds(folder),
        headline=results.get("headline"),
        finding=results.get("finding"),
        reasons=tuple(results.get("reasons", ())),
        sentences=tuple(results.get("summary", ())),
    )


def _effect(results: Mapping[str, Any]) -> Effect | None:
    found = results.get("effects", {}).get("jump_start")
    return None if found is None else Effect(found["estimate"], found["low"], found["high"])


def _seconds(folder: Path) -> dict[str, float]:
    files: dict[str, Sequence[Path]] = {stage: [folder / f"{stage}.json"] for stage in STAGES}
    files["extract"] = sorted((folder / "extract").glob("chunk_????.json"))
    files["validate"] = [
        path
        for path in (folder / "validate").glob("*.json")
        if not path.stem.endswith(("_evidence", "_champion"))
    ]
    taken = {
        stage: [read_json(path).get("clock", {}).get("seconds") for path in paths]
        for stage, paths in files.items()
    }
    return {
        stage: sum(value for value in values if value is not None)
        for stage, values in taken.items()
        if any(value is not None for value in values)
    }
