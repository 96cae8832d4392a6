"""Bring a folder of prices up to date for all that a run looks at, before anything reads it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

from rlpretrain.artifacts import StageRecorder
from rlpretrain.market import FilesProvider, parse_provider
from rlpretrain.stages.context import StageContext
from rlpretrain.stages.price_updates import download_prices, library_tickers, surrounding_tickers

__all__ = ["STAGE", "run"]

STAGE = "prices"


def run(context: StageContext) -> Path | None:
    """Update the folder of the setting `market` as `price_updates` says; None, and nothing done, where it says none.

    Raises
    ------
    ServiceError
        No price of any ticker could be had, or Composer does not answer.
    DataError
        The library is empty.
    """
    config = context.config
    if config.price_updates == "none":
        return None
    market = parse_provider(config.market)
    assert isinstance(market, FilesProvider)  # noqa: S101 - the settings demand it

    def work(recorder: StageRecorder) -> None:
        unread: dict[str, str] = {}
        tickers = asyncio.run(library_tickers(config, unread)) | surrounding_tickers(config)
        update = download_prices(
            market.folder, tickers, config.price_updates, refresh=config.refresh, progress=context.progress
        )
        recorder.details |= {**asdict(update), "unread": unread}
        recorder.counts |= {
            "tickers": len(tickers),
            "updated": len(update.updated),
            "current": len(update.current),
            "rejected": len(update.rejected),
            "revised": len(update.revised),
        }
        done = ", ".join(f"{count} {name}" for name, count in recorder.counts.items())
        context.progress(f"prices: {done}")

    settings = (
        "price_updates", "market", "validation_envs", "max_strategies", "catalogue", "search_where", "search_order",
        "refresh",
    )  # fmt: skip
    context.run_stage(STAGE, work, settings=settings)
    return context.run / f"{STAGE}.json"
