"""The service that the settings name, and the library that they choose from it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from rlpretrain.composer import (
    ComposerClient,
    EmbeddedAddress,
    RetryPolicy,
    SymphonySummary,
    list_library,
    load_catalogue,
    open_composer,
    parse_address,
)
from rlpretrain.config import PretrainingConfig
from rlpretrain.errors import DataError

__all__ = ["fetch_listing", "open_library"]


def open_library(
    config: PretrainingConfig, *, concurrency: int | None = None, **embedded: Any
) -> AbstractAsyncContextManager[ComposerClient]:
    """Connect to the service.

    Parameters
    ----------
    config
        Settings.
    concurrency
        Most calls at once; the settings' when None.
    embedded
        What the embedded server gets beside its catalogue: ``backtester`` and ``as_of`` of `open_composer`. Listing
        and trees need neither.
    """
    options: dict[str, Any] = {
        "concurrency": concurrency or config.composer_concurrency,
        "call_timeout": config.composer_timeout,
        "budget": config.composer_budget,
        "retry": RetryPolicy(tries=config.composer_tries),
    }
    address = parse_address(config.composer_url)
    if isinstance(address, EmbeddedAddress):
        options |= embedded
        if address.url is None:
            options["catalogue"] = load_catalogue(config.catalogue)
    return open_composer(config.composer_url, **options)


async def fetch_listing(client: ComposerClient, config: PretrainingConfig) -> list[SymphonySummary]:
    """List the library that the settings choose.

    All of it, every night: an order by the last edit would show first what changed, but not what was withdrawn, what
    moved in the order that chooses `max_strategies`, or where a page of a listing that moves was cut.

    Raises
    ------
    DataError
        It is empty.
    """
    summaries = await list_library(
        client, config.max_strategies, where=config.search_where, order_by=config.search_order
    )
    if not summaries:
        raise DataError("the library lists no symphony", hint="see composer_url, catalogue, search_where")
    return summaries
