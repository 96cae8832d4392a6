"""Fetch, check and replay one chunk of the library."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlpretrain.artifacts import StageRecorder, write_json
from rlpretrain.composer import Backtest, ComposerClient, ComposerError, Verdict
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
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.service import open_service
from rlpretrain.symphony import (
    MIN_COMMON_DAYS,
    Costs,
    Evaluator,
    Symphony,
    backtest,
    compare_daily_values,
    equal_holdings,
    parse_symphony,
)

__all__ = ["SERVICE_CAPITAL", "SERVICE_COSTS", "chunk_files", "chunk_stage", "run"]

SERVICE_COSTS = Costs()
"""What trading costs where a replay is compared with the service: asked of the service, and charged here."""
SERVICE_CAPITAL = 10_000.0
"""Dollars that both begin with; the regulators' fees depend on the shares traded."""


def chunk_stage(chunk: int) -> str:
    """Name the stage of one chunk."""
    return f"extract/chunk_{chunk:04d}"


def chunk_files(chunk: int) -> dict[str, str]:
    """Name a chunk's outputs, relative to the run's folder."""
    stage = chunk_stage(chunk)
    return {"records": f"{stage}.npz", "trades": f"{stage}_trades.npz", "rejects": f"{stage}_rejects.json"}


@dataclass(frozen=True)
class _Fetched:
    last_edit: dt.date | None
    symphony: Symphony
    backtest: Backtest


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
    listed = listing[chunk * size : (chunk + 1) * size]
    if not listed or chunk < 0:
        raise StageError(
            f"there is no chunk {chunk}: {len(listing)} symphonies make {-(-len(listing) // size)}"
        )
    stage = chunk_stage(chunk)
    settings = (
        "chunk_size",
        "market",
        "seed",
        "fill",
        "cost_bps",
        "crypto_cost_bps",
        "min_fidelity",
        "max_tracking_error",
        "catalogue",
    )
    inputs = {
        "library": context.run.require(library.STAGE).outputs["library/symphonies.json"],
        "chunk": str(chunk),
    }
    digest = context.config.digest(settings)
    if context.run.finished(stage, digest, inputs) is None:
        fetched, rejects = await _fetch_all(context, listed)
        # Replaying is work for the processor: in a thread, so that the event loop stays alive.
        await asyncio.to_thread(
            context.run_stage,
            stage,
            lambda recorder: _replay(context, chunk, fetched, rejects, recorder),
            settings=settings,
            inputs=inputs,
        )
    return context.run / f"{stage}.json"


async def _fetch_all(
    context: StageContext, listed: list[dict[str, Any]]
) -> tuple[list[_Fetched], list[Reject]]:
    evaluator = Evaluator(context.panel)
    fetched: list[_Fetched] = []
    rejects: list[Reject] = []
    unanswered: list[ComposerError] = []
    async with open_service(context) as client:
        results = await asyncio.gather(*(_fetch(client, evaluator, row) for row in listed))
    for row, result in zip(listed, results, strict=True):
        if isinstance(result, _Fetched):
            fetched.append(result)
            continue
        if isinstance(result, ComposerError):
            unanswered.append(result)
            result = Reject(row["symphony_id"], "fetch", str(result))
        rejects.append(result)
    # A call that fails at every try may be one symphony's fault; when most do, it is the service's.
    if 2 * len(unanswered) > len(listed):
        raise unanswered[0]
    return fetched, rejects


async def _fetch(
    client: ComposerClient, evaluator: Evaluator, row: dict[str, Any]
) -> _Fetched | Reject | ComposerError:
    """Fetch a tree and, when it can be replayed here at all, the service's backtest of it."""
    symphony_id = row["symphony_id"]
    try:
        tree = await client.get_saved_symphony(symphony_id)
        symphony = parse_symphony(tree, symphony_id=symphony_id)
        try:
            evaluator.table(symphony)
        except SymphonyError as error:
            return Reject(symphony_id, "replay", str(error))
        result = await client.backtest_symphony_by_id(
            symphony_id,
            capital=SERVICE_CAPITAL,
            slippage_percent=SERVICE_COSTS.slippage,
            spread_markup=SERVICE_COSTS.spread_markup,
            apply_reg_fee=SERVICE_COSTS.regulatory_fee,
            apply_taf_fee=SERVICE_COSTS.taf_fee,
        )
    except SymphonyError as error:
        return Reject(symphony_id, "parse", str(error))
    except ComposerError as error:
        if error.verdict is Verdict.STOP:
            raise
        return Reject(symphony_id, "fetch", str(error)) if error.verdict is Verdict.REJECT else error
    edit = row["last_edit"]
    return _Fetched(None if edit is None else dt.date.fromisoformat(edit), symphony, result)


def _replay(
    context: StageContext, chunk: int, fetched: list[_Fetched], rejects: list[Reject], recorder: StageRecorder
) -> None:
    evaluator = Evaluator(context.panel)
    records: list[StrategyRecord] = []
    trades: list[TradeTable] = []
    for item in fetched:
        outcome = _replay_one(context, evaluator, item)
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
    context: StageContext, evaluator: Evaluator, item: _Fetched
) -> tuple[StrategyRecord, TradeTable] | Reject:
    config, symphony, theirs = context.config, item.symphony, item.backtest.daily
    if theirs is None:
        return Reject(symphony.symphony_id, "fidelity", "the service's backtest has no daily values")
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
            last_edit=item.last_edit,
        )
    except (SymphonyError, DataError) as error:
        return Reject(symphony.symphony_id, "replay", str(error))
