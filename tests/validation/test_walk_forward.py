"""Several test windows in one answer: the days of all of them, by the rule of one."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from rlpretrain.validation import AssetValidation, Verdict, reach_verdict
from rlpretrain.validation.walk_forward import pool_windows

from .conftest import CONFIG, validated

Window = tuple[Verdict, list[AssetValidation]]


def window_of(years: int, **options: object) -> Window:
    """Return a window with its verdict, moved by some years."""
    asset = validated(**options)
    days = tuple(day + dt.timedelta(365 * years) for day in asset.dates)
    moved = asset.window.model_copy(update={"start": days[0], "end": days[-1]})
    asset = asset.model_copy(update={"dates": days, "window": moved})
    return reach_verdict([asset], CONFIG), [asset]


def test_one_window_gives_the_verdict_s_own_gain() -> None:
    verdict, assets = window_of(0, signal=0.5)
    pooled = pool_windows([(verdict, assets)], CONFIG)
    assert pooled.finding == verdict.finding == "better"
    for measure, gain in verdict.days.items():
        assert pooled.gains[measure].estimate == pytest.approx(gain.estimate, abs=1e-12)
        assert pooled.gains[measure].low == pytest.approx(gain.low, abs=0.3)
    assert pooled.over_placebo is not None and pooled.over_placebo.finding == "better"


def test_a_seed_s_gain_is_its_mean_over_the_windows() -> None:
    first, second = window_of(0, signal=0.5), window_of(1, signal=0.5, seed=2)
    pooled = pool_windows([first, second], CONFIG)
    by_seed = np.mean(
        [
            assets[0].comparison("transferred", "vanilla").jump_start.differences
            for _, assets in (first, second)
        ],  # type: ignore[union-attr]
        axis=0,
    )
    middle = np.sort(by_seed)[2:-2]
    assert pooled.gains["jump_start"].estimate == pytest.approx(middle.mean())
    assert [window.start.year for window in pooled.windows] == [2020, 2021]
    assert {group.name for group in pooled.groups if group.by == "year"} == {"2020", "2021"}


def test_windows_weigh_by_their_bars() -> None:
    windows = [window_of(0, signal=0.5), window_of(1, signal=0.5, seed=2, clean_from=dt.date(2020, 6, 1))]
    found = [assets[0].comparison("transferred", "vanilla") for _, assets in windows]
    bars = [len(one.by_bar["jump_start"]) for one in found]
    assert bars[0] > 1.3 * bars[1]
    by_seed = np.average([one.jump_start.differences for one in found], axis=0, weights=bars)
    pooled = pool_windows(windows, CONFIG).gains["jump_start"].estimate
    assert pooled == pytest.approx(np.sort(by_seed)[2:-2].mean())


def test_more_windows_of_a_planted_effect_narrow_its_interval() -> None:
    windows = [window_of(i, signal=0.3, seed=seed) for i, seed in enumerate((0, 1, 2))]
    width = [
        gain.high - gain.low
        for gain in (pool_windows(windows[:count], CONFIG).gains["jump_start"] for count in (1, 3))
    ]
    assert width[1] < width[0]


def test_clean_windows_count_and_the_others_are_shown() -> None:
    windows = [window_of(0, signal=0.5, clean_from=None), window_of(1, signal=0.5)]
    pooled = pool_windows(windows, CONFIG)
    assert (pooled.part, [window.counted for window in pooled.windows]) == ("clean", [False, True])
    assert pooled.gains == pool_windows(windows[1:], CONFIG).gains
    assert "It is shown, but does not count." in pooled.sentences[-2]
    contaminated = pool_windows(windows[:1], CONFIG)
    assert contaminated.headline.endswith("on days contaminated by hindsight")


def test_a_window_without_votes_does_not_count() -> None:
    with_votes, (verdict, (asset,)) = window_of(0), window_of(1, signal=0.5)
    silent = asset.model_copy(update={"window": asset.window.model_copy(update={"voted": False})})
    pooled = pool_windows([with_votes, (verdict, [silent])], CONFIG)
    assert [window.counted for window in pooled.windows] == [True, False]
    alone = pool_windows([(verdict, [silent])], CONFIG)
    assert alone.finding == "no effect shown"
    assert "no votes on any of the assets" in alone.headline


def test_without_windows_there_is_nothing_to_pool() -> None:
    with pytest.raises(ValueError, match="no window"):
        pool_windows([], CONFIG)
