"""Fetch, check and replay one chunk of the library, as far as no earlier run has done so."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rlpretrain.artifacts import StageRecorder, write_json
from rlpretrain.errors import DataError, StageError, SymphonyError
from rlpretrain.patterns import (
    AGREES,
    DISAGREES,
    ChunkRecords,
    Reject,
    StrategyRecord,
    TradeTable,
    leaf_scores,
    record_strategy,
)
from rlpretrain.stages import library
from rlpretrain.stages.cache import Cache, DamagedError, program_digest
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.sources import BacktestTerms, Source, SourceFinder
from rlpretrain.symphony import (
    MIN_COMMON_DAYS,
    Costs,
    Evaluator,
    backtest,
    compare_daily_values,
    equal_holdings,
)

__all__ = ["SERVICE_CAPITAL", "SERVICE_COSTS", "chunk_files", "chunk_stage", "run"]

SERVICE_COSTS = Costs()
"""What trading costs where a replay is compared with the service: asked of the service, and charged here."""
SERVICE_CAPITAL = 10_000.0
"""Dollars that both begin with; the regulators' fees depend on the shares traded."""

_REPLAY_SETTINGS = ("fill", "cost_bps", "crypto_cost_bps", "min_fidelity", "max_tracking_error")
_SETTINGS = (
    *_REPLAY_SETTINGS, "chunk_size", "market", "seed", "catalogue", "backtest_max_age_days", "refresh",
)  # fmt: skip


def chunk_stage(chunk: int) -> str:
    """Name the stage of one chunk."""
    return f"extract/chunk_{chunk:04d}"


def chunk_files(chunk: int) -> dict[str, str]:
    """Name a chunk's outputs, relative to the run's folder."""
    stage = chunk_stage(chunk)
    return {"records": f"{stage}.npz", "trades": f"{stage}_trades.npz", "rejects": f"{stage}_rejects.json"}


async def run(context: StageContext, chunk: int) -> Path:
    """Extract chunk number `chunk`; one bad symphony is rejected with its reason and the rest goes on.

    Raises
    ------
    StageError
        There is no such chunk.
    ComposerError
        The service refuses everything, or does not answer at all.
    """
    listing = library.read_library(context)
    size = context.config.chunk_size
    rows = listing.rows[chunk * size : (chunk + 1) * size]
    if not rows or chunk < 0:
        raise StageError(
            f"there is no chunk {chunk}: {len(listing.rows)} symphonies make {-(-len(listing.rows) // size)}"
        )
    stage = chunk_stage(chunk)
    inputs = {
        "library": context.run.require(library.STAGE).outputs["library/symphonies.json"],
        "chunk": str(chunk),
    }
    digest = context.config.digest(_SETTINGS)
    finder = SourceFinder(context, listing, BacktestTerms(SERVICE_COSTS, SERVICE_CAPITAL))
    while context.run.finished(stage, digest, inputs) is None:
        sources = await finder.find(rows)
        asked = ", ".join(f"{count} {kind}" for kind, count in finder.take_asked().items())
        context.progress(f"chunk {chunk}: {asked} fetched for {len(rows)} symphonies")
        try:
            # Replaying is work for the processor: in a thread, so that the event loop stays alive.
            await asyncio.to_thread(
                context.run_stage,
                stage,
                partial(_make, context, chunk, finder, sources),
                settings=_SETTINGS,
                inputs=inputs,
            )
        except DamagedError as error:
            # What it named is gone now, so the next round fetches or replays it.
            context.progress(f"chunk {chunk}: {error} is not in the cache any more, or damaged")
    return context.run / f"{stage}.json"


