"""``rlpretrain prices``: a folder of daily prices for ``market=files:FOLDER``, kept up to date."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rlpretrain.commands.documents import fetch_documents
from rlpretrain.commands.settings import add_settings, read_settings
from rlpretrain.config import PretrainingConfig
from rlpretrain.documents import read_document
from rlpretrain.errors import DataError, RlpretrainError, SettingsError, SymphonyError

__all__ = ["add_prices"]

_DESCRIPTION = """Download adjusted daily bars from Yahoo Finance into FOLDER, one Parquet file an asset, and bring
those already there up to date. Use them with --set market=files:FOLDER. Needs yfinance (pip install
'rlpretrain[yahoo]')."""


def add_prices(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``prices``."""
    parser = commands.add_parser(
        "prices", help="download daily prices, and keep them up to date", description=_DESCRIPTION
    )
    parser.set_defaults(run_command=_prices)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="made when missing")
    parser.add_argument("tickers", nargs="*", metavar="TICKER", help="such as SPY or BTC-USD")
    parser.add_argument(
        "--symphonies",
        type=Path,
        action="append",
        default=[],
        metavar="DIR|FILE",
        help="all tickers of these symphonies",
    )
    parser.add_argument(
        "--library", action="store_true", help="all tickers of the library that the settings name"
    )
    parser.add_argument("--refresh", action="store_true", help="download all again, whatever is there")
    add_settings(parser)


def _prices(options: argparse.Namespace) -> dict[str, Any]:
    from rlpretrain.market.download import update_prices
    from rlpretrain.market.yahoo import yahoo_series

    config = read_settings(options)
    tickers = {ticker.upper() for ticker in options.tickers}
    unread: dict[str, str] = {}
    if options.symphonies:
        tickers |= _tickers_of(_files(options.symphonies), unread)
    if options.library:
        tickers |= _tickers_of(_library(config), unread)
    if options.symphonies or options.library:
        tickers |= _around(config)
    if not tickers:
        raise SettingsError("no ticker to download", hint="name tickers, or give --symphonies or --library")
    update = update_prices(
        options.folder,
        tickers,
        yahoo_series,
        now=dt.datetime.now(dt.UTC),
        refresh=options.refresh,
        progress=_say,
    )
    if not update.updated and not update.current:
        first = next(iter(update.rejected.values()))
        raise DataError(f"no prices of any of {len(tickers)} tickers: {first}")
    lines = [
        f"{len(update.updated)} downloaded, {len(update.current)} up to date, {len(update.rejected)} without prices",
        *(f"  {reason}" for reason in update.rejected.values()),
        *(f"  {ticker}: {days} days revised" for ticker, days in update.revised.items()),
        *(f"  not read: {reason}" for reason in unread.values()),
        f"use them with --set market=files:{options.folder}",
    ]
    return {
        "status": "done",
        "folder": str(options.folder),
        "updated": list(update.updated),
        "current": list(update.current),
        "rejected": update.rejected,
        "revised": update.revised,
        "unread": unread,
        "lines": lines,
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def _around(config: PretrainingConfig) -> set[str]:
    """Give the assets to validate on, and the first choice for each part of the market's state."""
    from rlpretrain.features.context import SOURCES

    return {*config.validation_envs, *(names[0] for names in SOURCES.values())}


def _files(paths: Iterable[Path]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in paths:
        files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        if not files:
            raise DataError(f"{path} holds no .json file")
        for file in files:
            try:
                found[str(file)] = read_document(file)
            except DataError as error:
                found[str(file)] = error
    return found


def _library(config: PretrainingConfig) -> dict[str, Any]:
    from rlpretrain.composer import (
        EmbeddedAddress,
        list_library,
        load_catalogue,
        open_composer,
        parse_address,
    )

    async def listing() -> list[str]:
        embedded = isinstance(parse_address(config.composer_url), EmbeddedAddress)
        catalogue = load_catalogue(config.catalogue) if embedded else None
        async with open_composer(config.composer_url, catalogue=catalogue) as client:
            return [summary.symphony_id for summary in await list_library(client, config.max_strategies)]

    return dict(fetch_documents(asyncio.run(listing()), config))


def _tickers_of(documents: dict[str, Any], unread: dict[str, str]) -> set[str]:
    """Give every ticker that the symphonies name; a symphony that can't be read is recorded."""
    from rlpretrain.symphony import parse_symphony

    tickers: set[str] = set()
    for name, document in documents.items():
        try:
            if isinstance(document, RlpretrainError):
                raise document
            tickers.update(parse_symphony(document, symphony_id=name).tickers)
        except (DataError, SymphonyError) as error:
            unread[name] = f"{name}: {error}"
    return tickers
