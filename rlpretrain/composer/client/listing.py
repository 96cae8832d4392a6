"""The whole library, page by page, several pages at once."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlpretrain.composer.client.composer_client import PAGE_SIZE, ComposerClient
from rlpretrain.composer.client.failures import ComposerError, Verdict
from rlpretrain.composer.client.wire import SearchPage, SearchRow
from rlpretrain.errors import described
from rlpretrain.limits import LISTED_ROWS

__all__ = ["LeftOutRow", "LibraryListing", "SymphonySummary", "list_library", "read_library"]

logger = logging.getLogger(__name__)

_REPEATS = 20
"""Full pages without a new symphony after which the listing fails; one or two occur when a library changes."""


@dataclass(frozen=True)
class SymphonySummary:
    """One symphony of the library, before its tree is fetched."""

    symphony_id: str
    name: str
    description: str
    rebalance_frequency: str | None
    last_edit: dt.date | None
    """Day of the author's last change; None if the service does not return it. It is counted back from the service's
    last day, which is known only to within a few days, so it may be off by as many."""
    fingerprint: str
    """Hash of all that the listing contains about the tree: name, description, rebalance frequency, kinds of assets and
    numbers of nodes. Different fingerprints mean different trees; equal ones prove nothing."""


@dataclass(frozen=True)
class LeftOutRow:
    """A row of the search that could not be read."""

    offset: int
    """Rows before its page."""
    reason: str


@dataclass(frozen=True)
class LibraryListing:
    """The library, and what could not be read of its listing."""

    symphonies: tuple[SymphonySummary, ...]
    """In the service's order, without repeats."""
    left_out: tuple[LeftOutRow, ...]


async def list_library(
    client: ComposerClient,
    limit: int | None = None,
    *,
    where: Sequence[Any] | None = None,
    order_by: Sequence[Any] | None = None,
) -> list[SymphonySummary]:
    """List symphonies in the service's order, without repeats; rows that cannot be read are only logged.

    See `read_library`.
    """
    return list((await read_library(client, limit, where=where, order_by=order_by)).symphonies)


async def read_library(
    client: ComposerClient,
    limit: int | None = None,
    *,
    where: Sequence[Any] | None = None,
    order_by: Sequence[Any] | None = None,
) -> LibraryListing:
    """List symphonies, and the rows that cannot be read.

    The service returns five per page; the client requests as many pages at once as it has slots. The order is
    that of the offsets, whichever page arrived first.

    Parameters
    ----------
    client
        An open client.
    limit
        Maximum number of symphonies to list; all if None.
    where, order_by
        HoneySQL as JSON; see `ComposerClient.search_symphonies`.

    Raises
    ------
    ComposerError
        A page could not be fetched, or the service keeps returning pages without a new symphony.
    """
    pages: dict[int, tuple[list[SymphonySummary], list[str]]] = {}
    last = LISTED_ROWS.most if limit is None else min(limit, LISTED_ROWS.most)
    offsets = iter(range(0, last, PAGE_SIZE))
    seen: set[str] = set()
    finished, repeats = False, 0

    async def worker() -> None:
        nonlocal finished, repeats
        while not finished and (offset := next(offsets, None)) is not None:
            page = await client.search_symphonies(where, order_by, offset)
            # Only summaries are kept: a row may have megabytes.
            summaries, _ = pages[offset] = await asyncio.to_thread(_summaries, page, client.as_of)
            if page.received < PAGE_SIZE:
                finished = True
                return
            found = {row.symphony_id for row in summaries}
            repeats = 0 if found - seen else repeats + 1
            seen.update(found)
            if repeats == _REPEATS:
                raise ComposerError(
                    f"the search returned nothing new for {_REPEATS} pages up to offset {offset}, and does not end",
                    verdict=Verdict.STOP,
                    hint="the service seems to ignore `offset`; set max_strategies",
                )

    workers = [asyncio.create_task(worker()) for _ in range(client.concurrency)]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
    if not finished and last != limit:
        raise ComposerError(
            f"the search lists more than {LISTED_ROWS.most:,} rows",
            verdict=Verdict.STOP,
            hint="set max_strategies",
        )
    listed: dict[str, SymphonySummary] = {}
    left_out: list[LeftOutRow] = []
    for offset in sorted(pages):
        summaries, reasons = pages[offset]
        for reason in reasons:
            logger.warning("a row of the search at offset %d was left out: %s", offset, reason)
            left_out.append(LeftOutRow(offset, reason))
        for row in summaries:
            listed.setdefault(row.symphony_id, row)
    return LibraryListing(tuple(listed.values())[:limit], tuple(left_out))


def _summaries(page: SearchPage, as_of: dt.date) -> tuple[list[SymphonySummary], list[str]]:
    """Return the summaries of a page's rows, and the reasons why other rows have none."""
    found, reasons = [], list(page.unreadable)
    for row in page.rows:
        try:
            found.append(_summary(row, as_of))
        except Exception as error:  # whatever one row contains, the others are listed
            reasons.append(f"{row.symphony_id}: {described(error)}")
    return found, reasons


def _summary(row: SearchRow, as_of: dt.date) -> SymphonySummary:
    days = row.oos_num_backtest_days
    return SymphonySummary(
        symphony_id=row.symphony_id,
        name=row.name,
        description=row.description,
        rebalance_frequency=row.rebalance_frequency,
        last_edit=None if days is None else as_of - dt.timedelta(days=days),
        fingerprint=_fingerprint(row),
    )


def _fingerprint(row: SearchRow) -> str:
    about_tree = {
        name: value
        for name, value in row.columns.items()
        if name in ("name", "description", "rebalance_frequency", "asset_classes")
        or name.startswith("num_node_")
    }
    return hashlib.sha256(json.dumps(about_tree, sort_keys=True).encode()).hexdigest()