def _make(
    context: StageContext,
    chunk: int,
    finder: SourceFinder,
    sources: list[Source],
    recorder: StageRecorder,
) -> None:
    """Take the chunk's outputs from the cache where an earlier run made them from the same; else replay."""
    cache = Cache(context.cache_folder)
    key = {
        "sources": [source.identity() for source in sources],
        "settings": context.config.digest(_REPLAY_SETTINGS),
        "market": context.panel.digest,
        "program": program_digest(),
    }
    files = chunk_files(chunk)
    made = None if context.config.refresh else cache.find("chunks", key)
    if made is not None and all(cache.has(made["objects"][name]) for name in files):
        for name, path in files.items():
            cache.take_file(made["objects"][name], recorder.output(path))
        recorder.counts |= made["counts"]
        recorder.details |= made["details"]
        context.progress(f"chunk {chunk}: {len(sources)} symphonies as before, nothing replayed")
    else:
        _replay(context, chunk, finder, sources, recorder)
        objects = {name: cache.put_file(context.run / path) for name, path in files.items()}
        value = {"objects": objects, "counts": recorder.counts, "details": recorder.details}
        cache.keep("chunks", key, value)
    recorder.details["sources"] = {source.row.symphony_id: source.pins() for source in sources}


def _replay(
    context: StageContext,
    chunk: int,
    finder: SourceFinder,
    sources: list[Source],
    recorder: StageRecorder,
) -> None:
    evaluator = Evaluator(context.panel)
    records: list[StrategyRecord] = []
    trades: list[TradeTable] = []
    rejects: list[Reject] = []
    for source in sources:
        outcome = source.reject or _replay_one(context, evaluator, finder, source)
        if isinstance(outcome, Reject):
            rejects.append(outcome)
        else:
            record, made = outcome
            records.append(record)
            if record.fidelity_status != DISAGREES:
                trades.append(made)
    files = chunk_files(chunk)
    rejects = sorted(rejects, key=lambda reject: reject.symphony_id)
    ChunkRecords(tuple(records)).save(recorder.output(files["records"]))
    TradeTable.concatenate(trades).save(recorder.output(files["trades"]))
    write_json(recorder.output(files["rejects"]), [asdict(reject) for reject in rejects])
    agree = sum(record.fidelity_status == AGREES for record in records)
    recorder.counts |= {
        "replayed": len(records),
        "agree": agree,
        "rejected": len(rejects),
        "trades": sum(len(t) for t in trades),
    }
    recorder.details["fidelity"] = {
        record.symphony_id: {**record.fidelity.as_json(), "status": record.fidelity_status}
        for record in records
    }
    context.progress(
        f"chunk {chunk}: {len(records)} replayed, {agree} of them as the service does, {len(rejects)} rejected"
    )


def _replay_one(
    context: StageContext, evaluator: Evaluator, finder: SourceFinder, source: Source
) -> tuple[StrategyRecord, TradeTable] | Reject:
    config, symphony, theirs = context.config, finder.symphony(source), finder.daily_values(source)
    try:
        replay = evaluator.replay(symphony, leaf_scores(symphony))
        ours = backtest(replay, evaluator.panel, SERVICE_COSTS, "same_close", capital=SERVICE_CAPITAL)
        comparison = compare_daily_values(
            ours.dates, ours.equity, theirs.dates, 1.0 + theirs.symphony, resolution=theirs.resolution
        )
        shared = None if theirs.weights is None else equal_holdings(replay, theirs.dates, theirs.weights)
        fidelity = comparison.overall(shared)
        if fidelity is None:
            reason = (
                f"{len(comparison.dates)} days in common with the service's backtest, "
                f"fewer than {MIN_COMMON_DAYS}"
            )
            return Reject(symphony.symphony_id, "fidelity", reason)
        # A strategy that disagrees is kept, so that its figures are: who takes part, and when, is decided at the
        # electorate's reviews by what was known then. The figures over all days decide nothing.
        return record_strategy(
            replay,
            evaluator.panel,
            fidelity=fidelity,
            agreement=comparison.agreement(
                replay.dates,
                min_correlation=config.min_fidelity,
                max_tracking_error=config.max_tracking_error,
            ),
            fill=config.fill,
            cost_bps=config.cost_bps,
            crypto_cost_bps=config.crypto_cost_bps,
            last_edit=source.row.last_edit,
        )
    except (SymphonyError, DataError) as error:
        return Reject(symphony.symphony_id, "replay", str(error))
