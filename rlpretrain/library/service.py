"""The Composer service of a run: the real one, or the embedded server with this program's engine behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from rlpretrain.composer import (
    ComposerClient,
    EmbeddedAddress,
    LibraryListing,
    RestAddress,
    RetryPolicy,
    load_catalogue,
    open_composer,
    parse_address,
    read_library,
)
from rlpretrain.composer.settings import LibrarySettings, ServiceSettings
from rlpretrain.errors import DataError
from rlpretrain.library.engine_backtester import EngineBacktester
from rlpretrain.market import PricePanel

__all__ = ["fetch_listing", "has_versions", "is_embedded", "open_library", "open_service"]


def is_embedded(settings: ServiceSettings) -> bool:
    """Return whether the service is the embedded server."""
    return isinstance(parse_address(settings.composer_url), EmbeddedAddress)


def has_versions(settings: ServiceSettings) -> bool:
    """Return whether the service can have versions of symphonies: over MCP there are none."""
    address = parse_address(settings.composer_url)
    return isinstance(address, RestAddress) or (
        isinstance(address, EmbeddedAddress) and address.transport == "rest"
    )


def open_library(
    settings: ServiceSettings, *, concurrency: int | None = None, **embedded: Any
) -> AbstractAsyncContextManager[ComposerClient]:
    """Connect to the service.

    Parameters
    ----------
    settings
        Address and limits of the service.
    concurrency
        Maximum number of calls at once; None takes the settings' number.
    embedded
        What the embedded server gets in addition to its catalogue: ``backtester`` and ``as_of`` of `open_composer`.
        Listing and trees need neither.
    """
    options: dict[str, Any] = {
        "concurrency": concurrency or settings.composer_concurrency,
        "call_timeout": settings.composer_timeout,
        "budget": settings.composer_budget,
        "retry": RetryPolicy(tries=settings.composer_tries),
    }
    address = parse_address(settings.composer_url)
    if isinstance(address, EmbeddedAddress):
        options |= embedded
        if address.url is None:
            options["catalogue"] = load_catalogue(settings.catalogue)
    return open_composer(settings.composer_url, **options)


async def fetch_listing(client: ComposerClient, settings: LibrarySettings) -> LibraryListing:
    """List the library that the settings choose.

    The whole library is listed every night: an order by the last edit would show changes first, but not which
    symphonies were withdrawn, which moved in the order that chooses `max_strategies`, or where a page of a changing
    list ended.

    Raises
    ------
    DataError
        The library is empty.
    """
    listing = await read_library(
        client, settings.max_strategies, where=settings.search_where, order_by=settings.search_order
    )
    if not listing.symphonies:
        unread = f", and {len(listing.left_out)} rows that cannot be read" if listing.left_out else ""
        raise DataError(
            f"the library lists no symphony{unread}", hint="see composer_url, catalogue, search_where"
        )
    return listing


@asynccontextmanager
async def open_service(
    settings: ServiceSettings, panel: PricePanel, *, concurrency: int | None = None
) -> AsyncIterator[ComposerClient]:
    """Connect to the service that the settings name, on a run's market; None takes the settings' `concurrency`."""
    embedded: dict[str, Any] = {}
    if is_embedded(settings):
        embedded = {"backtester": EngineBacktester(panel), "as_of": panel.dates[-1].astype(object)}
    async with open_library(settings, concurrency=concurrency, **embedded) as client:
        yield client
