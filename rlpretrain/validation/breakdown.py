"""The pooled gains on some of the test days alone: those of each year, and those of each market regime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rlpretrain.market.regimes import REGIMES
from rlpretrain.validation.arms import FROZEN, TRANSFERRED, VANILLA
from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.days import pool_by_day
from rlpretrain.validation.settings import ValidationSettings
from rlpretrain.validation.sharpe import block_interval
from rlpretrain.validation.statistics import Interval
from rlpretrain.validation.window import Part

__all__ = ["BROKEN_DOWN", "DayGroup", "break_down"]

_FEWEST = 20
"""Bars of a group; on fewer, no interval is computed."""


class DayGroup(BaseModel):
    """What is gained on the days of one group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["year", "regime"]
    name: str
    days: int
    gains: dict[str, Interval]
    """`BROKEN_DOWN` -> gain with an interval over days: the group's days are resampled in blocks."""


def _area(asset: AssetValidation) -> tuple[float, ...] | None:
    found = asset.comparison(TRANSFERRED, VANILLA)
    return None if found is None else found.by_bar["area"]


def _clone(asset: AssetValidation) -> tuple[float, ...] | None:
    return asset.arms[FROZEN].contributions if FROZEN in asset.arms else None


def _over(rule: str) -> Callable[[AssetValidation], tuple[float, ...] | None]:
    def gain(asset: AssetValidation) -> tuple[float, ...] | None:
        found = [one.by_bar for one in asset.rule_gains if (one.arm, one.rule) == (FROZEN, rule)]
        return found[0] if found else None

    return gain


BROKEN_DOWN: Mapping[str, tuple[str, Callable[[AssetValidation], tuple[float, ...] | None]]] = {
    "area": ("Gain in area", _area),
    "clone": ("Clone's score", _clone),
    "consensus": ("Clone – consensus", _over("consensus")),
    "pooled_vote": ("Clone – pooled vote", _over("pooled_vote")),
}
"""Gain -> its title, and the contribution of each bar of an asset's main part to it."""


def break_down(
    assets: Sequence[AssetValidation], part: Part, config: ValidationSettings, seed: int
) -> tuple[DayGroup, ...]:
    """Split the gains of some assets by year and by the regime at the close before each bar.

    A group's gain is a mean over the assets with 20 bars or more in it. The exposure that a score takes off is the mean
    over all days of the part, so an asset's gains in all groups, weighted by their bars, add up to its whole gain.

    Parameters
    ----------
    assets
        Evidence on assets; one asset may have several windows.
    """
    years = [np.array([str(day.year) for day in asset.part_dates(part)]) for asset in assets]
    names = sorted({year for row in years for year in row.tolist()})
    groups = [
        _group("year", name, assets, part, [row == name for row in years], config, seed) for name in names
    ]
    if all(asset.regimes for asset in assets):
        regimes = [np.array(asset.part_regimes(part)) for asset in assets]
        groups += [
            _group("regime", name, assets, part, [row == name for row in regimes], config, seed)
            for name in REGIMES
        ]
    return tuple(group for group in groups if group is not None)


def _group(
    by: Literal["year", "regime"],
    name: str,
    assets: Sequence[AssetValidation],
    part: Part,
    rows: Sequence[NDArray[np.bool_]],
    config: ValidationSettings,
    seed: int,
) -> DayGroup | None:
    """Pool the gains on some of each asset's bars; None where no asset has enough of them."""
    chosen = [(a, own) for a, own in zip(assets, rows, strict=True) if own.sum() >= _FEWEST]
    if not chosen:
        return None
    days = [np.array(asset.part_dates(part), dtype="datetime64[D]")[own] for asset, own in chosen]
    gains = {}
    for key, (_, read) in BROKEN_DOWN.items():
        found = [(on, np.array(row)[own]) for on, (asset, own) in zip(days, chosen, strict=True)
                 if (row := read(asset)) is not None]  # fmt: skip
        if found:
            gains[key] = block_interval(
                pool_by_day([on for on, _ in found], [row for _, row in found]),
                level=config.promotion_confidence,
                samples=config.bootstrap_samples,
                rng=np.random.default_rng([seed, 11]),
            )
    return DayGroup(by=by, name=name, days=len(np.unique(np.concatenate(days))), gains=gains)
