"""Several test windows, before each of which the whole chain was fitted again, pooled into one answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rlpretrain.validation.arms import PLACEBO, TRANSFERRED, VANILLA
from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.breakdown import DayGroup, break_down
from rlpretrain.validation.hierarchical import hierarchical_interval, on_common_days
from rlpretrain.validation.learning_curves import MEASURES, CurveComparison, Measure
from rlpretrain.validation.rule_gains import JUDGED, pool_rule_gains, rule_sentence
from rlpretrain.validation.settings import ValidationSettings
from rlpretrain.validation.statistics import Finding, Interval, seed_interval
from rlpretrain.validation.verdict import MEASURE_NAMES, Verdict, decide_finding
from rlpretrain.validation.window import CLEAN, CONTAMINATED, Part

__all__ = ["WalkForward", "WindowAnswer", "pool_windows"]

_WITHOUT_VOTES = "No effect shown: the library has no votes on any of the assets in any test window"


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WindowAnswer(_Answer):
    """The verdict on one test window."""

    start: dt.date
    end: dt.date
    assets: tuple[str, ...]
    """Assets that it rests on."""
    finding: Finding
    gains: dict[Measure, Interval]
    counted: bool
    """Whether the pooled answer rests on it: its assets have votes, and its days are clean if any window's are."""


class WalkForward(_Answer):
    """The answer of several windows."""

    finding: Finding
    headline: str
    sentences: tuple[str, ...]
    part: Part
    windows: tuple[WindowAnswer, ...]
    gains: dict[Measure, Interval]
    """Transferred minus vanilla over the days of all windows, with intervals over assets, seeds and days."""
    over_placebo: Interval | None
    """Gain in area over the placebo; None where no placebo was run."""
    rule_gains: dict[str, dict[str, Interval]]
    groups: tuple[DayGroup, ...]


def pool_windows(
    windows: Sequence[tuple[Verdict, Sequence[AssetValidation]]],
    config: ValidationSettings,
    *,
    seed: int = 7,
) -> WalkForward:
    """Pool the evidence of several windows by the rule of the verdict.

    A seed's gain on an asset is the mean over the asset's windows, weighted by their bars. Each asset counts once, with
    the days of all windows in which it was tested. Agents of different windows have different training, so a window
    adds new days and a new fit at once.

    Parameters
    ----------
    windows
        Of each window, its verdict and its evidence. Windows must not overlap.

    Raises
    ------
    ValueError
        There is no window.
    """
    if not windows:
        raise ValueError("no window to pool")
    voted = [any(asset.window.voted for asset in assets) for _, assets in windows]
    usable = [has or not any(voted) for has in voted]
    parts = {verdict.part for (verdict, _), use in zip(windows, usable, strict=True) if use}
    part = CLEAN if CLEAN in parts else CONTAMINATED
    counted = [use and verdict.part == part for (verdict, _), use in zip(windows, usable, strict=True)]
    tested: dict[str, list[AssetValidation]] = {}
    for (verdict, assets), counts in zip(windows, counted, strict=True):
        for asset in assets:
            if counts and asset.symbol in verdict.assets:
                tested.setdefault(asset.symbol, []).append(asset)
    pool = _Pool(list(tested.values()), part, config, np.random.default_rng([seed, 12]))
    gains = {measure: pool.gain(measure, VANILLA) for measure in MEASURES}
    with_placebo = all(asset.comparison(TRANSFERRED, PLACEBO) for own in pool.tested for asset in own)
    over_placebo = pool.gain("area", PLACEBO) if with_placebo else None
    finding = decide_finding(gains, over_placebo) if any(voted) else "no effect shown"
    flat = [asset for own in pool.tested for asset in own]
    rules = pool_rule_gains(
        [_dates(asset, part) for asset in flat],
        [asset.rule_gains for asset in flat],
        config,
        np.random.default_rng([seed, 13]),
    )
    answers = tuple(
        WindowAnswer(
            start=min(asset.window.start for asset in assets),
            end=max(asset.window.end for asset in assets),
            assets=verdict.assets,
            finding=verdict.finding,
            gains=verdict.days,
            counted=counts,
        )
        for (verdict, assets), counts in zip(windows, counted, strict=True)
    )
    return WalkForward(
        finding=finding,
        headline=_headline(finding, sum(counted), part) if any(voted) else _WITHOUT_VOTES,
        sentences=(
            *(rule_sentence(f"The {who}", rules[arm]) for arm, who in JUDGED.items() if arm in rules),
            *(f"{MEASURE_NAMES[measure]} over random weights: {gain}." for measure, gain in gains.items()),
            *([] if over_placebo is None else [f"Area over the placebo: {over_placebo}."]),
            *map(_sentence, answers),
        ),
        part=part,
        windows=answers,
        gains=gains,
        over_placebo=over_placebo,
        rule_gains=rules,
        groups=break_down(flat, part, config, seed),
    )


@dataclass(frozen=True)
class _Pool:
    """The evidence that counts: for each asset, that of its windows."""

    tested: list[list[AssetValidation]]
    part: Part
    config: ValidationSettings
    rng: np.random.Generator

    def gain(self, measure: Measure, control: str) -> Interval:
        by_seed, dates, rows = [], [], []
        for own in self.tested:
            found = [_compared(asset, control) for asset in own]
            bars = [len(comparison.by_bar[measure]) for comparison in found]
            differences = [getattr(comparison, measure).differences for comparison in found]
            by_seed.append(np.average(differences, axis=0, weights=bars))
            dates.append(np.concatenate([_dates(asset, self.part) for asset in own]))
            rows.append(np.concatenate([comparison.by_bar[measure] for comparison in found]))
        samples = self.config.bootstrap_samples
        over_seeds = seed_interval(
            np.mean(by_seed, axis=0), level=self.config.promotion_confidence, samples=samples, rng=self.rng
        )
        by_day = on_common_days(dates, rows)
        return hierarchical_interval(over_seeds, by_seed, by_day, samples=samples, rng=self.rng).interval


def _compared(asset: AssetValidation, control: str) -> CurveComparison:
    found = asset.comparison(TRANSFERRED, control)
    assert found is not None  # noqa: S101 - the window's verdict has read it
    return found


def _dates(asset: AssetValidation, part: Part) -> NDArray[np.datetime64]:
    return np.array(asset.part_dates(part), dtype="datetime64[D]")


def _headline(finding: Finding, windows: int, part: Part) -> str:
    where = "" if part == CLEAN else ", on days contaminated by hindsight"
    if finding == "no effect shown":
        return f"No effect shown over {windows} test windows{where}"
    return f"The pre-trained start is {finding} than random weights over {windows} test windows{where}"


def _sentence(window: WindowAnswer) -> str:
    left_out = "" if window.counted else " It is shown, but does not count."
    return (
        f"{window.start} to {window.end} ({', '.join(window.assets)}): {window.finding}; jump-start "
        f"{window.gains['jump_start']}, area {window.gains['area']}, final score {window.gains['final']}.{left_out}"
    )
