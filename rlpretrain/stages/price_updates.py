"""Daily prices from Yahoo for everything that a library of symphonies looks at."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from rlpretrain.composer import ComposerClient, ComposerError, SymphonySummary, Verdict
from rlpretrain.config import PretrainingConfig
from rlpretrain.errors import DataError, ServiceError, SymphonyError
from rlpretrain.features.context import SOURCES
from rlpretrain.market.download import PriceUpdate, update_prices
from rlpretrain.output_folder import CACHE
from rlpretrain.stages.answers import Answers
from rlpretrain.stages.cache import Cache, DamagedError
from rlpretrain.stages.connection import fetch_listing, open_library
from rlpretrain.symphony import parse_symphony

__all__ = ["download_prices", "library_tickers", "surrounding_tickers", "tickers_of"]


def download_prices(
    folder: Path, tickers: Collection[str], *, refresh: bool, progress: Callable[[str], None]
) -> PriceUpdate:
    """Bring the tickers' files in a folder up to date, from Yahoo.

    Raises
    ------
    ServiceError
        No price of any of them could be had, and none was up to date.
    SettingsError
        yfinance is not installed.
    """
    from rlpretrain.market import yahoo

    update = update_prices(
        folder, tickers, yahoo.yahoo_series, now=dt.datetime.now(dt.UTC), refresh=refresh, progress=progress
    )
    if not update.updated and not update.current:
        first = next(iter(update.rejected.values()))
        raise ServiceError(f"no prices of any of {len(tickers)} tickers: {first}", retryable=True)
    return update


def surrounding_tickers(config: PretrainingConfig) -> set[str]:
    """Return the assets to validate on, and the first choice for each part of the market's state."""
    return {*config.validation_envs, *(names[0] for names in SOURCES.values())}


async def library_tickers(config: PretrainingConfig, unread: dict[str, str]) -> set[str]:
    """Return every ticker that the library's symphonies name; their trees come from the cache where they are there.

    Parameters
    ----------
    config
        Settings.
    unread
        Gets the symphonies that can't be read, and why.

    Raises
    ------
    ComposerError
        The service refuses everything, or does not answer for most of the symphonies.
    DataError
        The library is empty.
    """
    cache = Cache(config.output_dir / CACHE)
    async with open_library(config, as_of=dt.datetime.now(dt.UTC).date()) as client:
        rows = await fetch_listing(client, config)
        answers = Answers(config, cache, as_of=client.as_of, listing=f"prices {uuid.uuid4()}")
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
    """Return every ticker that the symphonies name; one that can't be read is recorded in `unread`.

    Parameters
    ----------
    documents
        Name and tree, or why there is none.
    unread
        Gets a line for each that can't be read.
    """
    tickers: set[str] = set()
    for name, document in documents:
        try:
            if isinstance(document, Exception):
                raise document
            tickers.update(parse_symphony(document, symphony_id=name).tickers)
        except (ComposerError, DataError, SymphonyError) as error:
            unread[name] = f"{name}: {error}"
    return tickers
