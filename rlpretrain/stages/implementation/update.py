"""Update a folder of prices for everything that a run looks at, before anything reads it."""

from __future__ import annotations

import asyncio

from rlpretrain.library.price_updates import download_prices, library_tickers, surrounding_tickers
from rlpretrain.market import FilesProvider, parse_provider
from rlpretrain.runs.cache import Cache
from rlpretrain.runs.output_folder import CACHE
from rlpretrain.stages.update import Updated, UpdateSettings
from rlpretrain.stages.work import Work
from rlpretrain.validation.chosen_assets import named_assets

__all__ = ["update"]


def update(work: Work[UpdateSettings]) -> Updated:
    """Update the folder of the setting `market` from the source `price_updates`.

    Raises
    ------
    ServiceError
        No price of any ticker could be downloaded, or Composer does not answer.
    DataError
        The library is empty.
    """
    settings = work.settings
    market = parse_provider(settings.market)
    assert isinstance(market, FilesProvider)  # noqa: S101 - the settings demand it
    unread: dict[str, str] = {}
    named = asyncio.run(library_tickers(settings, Cache(work.output_dir / CACHE), unread))
    tickers = named | surrounding_tickers(named_assets(settings.validation_envs))
    found = download_prices(
        market.folder, tickers, settings.price_updates, refresh=settings.refresh, progress=work.progress
    )
    result = Updated(
        source=settings.price_updates,
        tickers=len(tickers),
        updated=list(found.updated),
        current=list(found.current),
        rejected=found.rejected,
        revised=found.revised,
        unread=unread,
    )
    work.progress(
        f"prices: {result.tickers} tickers, {len(result.updated)} updated, {len(result.current)} current, "
        f"{len(result.rejected)} rejected, {len(result.revised)} revised"
    )
    return result
