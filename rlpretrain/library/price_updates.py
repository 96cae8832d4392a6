"""Daily prices of every ticker that a library of symphonies holds or reads."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from rlpretrain.choices import choose
from rlpretrain.composer import ComposerClient, ComposerError, SymphonySummary, Verdict
from rlpretrain.composer.settings import LibrarySettings
from rlpretrain.errors import DataError, ServiceError, SymphonyError
from rlpretrain.features.context import SOURCES
from rlpretrain.library.answers import Answers
from rlpretrain.library.boundary import unforeseen
from rlpretrain.library.service import fetch_listing, open_library
from rlpretrain.market.download import PriceUpdate, update_prices
from rlpretrain.market.sources import PRICE_SOURCES
from rlpretrain.runs.cache import Cache, DamagedError
from rlpretrain.symphony import parse_symphony

__all__ = ["download_prices", "library_tickers", "surrounding_tickers", "tickers_of"]


def download_prices(
    folder: Path, tickers: Collection[str], source: str, *, refresh: bool, progress: Callable[[str], None]
) -> PriceUpdate:
    """Update the tickers' files in a folder from a row of `PRICE_SOURCES`.

    Raises
    ------
    ServiceError
        No prices of any ticker could be fetched, and none was up to date.
    SettingsError
        There is no such source, or it needs a package that is not installed.
    """
    fetch = choose(PRICE_SOURCES, source).fetch
    update = update_prices(
        folder, tickers, fetch, now=dt.datetime.now(dt.UTC), refresh=refresh, progress=progress
    )
    if not update.updated and not update.current:
        first = next(iter(update.rejected.values()))
        raise ServiceError(f"no prices of any of {len(tickers)} tickers: {first}", retryable=True)
    return update


def surrounding_tickers(assets: Iterable[str]) -> set[str]:
    """Return the assets to validate on, and the first choice for each role in the market's part of the state."""
    return {*assets, *(names[0] for names in SOURCES.values())}


async def library_tickers(settings: LibrarySettings, cache: Cache, unread: dict[str, str]) -> set[str]:
    """Return every ticker that the library's symphonies name; trees are read from the cache where possible.

    Parameters
    ----------
    settings
        Service and library.
    cache
        Where trees are stored.
    unread
        Receives the symphonies that cannot be read, with the reasons.

    Raises
    ------
    ComposerError
        The service rejects every call, or does not answer for most of the symphonies.
    DataError
        The library is empty.
    """
    async with open_library(settings, as_of=dt.datetime.now(dt.UTC).date()) as client:
        rows = (await fetch_listing(client, settings)).symphonies
        answers = Answers(settings, cache, as_of=client.as_of, listing=f"prices {uuid.uuid4()}")
        documents = await asyncio.gather(*(_document(client, answers, row) for row in rows))
    unanswered = [found for found in documents if isinstance(found, ComposerError) and found.retryable]
    if 2 * len(unanswered) > len(rows):
        raise unanswered[0]
    return tickers_of(zip((row.symphony_id for row in rows), documents, strict=True), unread)


async def _document(
    client: ComposerClient, answers: Answers, row: SymphonySummary
) -> dict[str, Any] | ComposerError:
    known = answers.tree(row)
    if known is not None:
        try:
            return answers.load_tree(known)
        except DamagedError:
            pass
    try:
        document = await client.get_saved_symphony(row.symphony_id)
    except ComposerError as error:
        if error.verdict is Verdict.STOP:
            raise
        return error
    answers.keep_tree(row, document)
    return document


def tickers_of(
    documents: Iterable[tuple[str, dict[str, Any] | Exception]], unread: dict[str, str]
) -> set[str]:
    """Return every ticker that the symphonies name; one that cannot be read is recorded in `unread`.

    Parameters
    ----------
    documents
        Name and tree, or the reason why there is none.
    unread
        Receives a line for each symphony that cannot be read.
    """
    tickers: set[str] = set()
    for name, document in documents:
        try:
            if isinstance(document, Exception):
                raise document
            tickers.update(parse_symphony(document, symphony_id=name).tickers)
        except (ComposerError, DataError, SymphonyError) as error:
            unread[name] = f"{name}: {error}"
        except Exception as error:
            unread[name] = f"{name}: {unforeseen(name, 'its tickers were read', error).reason}"
    return tickers
