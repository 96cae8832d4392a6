"""The stage that updates a folder of prices."""

from __future__ import annotations

from pydantic import Field

from rlpretrain.composer.settings import LibrarySettings
from rlpretrain.market.settings import PriceUpdateSettings
from rlpretrain.stages.stage import Result, Stage
from rlpretrain.stages.work import Work
from rlpretrain.validation.settings import ValidatedAssetSettings

__all__ = ["UPDATE", "UpdateSettings", "Updated"]


class UpdateSettings(PriceUpdateSettings, ValidatedAssetSettings, LibrarySettings):
    """Settings that determine which prices are downloaded, and from where."""


class Updated(Result):
    """Result of the update for each ticker; empty if the settings name no source."""

    source: str
    tickers: int = 0
    updated: list[str] = Field(default_factory=list)
    current: list[str] = Field(default_factory=list)
    """Tickers that already had the last bar."""
    rejected: dict[str, str] = Field(default_factory=dict)
    """Ticker -> why it has no new file; an old one, if there is one, is kept."""
    revised: dict[str, int] = Field(default_factory=dict)
    """Ticker -> number of days whose return differs from that in the old file."""
    unread: dict[str, str] = Field(default_factory=dict)
    """Symphony -> why its tickers are unknown."""


def _run(work: Work[UpdateSettings]) -> Updated:
    if work.settings.price_updates == "none":
        return Updated(source="none")
    # What downloads prices is slow to import.
    from rlpretrain.stages.implementation.update import update

    return update(work)


UPDATE = Stage(
    name="update",
    does="download missing prices, if the settings name a source for them",
    needs=(),
    settings=UpdateSettings,
    result=Updated,
    run=_run,
)
