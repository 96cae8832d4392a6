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

__all__ = ["SymphonySummary", "list_library"]

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


async def list_library(
    client: ComposerClient,
    limit: int | None = None,
    *,
    where: Sequence[Any] | None = None,
    order_by: Sequence[Any] | None = None,
) -> list[SymphonySummary]:
    """List symphonies in the service's order, without repeats.

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
    pages: dict[int, SearchPage] = {}
    offsets = iter(range(0, limit if limit is not None else 2**31, PAGE_SIZE))
    seen: set[str] = set()
    finished, repeats = False, 0

    async def worker() -> None:
        nonlocal finished, repeats
        while not finished and (offset := next(offsets, None)) is not None:
            pages[offset] = await client.search_symphonies(where, order_by, offset)
            if pages[offset].received < PAGE_SIZE:
                finished = True
                return
            found = {row.symphony_id for row in pages[offset].rows}
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
    listed: dict[str, SymphonySummary] = {}
    for offset in sorted(pages):
        for reason in pages[offset].unreadable:
            logger.warning("a row of the search at offset %d was left out: %s", offset, reason)
        for row in pages[offset].rows:
            listed.setdefault(row.symphony_id, _summary(row, client.as_of))
    return list(listed.values())[:limit]


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
    described = {
        name: value
        for name, value in row.columns.items()
        if name in ("name", "description", "rebalance_frequency", "asset_classes")
        or name.startswith("num_node_")
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
