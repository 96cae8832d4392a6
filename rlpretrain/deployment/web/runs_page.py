"""What the pages of the runs show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from rlpretrain.deployment.web import charts
from rlpretrain.deployment.web.airflow_runs import Failure
from rlpretrain.deployment.web.folders import files_of
from rlpretrain.deployment.web.live_record import live_record
from rlpretrain.deployment.web.overview import Run
from rlpretrain.errors import DataError
from rlpretrain.registry import ModelVersion, Registry, Standing
from rlpretrain.stages import NIGHT, STAGES

__all__ = ["PAGE", "VIEWS", "Champion", "Model", "champion", "models_of", "run_context", "runs_context"]

PAGE = 25
_TREND = 40
"""Maximum number of runs in a trend."""

VIEWS = {
    "report": ("Report", "report.html"),
    "analysis": ("Pattern analysis", "pattern_analysis.html"),
    "text": ("As text", "validation_report.txt"),
}
"""Files that the page of a run embeds: address -> title and file."""


@dataclass(frozen=True)
class Champion:
    """The agent in use, and who made it champion."""

    version: ModelVersion
    by: str
    since: str
    reason: str


def champion(root: Path) -> Champion | None:
    """Find the champion and who promoted it; None where there is no champion.

    Raises
    ------
    DataError
        The registry can't be read.
    """
    registry = Registry(root)
    version = registry.champion()
    if version is None:
        return None
    last = [
        event for event in registry.history(version.version) if event.kind in ("promoted", "rolled back")
    ][-1]
    return Champion(version, last.by, last.clock.get("at", ""), last.reason)


@dataclass(frozen=True)
class Model:
    """Version and standing of a run's agent."""

    version: int
    standing: Standing


def models_of(root: Path, names: Sequence[str]) -> dict[str, Model]:
    """Look up the agents of runs in the registry; runs that registered none are left out.

    Raises
    ------
    DataError
        The registry can't be read.
    """
    registry = Registry(root)
    numbers = {version.run_id: version.version for version in registry.versions()}
    return {name: Model(numbers[name], registry.standing(numbers[name])) for name in names if name in numbers}


def _unexplained(_: Sequence[str]) -> Mapping[str, tuple[Failure, ...]]:
    return {}


def runs_context(
    root: Path,
    runs: Sequence[Run],
    offset: int,
    explain: Callable[[Sequence[str]], Mapping[str, tuple[Failure, ...]]] = _unexplained,
) -> dict[str, Any]:
    """Gather a page of runs, the champion, and the trends.

    Parameters
    ----------
    root
        The folder of all runs.
    runs
        All runs, newest first.
    offset
        Number of runs to skip.
    explain
        Reads the failed tasks of some runs, see `failures_of`; it is asked about the runs of this page that failed.
    """
    shown = runs[offset : offset + PAGE]
    try:
        present, models, problem = champion(root), models_of(root, [run.name for run in shown]), ""
    except DataError as error:
        present, models, problem = None, {}, str(error)
    counted = [run for run in runs[:_TREND] if run.summary.patterns is not None]
    return {
        "runs": shown,
        "models": models,
        "failures": explain([run.run_id for run in shown if run.state == "failed"]),
        "newer": max(0, offset - PAGE) if offset else None,
        "older": offset + PAGE if offset + PAGE < len(runs) else None,
        "total": len(runs),
        "stages": [stage.name for stage in STAGES],
        "champion": present,
        "registry_problem": problem,
        "live": live_record(root),
        "trends": _trends(counted[::-1]),
        "trend_runs": len(counted),
    }


def _trends(runs: Sequence[Run]) -> list[tuple[str, str, Markup]]:
    """Draw what changes from run to run, oldest first: title, explanation, chart."""
    drawn = [
        ("Patterns", "Decisions mined from the library.", _line(runs, "patterns", 0)),
        ("Rejected", "Strategies that were rejected or have no vote.", _line(runs, "rejected", 5)),
        (
            "Fidelity",
            "Share of the replayed strategies that agree with the service's own backtest.",
            _line(runs, "fidelity", 2, unit=" %", factor=100.0),
        ),
        (
            "Jump-start",
            "Score of the transferred agent minus that of a random start, with its interval; an effect is above zero.",
            _effects(runs, "jump_start", "Jump-start of each run with its interval", 0),
        ),
        (
            "Hindsight",
            "Sharpe ratio of the library's last versions minus that of what they were on each day, with its interval.",
            _effects(runs, "hindsight", "Hindsight of each run's library with its interval", 3),
        ),
        ("Seconds", "Time of each stage, the sum over its parts.", _seconds(runs)),
    ]
    return [(title, words, chart) for title, words, chart in drawn if chart]


def _line(runs: Sequence[Run], figure: str, colour: int, *, unit: str = "", factor: float = 1.0) -> Markup:
    points = []
    for run in runs:
        value = getattr(run.summary, figure)
        points.append(None if value is None else charts.Point(run.run_id, factor * value))
    return charts.point_chart(points, title=f"{figure.capitalize()} of each run", unit=unit, colour=colour)


def _effects(runs: Sequence[Run], effect: str, title: str, colour: int) -> Markup:
    found = [(run.run_id, getattr(run.summary, effect)) for run in runs]
    points = [
        None if one is None else charts.Point(name, one.estimate, one.low, one.high) for name, one in found
    ]
    return charts.point_chart(points, title=title, colour=colour)


def _seconds(runs: Sequence[Run]) -> Markup:
    series = [
        charts.Series(stage.name, [run.summary.seconds.get(stage.name) for run in runs], colour)
        for colour, stage in enumerate(STAGES)
        if any(stage.name in run.summary.seconds for run in runs)
    ]
    names = [run.run_id for run in runs]
    return charts.columns(names, series, title="Seconds of each stage", labels=[""] * len(runs))


def run_context(run: Run, show: str | None, failures: Sequence[Failure] = ()) -> dict[str, Any]:
    """Gather what the page of one run shows.

    Parameters
    ----------
    show
        One of `VIEWS`, ``files``, or None for the first view that the run has.
    failures
        Its failed tasks, the first that failed first.
    """
    files = {} if run.folder is None else files_of(run.folder)
    views = {name: title for name, (title, file) in VIEWS.items() if file in files}
    if show not in (*views, "files"):
        show = next(iter(views), "files")
    summary = run.summary
    try:
        model = {} if run.folder is None else models_of(run.folder.parent, [run.name])
    except DataError:
        model = {}
    seconds = charts.stacked_bars(
        list(summary.seconds),
        [charts.Series("seconds", list(summary.seconds.values()), 0)],
        title="Seconds of each stage",
        unit=" s",
    )
    return {
        "run": run,
        "summary": summary,
        "model": model.get(run.name),
        "failures": failures,
        "files": list(files.values()),
        "views": views,
        "show": show,
        "embedded_file": VIEWS[show][1] if show in views else None,
        "seconds": seconds,
        "missing": [stage.name for stage in NIGHT if stage.name not in summary.seconds],
    }
