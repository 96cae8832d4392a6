"""The stage that fetches, checks and replays the library, chunk by chunk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from rlpretrain.composer.settings import ChunkSettings, HistorySettings, SourceSettings
from rlpretrain.market.settings import MarketSettings, TradingSettings
from rlpretrain.stages.list import LIST
from rlpretrain.stages.stage import Parts, Result, Stage
from rlpretrain.stages.work import Work
from rlpretrain.symphony.settings import FidelitySettings, MissingTickersSettings, ProcessSettings

if TYPE_CHECKING:
    from rlpretrain.stages.run import Run

__all__ = [
    "EXTRACT",
    "ExtractSettings",
    "Extracted",
    "ReplayComparison",
    "ReplaySettings",
    "SourcePins",
    "VersionPins",
    "chunk_file",
]


class ReplaySettings(TradingSettings, FidelitySettings, MissingTickersSettings, HistorySettings):
    """Settings that a replay depends on, in addition to the tree, the backtest and the prices."""


class ExtractSettings(ReplaySettings, ProcessSettings, SourceSettings, ChunkSettings, MarketSettings):
    """Settings that determine how the symphonies of a chunk are fetched and replayed."""


class ReplayComparison(BaseModel):
    """How a replay compares with the service's own backtest; see `rlpretrain.symphony.fidelity.Fidelity`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    common_days: int
    correlation: float | None
    tracking_error: float
    largest_difference: float
    largest_difference_day: dt.date
    excused_days: int
    equal_holdings: float | None
    status: str
    """Such as 'agrees' or 'never agreed'."""


class VersionPins(BaseModel):
    """Hashes of the cached contents that one version of a symphony was replayed from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tree: str | None
    content: str | None
    backtest: str | None


class SourcePins(VersionPins):
    """Hashes of the cached contents that a symphony was replayed from."""

    versions: dict[str, VersionPins]
    """Pins of each version."""


class Extracted(Result):
    """Result of the extraction of a chunk."""

    replayed: int
    agree: int
    """Strategies whose replay agrees with the service's own backtest."""
    rejected: int
    by_level_quoted: int
    """Strategies that decide by the level of a price, and were replayed on raw prices; the others are rejected."""
    trades: int
    histories: int
    """Strategies that are on each day the version that existed then."""
    versions: int
    """Versions of them that were replayed."""
    history_remarks: dict[str, int]
    """Kind of what is missing or mended in the versions -> number of times."""
    fidelity: dict[str, ReplayComparison]
    """Comparison for each symphony, over all common days."""
    sources: dict[str, SourcePins]
    """Sources of each symphony."""


def chunk_file(chunk: str) -> str:
    """Return the common name of a chunk's files."""
    return f"chunk_{int(chunk):04d}"


def _chunks(run: Run) -> Sequence[str]:
    return [str(chunk) for chunk in range(LIST.read(run.folder.require(LIST.name)).chunks)]


def _run(work: Work[ExtractSettings]) -> Extracted:
    from rlpretrain.stages.implementation.extract import extract_chunk

    return extract_chunk(work)


EXTRACT = Stage(
    name="extract",
    does="fetch the symphonies' trees and backtests, replay the trees, and compare",
    needs=(LIST,),
    settings=ExtractSettings,
    result=Extracted,
    run=_run,
    parts=Parts(flag="chunk", of=_chunks, file=chunk_file),
)
