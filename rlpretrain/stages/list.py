"""The stage that lists the library and divides it into chunks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from rlpretrain.composer.settings import ChunkSettings, LibrarySettings
from rlpretrain.market.settings import MarketSettings
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.update import UPDATE
from rlpretrain.stages.work import Work

if TYPE_CHECKING:
    from rlpretrain.stages.run import Run

__all__ = ["LEFT_OUT", "LIST", "LISTING", "PRICE_FINDINGS", "ListSettings", "Listed"]

LISTING = "list/symphonies.json"
LEFT_OUT = "list/left_out.json"
"""Rows of the listing that could not be read."""
PRICE_FINDINGS = "list/price_findings.json"


class ListSettings(LibrarySettings, ChunkSettings, MarketSettings):
    """Settings that determine which symphonies are listed, and on which market they will be replayed."""


class Listed(Result):
    """Result of the listing."""

    listed: int
    last_edit_known: int
    chunks: int
    as_of: dt.date
    """The service's last day when the library was listed."""
    service: Literal["embedded", "composer"]
    source: str
    """What distinguishes this library from others: the embedded server's catalogue, or Composer."""
    market: str
    """Digest of the prices, which must be the same in all later stages."""
    price_bars_left_out: int = 0
    """Bars that the checks of the prices left out, of tickers that are not."""
    price_tickers_left_out: int = 0
    price_warnings: int = 0
    """Findings that were only named."""
    left_out: int = 0
    """Rows of the listing that could not be read; they are not among those listed."""


def _run(work: Work[ListSettings]) -> Listed:
    from rlpretrain.stages.implementation.list import list_symphonies

    return list_symphonies(work)


def _inputs(work: Work[ListSettings]) -> Mapping[str, str]:
    from rlpretrain.stages.implementation.list import inputs

    return inputs(work)


def _check(run: Run) -> None:
    from rlpretrain.stages.implementation.preflight import check_run

    check_run(run)


LIST = Stage(
    name="list",
    does="list the library, and divide it into chunks",
    needs=(UPDATE,),
    settings=ListSettings,
    result=Listed,
    run=_run,
    inputs=_inputs,
    check=_check,
)
