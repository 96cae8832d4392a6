"""Count the library's votes, mine and store its patterns, and write the data sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from rlpretrain.artifacts import StageRecorder, write_json
from rlpretrain.features import STATE_VERSION, market_context
from rlpretrain.patterns import (
    ACTIONS,
    AGREES,
    ChunkRecords,
    DecisionRules,
    Electorate,
    PatternSet,
    Reject,
    StrategyRecord,
    TradeTable,
    mine_patterns,
    select_voters,
    tally_votes,
)
from rlpretrain.patterns.store import open_store
from rlpretrain.pretraining.dataset import build_datasets, write_dataset
from rlpretrain.stages import library
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.extraction import chunk_files, chunk_stage

__all__ = ["STAGE", "VOTES", "elect", "read_patterns", "read_records", "run", "split_late_edits"]

STAGE = "mine"
_LEAST_VOLATILITY = 0.03
"""A year's standard deviation below which an asset is cash for our purposes."""
VOTES = "votes.npz"
_SETTINGS = (
    "market", "seed", "votes", "min_performance_threshold", "max_correlation", "allow_late_edits",
    "min_confidence", "buy_level", "sell_level", "max_holding_days", "hold_every", "regimes", "fill",
    "cost_bps", "crypto_cost_bps", "test_split", "validation_split", "validation_start", "test_start",
    "dataset_format",
)  # fmt: skip


def run(context: StageContext) -> Path:
    """Mine the patterns of all chunks."""
    chunks = library.chunk_numbers(context)
    context.run_stage(
        STAGE,
        lambda recorder: _mine(context, chunks, recorder),
        needs=[library.STAGE, *(chunk_stage(chunk) for chunk in chunks)],
        settings=_SETTINGS,
        inputs={"store": "deployment" if context.config.store_url else "run"},
    )
    return context.run / f"{STAGE}.json"


def _mine(context: StageContext, chunks: list[int], recorder: StageRecorder) -> None:
    config, panel, windows = context.config, context.panel, context.windows
    files = [chunk_files(chunk) for chunk in chunks]
    library_records = read_records(context)
    trades = TradeTable.concatenate([TradeTable.load(context.run / f["trades"]) for f in files])
    rejects = [
        Reject(**row) for f in files for row in json.loads((context.run / f["rejects"]).read_text("utf-8"))
    ]
    others, late = split_late_edits(library_records.records, windows.test_start)
    if config.allow_late_edits:
        others, late = list(library_records.records), []
    electorate = elect(others, context)
    rejects += [
        Reject(record.symphony_id, "hindsight", f"last edited {record.last_edit}, in the test window "
               f"from {windows.test_start}")
        for record in late
    ]  # fmt: skip
    context.progress(f"{len(electorate.voters)} of {len(library_records)} strategies vote")
    tally = tally_votes(electorate.voters, panel, electorate.admitted)
    patterns = mine_patterns(
        tally, panel, DecisionRules.from_settings(config), context=market_context(panel, config.regimes)
    )
    context.progress(f"{len(patterns)} patterns mined")

    identity = {
        "library": sorted((r.content_hash, str(r.last_edit)) for r in library_records.records),
        "agreement": _agreement_digest(library_records.records),
        "market": panel.digest,
        "settings": config.digest(_SETTINGS),
        "source": config.catalogue if context.embedded else "composer",
        "state_version": STATE_VERSION,
    }
    with open_store(context.store_url) as store:
        extraction = store.add_run(context.run.run_id, identity)
        store.add_strategies(library_records.records)
        store.add_fidelities(extraction, library_records.records)
        store.add_electorate(extraction, electorate)
        store.add_rejects(extraction, rejects)
        store.add_trades(extraction, trades)
        store.add_patterns(extraction, patterns)
        recorder.details["store"] = store.counts(extraction)

    train, validation, card = build_datasets(patterns, windows, min_confidence=config.min_confidence)
    for part, data in (("train", train), ("validation", validation)):
        write_dataset(recorder.output(f"datasets/{part}.{config.dataset_format}"), data)
    write_json(recorder.output("datasets/card.json"), card)
    tally.votes.save(recorder.output(VOTES))
    all_rejects = [*rejects, *electorate.rejects]
    write_json(recorder.output("rejects.json"), _told(all_rejects))
    write_json(recorder.output("remarks.json"), _told(electorate.remarks))
    write_json(
        recorder.output("category_reasons.json"),
        {record.content_hash: record.reasons for record in library_records.records},
    )
    recorder.counts |= {
        "strategies": len(library_records),
        "agree": sum(record.fidelity_status == AGREES for record in library_records.records),
        "voters": len(electorate.voters),
        "rejected": len(all_rejects),
        "trades": len(trades),
        "patterns": len(patterns),
    }
    recorder.details |= {
        "extraction": extraction,
        "market": panel.digest,
        "days": [str(panel.dates[0]), str(panel.dates[-1])],
        "windows": windows.as_json(),
        "actions": dict(zip(ACTIONS, np.bincount(patterns.action, minlength=3).tolist(), strict=True)),
        "categories": _counted(patterns.category),
        "regimes": _counted(patterns.regime),
        "training_assets": _training_assets(patterns, context),
        "last_edit": _last_edit(electorate.voters),
    }


