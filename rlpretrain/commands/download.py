"""``rlpretrain prices``: a folder of daily prices for ``market=files:FOLDER``, kept up to date."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rlpretrain.commands.price_check import check_folder
from rlpretrain.commands.progress import say
from rlpretrain.commands.settings import add_settings, read_settings
from rlpretrain.documents import document_files, read_document
from rlpretrain.errors import DataError, SettingsError, SymphonyError
from rlpretrain.market.tickers import normal_ticker
from rlpretrain.validation.chosen_assets import named_assets

__all__ = ["add_prices"]

_CHECK = "check"
"""What stands in the folder's place to check a folder."""

_DESCRIPTION = """Download adjusted daily bars into FOLDER, one Parquet file per asset, and update those already there.
Use them with --set market=files:FOLDER. Yahoo Finance, the default source, needs yfinance (pip install
'rlpretrain[yahoo]'); the source alpaca needs an API key in APCA_API_KEY_ID and APCA_API_SECRET_KEY.
`rlpretrain prices check FOLDER` downloads nothing: it lists what is wrong, or may be wrong, with the prices of FOLDER,
and what would be left out. Its exit status is 0 if they could be read, with --strict only if nothing was found."""


def add_prices(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``prices``."""
    parser = commands.add_parser(
        "prices",
        help="download daily prices and keep them up to date, or check them",
        description=_DESCRIPTION,
    )
    parser.set_defaults(run_command=_prices)
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder of the prices, created if missing"
    )
    parser.add_argument("tickers", nargs="*", metavar="TICKER", help="ticker such as SPY or BTC-USD")
    parser.add_argument(
        "--symphonies",
        type=Path,
        action="append",
        default=[],
        metavar="DIR|FILE",
        help="add all tickers of these symphonies",
    )
    parser.add_argument(
        "--library", action="store_true", help="add all tickers of the library that the settings name"
    )
    parser.add_argument(
        "--source", default="yahoo", metavar="NAME", help="source of the prices (default %(default)s)"
    )
    parser.add_argument(
        "--refresh", action="store_true", help="download everything again, even if it is already there"
    )
    parser.add_argument(
        "--strict", action="store_true", help="with `check`: exit with status 1 if anything was found"
    )
    add_settings(parser)


def _prices(options: argparse.Namespace) -> dict[str, Any]:
    if options.folder == Path(_CHECK):
        return check_folder(options)
    from rlpretrain.library.price_updates import (
        download_prices,
        library_tickers,
        surrounding_tickers,
        tickers_of,
    )
    from rlpretrain.runs.cache import Cache
    from rlpretrain.runs.output_folder import CACHE

    config = read_settings(options)
    # What is no ticker is reported with the downloads.
    tickers = {normal_ticker(ticker) or ticker for ticker in options.tickers}
    unread: dict[str, str] = {}
    if options.symphonies:
        tickers |= tickers_of(_files(options.symphonies).items(), unread)
    if options.library:
        tickers |= asyncio.run(library_tickers(config, Cache(config.output_dir / CACHE), unread))
    if options.symphonies or options.library:
        tickers |= surrounding_tickers(named_assets(config.validation_envs))
    if not tickers:
        raise SettingsError(
            "there is no ticker to download", hint="name tickers, or use --symphonies or --library"
        )
    update = download_prices(options.folder, tickers, options.source, refresh=options.refresh, progress=say)
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


def _files(paths: Iterable[Path]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in paths:
        files = document_files(path, deep=True) if path.is_dir() else [path]
        if not files:
            raise DataError(f"{path} contains no symphony file")
        for file in files:
            try:
                found[str(file)] = read_document(file)
            except (DataError, SymphonyError) as error:
                found[str(file)] = error
    return found
