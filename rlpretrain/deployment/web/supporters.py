"""The strategies behind a decision, and the conditions under which their symphonies hold the asset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlpretrain.deployment.web.folders import mining_of, read_json
from rlpretrain.errors import RlpretrainError
from rlpretrain.library.answers import read_tree
from rlpretrain.patterns import ChunkRecords, StrategyRecord
from rlpretrain.patterns.voting.electorate import admission
from rlpretrain.runs.cache import Cache, DamagedError
from rlpretrain.runs.output_folder import CACHE
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import MINE
from rlpretrain.symphony import parse_symphony
from rlpretrain.symphony.margins import HAIRS_BREADTH
from rlpretrain.symphony.nodes import Branch, Leaf, PathStep
from rlpretrain.symphony.wording import condition_words, indicator_words

__all__ = ["MAX_PATHS", "Paths", "Stance", "held_days", "read_paths", "stances"]

MAX_PATHS = 8
"""Maximum number of paths shown from one symphony to one asset; real trees have up to hundreds."""


@dataclass(frozen=True)
class Stance:
    """A strategy that could hold the asset at a close."""

    symphony_id: str
    name: str
    holds: bool
    since: dt.date | None
    """First close of the present holding."""
    admitted: bool
    """Whether its last review let it vote."""
    margin: float | None
    """Distance of its nearest active decision from turning, in days' changes; None if unknown or if none can turn."""
    nearest_rule: str
    """That decision in words, at the record's last close; empty at earlier ones."""
    within_noise: bool
    """Whether another vendor's prices may have turned that decision."""
    last_edit: dt.date | None
    version: str | None
    """Id of the version of the symphony that decided; None where it was today's tree."""
    version_since: dt.date | None
    """First day at whose close that version existed."""
    reasons: tuple[str, ...]
    """Reasons for the categories of its leaves."""
    chunk: str
    """File of its record, relative to the run's folder."""


@dataclass(frozen=True)
class Paths:
    """The paths through a symphony to an asset."""

    shown: tuple[tuple[str, ...], ...]
    """The conditions from the root to a leaf, for each path; the shortest paths first."""
    total: int
    problem: str | None = None
    """Why there are no paths."""


def stances(folder: Path, asset: str, day: dt.date) -> list[Stance]:
    """List the strategies that could hold an asset at a close: holders first, then by name.

    Only records of strategies whose trees name the asset are read. A strategy counts with its last close up to that
    day; one that had none, or that could not hold the asset in the version of that close, is left out.

    Raises
    ------
    DataError
        A record's file is damaged, or the run has not mined its patterns yet.
    StageError
        Another version of the program mined the patterns.
    """
    config, windows = _settings(folder), MINE.read(mining_of(folder)).windows
    start = np.datetime64(windows["validation_start"], "D")
    found = []
    for path in sorted((folder / "extract").glob("chunk_????.npz")):
        for record in ChunkRecords.load(path, holding=asset).records:
            row = int(np.searchsorted(record.dates, np.datetime64(day, "D"), side="right")) - 1
            if row < 0 or not record.can_hold(asset)[row]:
                continue
            held = record.held()[:, record.holdings.index(asset)]
            votes = admission(record, validation_start=start, min_sharpe=config.min_performance_threshold)
            found.append(_stance(record, asset, held, row, bool(votes[row]), f"extract/{path.stem}.json"))
    return sorted(found, key=lambda stance: (not stance.holds, not stance.admitted, stance.name.casefold()))


def _stance(record: StrategyRecord, asset: str, held: Any, row: int, admitted: bool, chunk: str) -> Stance:
    since = None
    if held[row]:
        out = np.flatnonzero(~held[: row + 1])
        since = record.dates[0 if len(out) == 0 else out[-1] + 1].astype(object)
    version = record.version_at(record.dates[row])
    return Stance(
        symphony_id=record.symphony_id,
        name=record.name,
        holds=bool(held[row]),
        since=since,
        admitted=admitted,
        margin=float(record.margin[row]) if np.isfinite(record.margin[row]) else None,
        nearest_rule=record.nearest_rule if row == len(record.dates) - 1 else "",
        within_noise=bool(record.noise_margin[row] <= HAIRS_BREADTH),
        last_edit=None if record.last_edit is None else record.last_edit.astype(object),
        version=None if version is None else version.version_id,
        version_since=None if version is None else version.first_close.astype(object),
        reasons=tuple((record if version is None else version).reasons.get(asset, ())),
        chunk=chunk,
    )


def held_days(folder: Path, symphony_id: str, days: Sequence[tuple[str, dt.date]]) -> list[bool | None]:
    """Return whether a strategy held each asset after the close of its day; None before the strategy's first close."""
    record = _record(folder, symphony_id)
    if record is None:
        return [None] * len(days)
    held = record.held()
    rows = (
        np.searchsorted(record.dates, np.array([day for _, day in days], "datetime64[D]"), side="right") - 1
    )
    return [
        None if row < 0 or asset not in record.holdings else bool(held[row, record.holdings.index(asset)])
        for (asset, _), row in zip(days, rows, strict=True)
    ]


def _record(folder: Path, symphony_id: str) -> StrategyRecord | None:
    for path in sorted((folder / "extract").glob("chunk_????.json")):
        if symphony_id in _sources(path):
            records = ChunkRecords.load(path.with_suffix(".npz")).records
            return next((record for record in records if record.symphony_id == symphony_id), None)
    return None


def read_paths(folder: Path, symphony_id: str, chunk: str, asset: str, version: str | None = None) -> Paths:
    """Read the paths to an asset through a symphony, in the version that the run replayed.

    Parameters
    ----------
    folder
        The run's folder.
    symphony_id, chunk, version
        Those of a `Stance`.
    """
    source = _sources(folder / chunk).get(symphony_id, {})
    pins = source if version is None else source.get("versions", {}).get(version, {})
    tree = pins.get("tree")
    if tree is None:
        return Paths((), 0, "The run did not record the tree.")
    try:
        document = read_tree(Cache(folder.parent / CACHE), tree)
        symphony = parse_symphony(document, symphony_id=symphony_id)
    except DamagedError:
        return Paths((), 0, "The tree is no longer cached: no run has used it for a while.")
    except RlpretrainError as error:
        return Paths((), 0, str(error))
    leaves = [leaf for leaf in symphony.leaves if leaf.ticker == asset]
    paths = sorted({_words(leaf) for leaf in leaves}, key=lambda path: (len(path), path))
    return Paths(tuple(paths[:MAX_PATHS]), len(paths))


def _words(leaf: Leaf) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_step(step) for step in leaf.path))


def _step(step: PathStep) -> str:
    if isinstance(step, Branch):
        words = condition_words(step.condition)
        return words if step.taken else f"not: {words}"
    order = "highest" if step.highest else "lowest"
    return f"among the {step.count} {order} by {indicator_words(step.indicator)}"


def _sources(manifest: Path) -> Mapping[str, Mapping[str, Any]]:
    sources: Mapping[str, Mapping[str, Any]] = read_json(manifest).get("result", {}).get("sources", {})
    return sources


def _settings(folder: Path) -> PretrainingConfig:
    """Read the run's settings; those that a newer version dropped or rejects count as not set."""
    known = {
        name: value
        for name, value in read_json(folder / "settings.json").items()
        if name in PretrainingConfig.model_fields
    }
    try:
        return PretrainingConfig(**known)
    except ValueError:
        return PretrainingConfig()
