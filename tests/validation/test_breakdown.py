"""Gains by year and by regime: parts of the whole, on the days that they name."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.features import STATE_NAMES
from rlpretrain.market.regimes import REGIMES
from rlpretrain.validation import EvaluationWindow, reach_verdict
from rlpretrain.validation.breakdown import break_down
from rlpretrain.validation.report.day_groups import day_groups_tables

from .conftest import CONFIG, episode_data, validated


def test_the_groups_of_an_asset_add_up_to_the_whole() -> None:
    found = validated(signal=0.5)
    days = [dt.date(2019, 9, 1) + dt.timedelta(i) for i in range(len(found.dates))]
    regimes = tuple(np.repeat(["bull", "bear", "volatile"], (len(days) + 2) // 3)[: len(days)].tolist())
    asset = found.model_copy(update={"dates": tuple(days), "regimes": regimes})
    gain = asset.comparison("transferred", "vanilla").days["area"].estimate  # type: ignore[union-attr]
    groups = break_down([asset], "clean", CONFIG, seed=7)
    assert [(group.by, group.name) for group in groups] == [
        ("year", "2019"), ("year", "2020"), ("regime", "bull"), ("regime", "bear"), ("regime", "volatile"),
    ]  # fmt: skip
    for by in ("year", "regime"):
        own = [group for group in groups if group.by == by]
        assert sum(group.days for group in own) == asset.window.clean_bars
        whole = np.average([group.gains["area"].estimate for group in own], weights=[g.days for g in own])
        by_bar = asset.comparison("transferred", "vanilla").by_bar["area"]  # type: ignore[union-attr]
        assert whole == pytest.approx(np.mean(by_bar), abs=1e-9)
    assert gain > 0


def test_few_days_are_no_group() -> None:
    asset = validated(signal=0.5)
    regimes = ("bear",) * 5 + ("bull",) * (len(asset.dates) - 5)
    shown = asset.model_copy(update={"regimes": tuple(reversed(regimes))})
    assert [g.name for g in break_down([shown], "clean", CONFIG, seed=7) if g.by == "regime"] == ["bull"]


def test_the_regime_of_a_bar_is_that_of_the_close_before_it() -> None:
    data = episode_data(bars=100)
    states = data.states.copy()
    place = STATE_NAMES.index("regime_bull")
    states[:, place : place + 4] = 0.0
    expected = np.arange(100) // 7 % 4
    states[np.arange(100), place + expected] = 1.0
    window = EvaluationWindow(replace(data, states=states), 10, 60)
    assert window.regimes == tuple(REGIMES[row] for row in expected[10:59])
    states[60:] = 0.0
    assert EvaluationWindow(replace(data, states=states), 10, 60).regimes == window.regimes


def test_the_report_has_a_row_for_each_group() -> None:
    verdict = reach_verdict([validated(signal=0.5)], CONFIG)
    (table,) = day_groups_tables(verdict)
    assert [row[0] for row in table.rows] == [group.name for group in verdict.groups]
    assert table.rows[0][0] == "2020"