def _told(rejects: Sequence[Reject]) -> list[dict[str, str]]:
    """Write who was left out and why as JSON values, ordered by symphony and stage."""
    return [asdict(reject) for reject in sorted(rejects, key=lambda r: (r.symphony_id, r.stage))]


def _agreement_digest(records: Sequence[StrategyRecord]) -> str:
    """Hash who is reproduced, and when: patterns depend on it."""
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda r: (r.content_hash, r.symphony_id)):
        digest.update(record.agreement.tobytes())
    return digest.hexdigest()


def split_late_edits(
    records: Sequence[StrategyRecord], start: np.datetime64
) -> tuple[list[StrategyRecord], list[StrategyRecord]]:
    """Tell strategies edited from `start` on, whose authors knew those days, from the others and the unknown."""
    late = [record for record in records if record.last_edit is not None and record.last_edit >= start]
    names = {record.symphony_id for record in late}
    return [record for record in records if record.symphony_id not in names], late


def elect(records: Sequence[StrategyRecord], context: StageContext) -> Electorate:
    """Choose who votes among some strategies, by the run's settings."""
    config = context.config
    return select_voters(
        records,
        validation_start=context.windows.validation_start,
        min_sharpe=config.min_performance_threshold,
        max_correlation=config.max_correlation,
    )


def _counted(names: np.ndarray[Any, Any]) -> dict[str, int]:
    values, counts = np.unique(names, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _training_assets(patterns: PatternSet, context: StageContext) -> list[str]:
    """Choose the assets with the most pre-training patterns; ties by name. The later windows have no say.

    Cash-like assets are passed over: a trade there costs more than months of movement, so there is nothing to time.
    """
    start = context.windows.validation_start
    counts = _counted(
        patterns.asset[(patterns.date < start) & (patterns.confidence >= context.config.min_confidence)]
    )
    moving = [asset for asset in counts if _yearly_volatility(context, asset, start) >= _LEAST_VOLATILITY]
    ranked = sorted(moving, key=lambda asset: (-counts[asset], asset))
    return sorted(ranked[: context.config.max_training_assets])


def _yearly_volatility(context: StageContext, asset: str, until: np.datetime64) -> float:
    series = context.panel.series(asset)
    close = series.close[series.dates < until]
    return float(np.std(close[1:] / close[:-1]) * np.sqrt(series.bars_per_year)) if len(close) > 1 else 0.0


def _last_edit(voters: Sequence[StrategyRecord]) -> str | None:
    """Return the day of the voters' newest edit; None when any of them is unknown."""
    if any(voter.last_edit is None for voter in voters):
        return None
    return str(max(voter.last_edit for voter in voters if voter.last_edit is not None))


def read_records(context: StageContext) -> ChunkRecords:
    """Read the records of all strategies that were replayed."""
    files = [chunk_files(chunk)["records"] for chunk in library.chunk_numbers(context)]
    return ChunkRecords.concatenate([ChunkRecords.load(context.run / file) for file in files])


def read_patterns(context: StageContext) -> PatternSet:
    """Read from the store the patterns that were settled before the validation window began.

    Raises
    ------
    StageError
        Mining has not finished.
    """
    manifest = context.run.require(STAGE)
    with open_store(context.store_url) as store:
        return store.patterns(manifest.details["extraction"], settled_before=context.windows.validation_start)
