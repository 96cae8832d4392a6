"""The stage that brings a folder of prices up to date."""

from __future__ import annotations

from pydantic import Field

from rlpretrain.composer.settings import LibrarySettings
from rlpretrain.market.settings import PriceUpdateSettings
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work
from rlpretrain.validation.settings import ValidatedAssetSettings

__all__ = ["UPDATE", "UpdateSettings", "Updated"]


class UpdateSettings(PriceUpdateSettings, ValidatedAssetSettings, LibrarySettings):
    """What decides whose prices are downloaded, and from where."""


class Updated(Result):
    """What became of each ticker; nothing where the settings name no source."""

    source: str
    tickers: int = 0
    updated: list[str] = Field(default_factory=list)
    current: list[str] = Field(default_factory=list)
    """Tickers that had the last bar already."""
    rejected: dict[str, str] = Field(default_factory=dict)
    """Ticker -> why it has no new file; an old one, where there is one, stays as it was."""
    revised: dict[str, int] = Field(default_factory=dict)
    """Ticker -> days whose return is not what the old file said."""
    unread: dict[str, str] = Field(default_factory=dict)
    """Symphony -> why its tickers are unknown."""


def _run(work: Work[UpdateSettings]) -> Updated:
    from rlpretrain.stages.implementation.update import update

    return update(work)


UPDATE = Stage(
    name="update",
    does="download the prices that are missing, where the settings name a source for them",
    needs=(),
    settings=UpdateSettings,
    result=Updated,
    run=_run,
)
