"""Fetch, check and replay one chunk of the library, unless an earlier run has already done so."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

from rlpretrain.composer import DailyValues
from rlpretrain.errors import DataError, StageError, SymphonyError
from rlpretrain.library.answers import Answers
from rlpretrain.library.source_finder import SourceFinder
from rlpretrain.library.sources import BacktestTerms, Source
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
from rlpretrain.runs.cache import DamagedError, program_digest
from rlpretrain.runs.files import write_json
from rlpretrain.stages.extract import EXTRACT, Extracted, ExtractSettings, ReplaySettings, SourcePins
from rlpretrain.stages.implementation.list import read_listing
from rlpretrain.stages.implementation.market import cache_of, listed_market
from rlpretrain.stages.list import LIST, PRICE_FINDINGS
from rlpretrain.stages.work import Work
from rlpretrain.symphony import (
    MIN_COMMON_DAYS,
    Costs,
    Evaluator,
    Symphony,
    backtest,
    compare_daily_values,
    equal_holdings,
    work_through,
)
from rlpretrain.symphony.levels import no_vote_reason

__all__ = ["SERVICE_CAPITAL", "SERVICE_COSTS", "chunk_files", "extract_chunk", "read_records"]

SERVICE_COSTS = Costs()
"""Costs of trading for the comparison with the service: they are requested from the service and charged here."""
SERVICE_CAPITAL = 10_000.0
"""Initial dollars of both; the regulators' fees depend on the number of shares traded."""


class _Replayed(NamedTuple):
    """What is kept of a strategy."""

    record: StrategyRecord
    trades: TradeTable
    by_level: bool
    """Whether it decides by the level of a price."""


def chunk_files(chunk: str) -> dict[str, str]:
    """Return the paths of a chunk's outputs, relative to the run's folder."""
    stage = EXTRACT.manifest_name(chunk)
    return {"records": f"{stage}.npz", "trades": f"{stage}_trades.npz", "rejects": f"{stage}_rejects.json"}


def extract_chunk(work: Work[ExtractSettings]) -> Extracted:
    """Extract a chunk; a bad symphony is rejected with its reason, and the others are extracted.

    Raises
    ------
    StageError
        There is no such chunk.
    ComposerError
        The service rejects every request, or does not answer at all.
    """
    chunk, size, listing = int(work.part), work.settings.chunk_size, read_listing(work)
    rows = listing.rows[chunk * size : (chunk + 1) * size]
    if not rows or chunk < 0:
        raise StageError(
            f"there is no chunk {chunk}: {len(listing.rows)} symphonies are in {work.result(LIST).chunks} chunks"
        )
    terms = BacktestTerms(SERVICE_COSTS, SERVICE_CAPITAL)
    finder = SourceFinder(
        work.settings,
        listed_market(work),
        cache_of(work),
        listing,
        terms,
        missing_tickers=work.settings.missing_tickers,
    )
    while True:
        sources = asyncio.run(finder.find(rows))
        asked = ", ".join(f"{count} {kind}" for kind, count in finder.take_asked().items() if count)
        work.progress(f"chunk {chunk}: {asked or 'nothing'} fetched for {len(rows)} symphonies")
        try:
            return _extract(work, finder, sources)
        except DamagedError as error:
            # The damaged object has been removed, so the next round fetches or replays it.
            work.progress(f"chunk {chunk}: {error} is missing from the cache, or damaged")


def read_records(work: Work[Any]) -> ChunkRecords:
    """Read the records of all replayed strategies; the stage must need the extraction."""
    return ChunkRecords.concatenate(
        [
            ChunkRecords.load(work.read(EXTRACT, chunk_files(chunk)["records"]))
            for chunk in work.results(EXTRACT)
        ]
    )


def _extract(work: Work[ExtractSettings], finder: SourceFinder, sources: Sequence[Source]) -> Extracted:
    """Take the chunk's outputs from the cache if an earlier run produced them from the same inputs; else replay."""
    cache = cache_of(work)
    key = {
        "sources": [source.identity() for source in sources],
        "settings": work.settings.part(ReplaySettings).digest(),
        "market": work.result(LIST).market,
        "price_findings": work.read_json(LIST, PRICE_FINDINGS),  # Rejects quote them.
        "program": program_digest(),
    }
    files = chunk_files(work.part)
    pins = {source.row.symphony_id: SourcePins(**source.pins()) for source in sources}
    made = None if work.settings.refresh else cache.find("chunks", key)
    if made is not None and all(cache.has(made["objects"][name]) for name in files):
        for name, path in files.items():
            cache.take_file(made["objects"][name], work.write(path))
        work.progress(f"chunk {work.part}: {len(sources)} symphonies are unchanged, nothing replayed")
        return Extracted(**made["result"], sources=pins)
    result = _replay(work, finder, sources)
    objects = {name: cache.put_file(work.folder / path) for name, path in files.items()}
    cache.keep("chunks", key, {"objects": objects, "result": result})
    return Extracted(**result, sources=pins)


