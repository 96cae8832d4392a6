"""List the library and cut it into chunks."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from dataclasses import asdict, dataclass

from rlpretrain.artifacts import StageRecorder, write_json
from rlpretrain.composer import SymphonySummary, check_search
from rlpretrain.errors import DataError
from rlpretrain.patterns.store import open_store
from rlpretrain.stages.cache import Cache
from rlpretrain.stages.connection import fetch_listing
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.service import open_service

__all__ = ["STAGE", "Listing", "chunk_numbers", "read_library", "run"]

STAGE = "library"
_LISTING = "library/symphonies.json"
_FEWEST_BARS = 315
"""Of an asset to validate on: a year until its state is complete, and a quarter to choose checkpoints on."""


def run(context: StageContext) -> list[int]:
    """List at most `max_strategies` symphonies; return the numbers of the chunks.

    Raises
    ------
    SettingsError
        The market is too short for the windows, the store's address is none, or a search can't be made.
    ServiceError
        The store can't be reached.
    DataError
        The library is empty, or the market has no prices of an asset to validate on.
    """
    _check_beforehand(context)

    def work(recorder: StageRecorder) -> None:
        summaries, as_of = asyncio.run(_list(context))
        rows = [{**asdict(s), "last_edit": s.last_edit and s.last_edit.isoformat()} for s in summaries]
        write_json(recorder.output(_LISTING), rows)
        recorder.counts["listed"] = len(rows)
        recorder.counts["last_edit_known"] = sum(s.last_edit is not None for s in summaries)
        recorder.details["as_of"] = as_of.isoformat()
        context.progress(f"{len(rows)} symphonies listed")
        removed = Cache(context.cache_folder).remove_unused(context.config.cache_days)
        if removed:
            context.progress(f"{removed} files removed from {context.cache_folder}, unused for long")

    context.run_stage(
        STAGE,
        work,
        settings=("max_strategies", "catalogue", "search_where", "search_order", "market", "seed", "refresh"),
        inputs={"service": "embedded" if context.embedded else "remote"},
    )
    return chunk_numbers(context)


def _check_beforehand(context: StageContext) -> None:
    """Say now, not after hours of replays and training, what the later stages would miss."""
    check_search(context.config.search_where, context.config.search_order)
    open_store(context.store_url).close()
    market = context.config.market
    unpriced = [symbol for symbol in context.config.validation_envs if symbol not in context.panel]
    if unpriced:
        raise DataError(f"validation_envs: the market {market} has no prices of {', '.join(unpriced)}")
    for symbol in context.config.validation_envs:
        seen = context.panel.series(symbol).dates < context.windows.test_start
        if seen.sum() < _FEWEST_BARS:
            raise DataError(
                f"validation_envs: {symbol} has {seen.sum()} bars before the test window from "
                f"{context.windows.test_start}, fewer than {_FEWEST_BARS}",
                hint="choose an asset with a longer history, or a later test_start",
            )
    context.progress("windows " + ", ".join(f"{k} {v}" for k, v in context.windows.as_json().items()))


async def _list(context: StageContext) -> tuple[list[SymphonySummary], dt.date]:
    async with open_service(context, concurrency=context.config.composer_page_concurrency) as client:
        return await fetch_listing(client, context.config), client.as_of


@dataclass(frozen=True)
class Listing:
    """The library as a run has listed it."""

    rows: tuple[SymphonySummary, ...]
    as_of: dt.date
    """The service's last day when it was listed."""
    name: str
    """Tells this listing from any other, of this run or another."""


def chunk_numbers(context: StageContext) -> list[int]:
    """Return the numbers of the chunks that the listing is cut into."""
    return list(range(-(-len(read_library(context).rows) // context.config.chunk_size)))


def read_library(context: StageContext) -> Listing:
    """Read the listing.

    Raises
    ------
    StageError
        The library was not listed yet.
    """
    manifest = context.run.require(STAGE)
    rows = json.loads((context.run / _LISTING).read_text(encoding="utf-8"))
    for row in rows:
        row["last_edit"] = row["last_edit"] and dt.date.fromisoformat(row["last_edit"])
    return Listing(
        rows=tuple(SymphonySummary(**row) for row in rows),
        as_of=dt.date.fromisoformat(manifest.details["as_of"]),
        name=f"{context.run.run_id} {manifest.clock['finished']}",
    )
