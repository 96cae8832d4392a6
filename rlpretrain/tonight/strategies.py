"""The strategies that vote at a run's last close: what they hold, and which of their decisions is near to turning."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from rlpretrain.patterns import ChunkRecords, StrategyRecord
from rlpretrain.patterns.voting.electorate import admission
from rlpretrain.patterns.voting.library_sums import KNOWN_FOR
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import EXTRACT, MINE, manifests_of, result_of
from rlpretrain.stages.extract import SourcePins, VersionPins

__all__ = ["VotingStrategy", "voting_strategies"]


@dataclass(frozen=True)
class VotingStrategy:
    """A strategy that votes at the last close."""

    symphony_id: str
    name: str
    day: dt.date
    """Its last close."""
    able: tuple[str, ...]
    """Assets that the tree which decides can hold."""
    holds: tuple[str, ...]
    """Assets that it holds after the close."""
    nearest_rule: str
    """Its active decision that is nearest to turning, in words; empty if none can turn."""
    margin: float | None
    """Distance of that decision, in standard deviations of the daily change of what it compares; None if unknown."""
    tree: str | None
    """Digest of the tree that decides, in the cache that runs share; None where the run did not record it."""


def voting_strategies(folder: RunFolder, config: PretrainingConfig) -> list[VotingStrategy]:
    """Read the strategies that vote at the last close of a run, by name.

    Strategies that the votes count as near-identical are all listed.

    Parameters
    ----------
    folder
        A run that has mined its patterns.
    config
        Its settings.

    Raises
    ------
    StageError
        The run has not mined its patterns, or another version of the program did.
    DataError
        A record's file is damaged.
    """
    mined = result_of(folder, MINE)
    start, last = np.datetime64(mined.windows["validation_start"], "D"), np.datetime64(mined.last_day, "D")
    found: list[VotingStrategy] = []
    for manifest in manifests_of(folder, EXTRACT):
        sources = EXTRACT.read(manifest).sources
        for record in ChunkRecords.load(folder / f"{manifest.stage}.npz").records:
            votes = admission(record, validation_start=start, min_sharpe=config.min_performance_threshold)
            if votes[-1] and last - record.dates[-1] <= KNOWN_FOR:
                found.append(_strategy(record, sources.get(record.symphony_id)))
    return sorted(found, key=lambda one: (one.name.casefold(), one.symphony_id))


def _strategy(record: StrategyRecord, source: SourcePins | None) -> VotingStrategy:
    version = record.version_at(record.dates[-1])
    pins: VersionPins | None = source
    if source is not None and version is not None:
        pins = source.versions.get(version.version_id)
    held = record.held()[-1]
    return VotingStrategy(
        symphony_id=record.symphony_id,
        name=record.name,
        day=record.dates[-1].astype(object),
        able=record.holdings if version is None else version.holdings,
        holds=tuple(asset for asset, holds in zip(record.holdings, held, strict=True) if holds),
        nearest_rule=record.nearest_rule,
        margin=float(record.margin[-1]) if np.isfinite(record.margin[-1]) else None,
        tree=None if pins is None else pins.tree,
    )