def _replay(work: Work[ExtractSettings], finder: SourceFinder, sources: Sequence[Source]) -> dict[str, Any]:
    replayed = iter(
        work_through(
            [source for source in sources if source.reject is None],
            listed_market(work),
            partial(_replay_part, work.settings.part(ReplaySettings), finder.answers),
            workers=work.settings.replay_processes,
        )
    )
    records: list[StrategyRecord] = []
    trades: list[TradeTable] = []
    rejects: list[Reject] = []
    by_level_quoted = 0
    for source in sources:
        outcome = source.reject or next(replayed)
        if isinstance(outcome, DamagedError):
            raise outcome
        if isinstance(outcome, Reject):
            rejects.append(outcome)
        else:
            records.append(outcome.record)
            by_level_quoted += outcome.by_level
            if outcome.record.fidelity_status != DISAGREES:
                trades.append(outcome.trades)
    files = chunk_files(work.part)
    rejects = sorted(rejects, key=lambda reject: reject.symphony_id)
    ChunkRecords(tuple(records)).save(work.write(files["records"]))
    TradeTable.concatenate(trades).save(work.write(files["trades"]))
    write_json(work.write(files["rejects"]), [asdict(reject) for reject in rejects])
    agree = sum(record.fidelity_status == AGREES for record in records)
    work.progress(
        f"chunk {work.part}: {len(records)} replayed, {agree} agree with the service, {len(rejects)} rejected"
    )
    return {
        "replayed": len(records),
        "agree": agree,
        "rejected": len(rejects),
        "by_level_quoted": by_level_quoted,
        "trades": sum(len(t) for t in trades),
        "fidelity": {
            record.symphony_id: {**record.fidelity.as_json(), "status": record.fidelity_status}
            for record in records
        },
    }


def _replay_part(
    settings: ReplaySettings, answers: Answers, evaluator: Evaluator, sources: Sequence[Source]
) -> list[_Replayed | Reject | DamagedError]:
    outcomes: list[_Replayed | Reject | DamagedError] = []
    evaluator = evaluator.with_missing_tickers(settings.missing_tickers)
    for source in sources:
        try:
            symphony, theirs = source.parse(answers), source.daily_values(answers)
        except DamagedError as error:
            outcomes.append(error)
        else:
            outcomes.append(_replay_one(settings, evaluator, symphony, theirs, source.row.last_edit))
    return outcomes


def _replay_one(
    settings: ReplaySettings,
    evaluator: Evaluator,
    symphony: Symphony,
    theirs: DailyValues,
    last_edit: dt.date | None,
) -> _Replayed | Reject:
    try:
        replay = evaluator.replay(symphony, leaf_scores(symphony), margins=True)
        near = None if replay.margins is None else replay.margins.within_noise
        no_vote = no_vote_reason(symphony, evaluator.missing_raw_closes(replay))
        if no_vote is not None:
            return Reject(symphony.symphony_id, "level", no_vote)
        ours = backtest(
            replay,
            evaluator.panel,
            SERVICE_COSTS,
            "same_close",
            capital=SERVICE_CAPITAL,
            whole_share_tickers=settings.whole_share_tickers,
        )
        comparison = compare_daily_values(
            ours.dates,
            ours.equity,
            theirs.dates,
            1.0 + theirs.symphony,
            near=near,
            undecided=replay.undecided,
            resolution=theirs.resolution,
        )
        shared = None if theirs.weights is None else equal_holdings(replay, theirs.dates, theirs.weights)
        fidelity = comparison.overall(shared)
        if fidelity is None:
            reason = (
                f"{len(comparison.dates)} days in common with the service's backtest, "
                f"fewer than {MIN_COMMON_DAYS}"
            )
            return Reject(symphony.symphony_id, "fidelity", reason)
        # A strategy that disagrees is kept with its figures: the reviews decide which strategies vote, and when, by
        # what was known then. The figures over all days decide nothing.
        record, trades = record_strategy(
            replay,
            evaluator.panel,
            fidelity=fidelity,
            agreement=comparison.agreement(
                replay.dates,
                min_correlation=settings.min_fidelity,
                max_tracking_error=settings.max_tracking_error,
            ),
            fill=settings.fill,
            cost_bps=settings.cost_bps,
            crypto_cost_bps=settings.crypto_cost_bps,
            last_edit=last_edit,
        )
        return _Replayed(record, trades, bool(symphony.level_rules))
    except (SymphonyError, DataError) as error:
        return Reject(symphony.symphony_id, "replay", str(error))
