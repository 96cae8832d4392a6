"""List the library and divide it into chunks."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rlpretrain.composer import LibraryListing
from rlpretrain.library.listing import Listing, rows_as_json, rows_from_json
from rlpretrain.library.service import fetch_listing, is_embedded, open_service
from rlpretrain.market.findings import FindingCounts
from rlpretrain.patterns import Reject
from rlpretrain.runs.files import write_json
from rlpretrain.stages.implementation.market import cache_of, market_of
from rlpretrain.stages.list import LEFT_OUT, LIST, LISTING, PRICE_FINDINGS, Listed, ListSettings
from rlpretrain.stages.work import Work

__all__ = ["inputs", "list_symphonies", "read_listing"]


def inputs(work: Work[ListSettings]) -> Mapping[str, str]:
    """Return the digest of the prices, and the kind of service."""
    return {"market": market_of(work).digest, "service": _service(work)}


def list_symphonies(work: Work[ListSettings]) -> Listed:
    """List at most `max_strategies` symphonies.

    Raises
    ------
    DataError
        The library is empty.
    """
    settings, panel = work.settings, market_of(work)
    write_json(work.write(PRICE_FINDINGS), [finding.as_json() for finding in panel.findings])
    library, as_of = asyncio.run(_list(work))
    rows = library.symphonies
    write_json(work.write(LISTING), rows_as_json(rows))
    write_json(work.write(LEFT_OUT), _rejects(library))
    unread = f", {len(library.left_out)} rows of the listing cannot be read" if library.left_out else ""
    work.progress(f"{len(rows)} symphonies listed{unread}")
    cache = cache_of(work)
    removed = cache.remove_unused(settings.cache_days)
    if removed:
        work.progress(
            f"{removed} files that were unused for {settings.cache_days} days removed from {cache.folder}"
        )
    embedded, counts = is_embedded(settings), FindingCounts.of(panel.findings)
    return Listed(
        listed=len(rows),
        last_edit_known=sum(row.last_edit is not None for row in rows),
        chunks=-(-len(rows) // settings.chunk_size),
        as_of=as_of,
        service=_service(work),
        source=settings.catalogue if embedded else "composer",
        market=panel.digest,
        price_bars_left_out=counts.bars,
        price_tickers_left_out=counts.tickers,
        price_warnings=counts.warnings,
        left_out=len(library.left_out),
    )


def _rejects(library: LibraryListing) -> list[dict[str, str]]:
    """Return a reject for each row that cannot be read, as JSON values; such a row need not have an id."""
    return [
        asdict(Reject(f"row {number} at offset {row.offset}", "list", row.reason))
        for number, row in enumerate(library.left_out)
    ]


def _service(work: Work[ListSettings]) -> Any:
    return "embedded" if is_embedded(work.settings) else "composer"


async def _list(work: Work[ListSettings]) -> tuple[LibraryListing, dt.date]:
    settings, panel = work.settings, market_of(work)
    async with open_service(settings, panel, concurrency=settings.composer_page_concurrency) as client:
        return await fetch_listing(client, settings), client.as_of


def read_listing(work: Work[Any]) -> Listing:
    """Read the listing of the library; the stage must need it."""
    manifest = work.manifest(LIST)
    return Listing(
        rows=rows_from_json(work.read_json(LIST, LISTING)),
        as_of=LIST.read(manifest).as_of,
        name=f"{work.run_id} {manifest.clock['finished']}",
    )
