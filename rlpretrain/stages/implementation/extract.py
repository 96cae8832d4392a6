"""Fetch, check and replay one chunk of the library, unless an earlier run has already done so."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Literal

from rlpretrain.errors import StageError
from rlpretrain.library.answers import Answers
from rlpretrain.library.boundary import UNFORESEEN, unforeseen
from rlpretrain.library.source_finder import SourceFinder
from rlpretrain.library.sources import BacktestTerms, Source
from rlpretrain.patterns import AGREES, DISAGREES, ChunkRecords, Reject, TradeTable
from rlpretrain.patterns.strategies.version_records import VersionRecords
from rlpretrain.runs.cache import DamagedError, program_digest
from rlpretrain.runs.files import write_json
from rlpretrain.stages.extract import EXTRACT, Extracted, ExtractSettings, ReplaySettings, SourcePins
from rlpretrain.stages.implementation.list import read_listing
from rlpretrain.stages.implementation.market import cache_of, listed_market
from rlpretrain.stages.implementation.replayed_source import Replayed, SourceReplayer
from rlpretrain.stages.list import LIST, PRICE_FINDINGS
from rlpretrain.stages.work import Work
from rlpretrain.symphony import Costs, Evaluator, work_through

__all__ = [
    "SERVICE_CAPITAL",
    "SERVICE_COSTS",
    "chunk_files",
    "extract_chunk",
    "read_records",
    "read_versions",
]

SERVICE_COSTS = Costs()
"""Costs of trading for the comparison with the service: they are requested from the service and charged here."""
SERVICE_CAPITAL = 10_000.0
"""Initial dollars of both; the regulators' fees depend on the number of shares traded."""


def chunk_files(chunk: str) -> dict[str, str]:
    """Return the paths of a chunk's outputs, relative to the run's folder."""
    stage = EXTRACT.manifest_name(chunk)
    return {
        "records": f"{stage}.npz",
        "last": f"{stage}_last.npz",
        "versions": f"{stage}_versions.npz",
        "trades": f"{stage}_trades.npz",
        "rejects": f"{stage}_rejects.json",
    }


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


def read_records(work: Work[Any], kind: Literal["records", "last"] = "records") -> ChunkRecords:
    """Read the records of all replayed strategies; the stage must need the extraction.

    Parameters
    ----------
    work
        The stage's work.
    kind
        ``records`` that vote, or the ``last`` versions on all days of those strategies whose records follow versions.
    """
    return ChunkRecords.concatenate(
        [ChunkRecords.load(work.read(EXTRACT, chunk_files(chunk)[kind])) for chunk in work.results(EXTRACT)]
    )


def read_versions(work: Work[Any]) -> VersionRecords:
    """Read what each version earned on all days; the stage must need the extraction."""
    return VersionRecords.concatenate(
        [
            VersionRecords.load(work.read(EXTRACT, chunk_files(chunk)["versions"]))
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
    result, lasting = _replay(work, finder, sources)
    if not lasting:
        return Extracted(**result, sources=pins)
    objects = {name: cache.put_file(work.folder / path) for name, path in files.items()}
    cache.keep("chunks", key, {"objects": objects, "result": result})
    return Extracted(**result, sources=pins)


def _replay(
    work: Work[ExtractSettings], finder: SourceFinder, sources: Sequence[Source]
) -> tuple[dict[str, Any], bool]:
    """Replay a chunk; return its result, and whether the same inputs are certain to give the same again."""
    terms = BacktestTerms(SERVICE_COSTS, SERVICE_CAPITAL)
    outcomes = work_through(
        sources,
        listed_market(work),
        partial(_replay_part, work.settings.part(ReplaySettings), terms, finder.answers),
        workers=work.settings.replay_processes,
    )
    found: list[Replayed] = []
    rejects: list[Reject] = []
    for outcome in outcomes:
        if isinstance(outcome, DamagedError):
            raise outcome
        if isinstance(outcome, Reject):
            rejects.append(outcome)
        else:
            found.append(outcome)
    records = [one.record for one in found]
    last = [one.last for one in found if one.last is not None]
    versions = [version for one in found for version in one.versions]
    trades = [one.trades for one in found if one.record.fidelity_status != DISAGREES]
    files = chunk_files(work.part)
    rejects = sorted(rejects, key=lambda reject: reject.symphony_id)
    ChunkRecords(tuple(records)).save(work.write(files["records"]))
    ChunkRecords(tuple(last)).save(work.write(files["last"]))
    VersionRecords(tuple(versions)).save(work.write(files["versions"]))
    TradeTable.concatenate(trades).save(work.write(files["trades"]))
    write_json(work.write(files["rejects"]), [asdict(reject) for reject in rejects])
    agree = sum(record.fidelity_status == AGREES for record in records)
    replayed_versions = sum(bool(version.version_id) for version in versions)
    work.progress(
        f"chunk {work.part}: {len(records)} replayed in {replayed_versions or len(records)} versions, {agree} agree "
        f"with the service, {len(rejects)} rejected"
    )
    remarks = [
        *(remark for source in sources for remark in source.history_remarks),
        *(remark for one in found for remark in one.remarks),
    ]
    result = {
        "replayed": len(records),
        "agree": agree,
        "rejected": len(rejects),
        "by_level_quoted": sum(one.by_level for one in found),
        "trades": sum(len(t) for t in trades),
        "histories": sum(bool(record.versions) for record in records),
        "versions": replayed_versions,
        "history_remarks": dict(sorted(Counter(remark.kind for remark in remarks).items())),
        "fidelity": {
            record.symphony_id: {**record.fidelity.as_json(), "status": record.fidelity_status}
            for record in records
        },
    }
    known = all(reject.stage != UNFORESEEN for reject in rejects)
    return result, known and all(remark.kind != UNFORESEEN for remark in remarks)


def _replay_part(
    settings: ReplaySettings,
    terms: BacktestTerms,
    answers: Answers,
    evaluator: Evaluator,
    sources: Sequence[Source],
) -> list[Replayed | Reject | DamagedError]:
    outcomes: list[Replayed | Reject | DamagedError] = []
    replayer = SourceReplayer(
        settings, terms, answers, evaluator.with_missing_tickers(settings.missing_tickers)
    )
    for source in sources:
        try:
            outcomes.append(replayer.replay(source))
        except DamagedError as error:
            outcomes.append(error)
        except Exception as error:
            outcomes.append(unforeseen(source.row.symphony_id, "it was replayed", error))
    return outcomes
