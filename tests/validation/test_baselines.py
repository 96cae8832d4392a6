"""Baselines: same accounting, same habits."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.features import VIEW_NAMES
from rlpretrain.validation.baselines import buy_and_hold, cross_averages, matched_paths, matched_random
from rlpretrain.validation.rules import follow_supporters
from rlpretrain.validation.window import EvaluationWindow

from .conftest import RULE, asset_votes, episode_data


def window(clean_from=None, **options) -> EvaluationWindow:
    return EvaluationWindow(episode_data(**options), 10, 490, clean_from)


def test_holding_earns_the_asset_from_its_first_fill_less_one_cost():
    found = window(cost=0.001)
    held = buy_and_hold(found)
    data = found.data
    growth = data.after[11] * np.prod(data.before[12:490] * data.after[12:490]) * 0.999
    assert held.equity[-1] == pytest.approx(growth)
    assert found.part_scores(held)["contaminated"] == pytest.approx(0.0, abs=0.1)


def test_flat_earns_nothing():
    found = window().follow(np.zeros((1, 479), dtype=bool))[0]
    assert found.equity[-1] == 1.0
    assert found.trades == ()


def test_moving_averages_are_those_of_pandas():
    found = window()
    close = pd.Series(np.cumprod(found.data.before * found.data.after))
    expected = close.rolling(50).mean() > close.rolling(200).mean()
    np.testing.assert_array_equal(cross_averages(found).exposure > 0.5, expected[10:489])
    assert 0 < expected[10:489].mean() < 1


def test_supporters_hold_the_share_of_those_that_do_and_pay_for_what_they_change():
    votes = asset_votes()
    share = np.repeat([0.25, 0.75, 0.5, 1.0, 0.0], 100)
    views = votes.views.copy()
    views[:, VIEW_NAMES.index("share")] = share
    found = replace(window(cost=0.001), votes=replace(votes, views=views))
    held = follow_supporters(found)
    np.testing.assert_allclose(held.exposure, share[10:489])
    changes = np.abs(np.diff(share[10:489], prepend=0.0))
    np.testing.assert_allclose(held.costs, 0.001 * changes, rtol=0.02, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0.05, 0.95), persistence=st.floats(0.5, 0.99), seed=st.integers(0, 100))
def test_random_paths_have_the_exposure_and_turnover_of_the_path(share, persistence, seed):
    rng = np.random.default_rng(seed)
    path = np.zeros(600)
    path[0] = rng.random() < share
    for t in range(1, 600):
        path[t] = path[t - 1] if rng.random() < persistence else float(rng.random() < share)
    if path.mean() in (0.0, 1.0):
        return
    paths = matched_paths(path, 400, rng)
    assert paths.mean() == pytest.approx(path.mean(), abs=0.06)
    assert np.mean(paths[:, 1:] != paths[:, :-1]) == pytest.approx(np.mean(path[1:] != path[:-1]), abs=0.02)


@pytest.mark.parametrize("held", [0.0, 1.0])
def test_a_path_that_never_moves_is_matched_by_itself(held):
    assert (matched_paths(np.full(50, held), 3, np.random.default_rng(0)) == bool(held)).all()


def test_paths_follow_their_generator():
    path = (np.arange(100) // 10 % 2).astype(float)
    first, again = (matched_paths(path, 5, np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_luck_does_not_reach_a_real_rule():
    found = window(signal=0.6)
    run = found.run(RULE)
    luck, paths = matched_random(found, run, draws=200, level=0.95, rng=np.random.default_rng(0))
    assert luck.p_value == 1 / 201
    assert len(paths) == 200
    assert luck.low < luck.median < luck.high < luck.score
    assert luck.exposure == pytest.approx(run.exposure.mean(), abs=0.03)


def test_habits_are_those_of_the_part_that_counts():
    found = window(dt.date(2020, 10, 1), signal=0.0)
    clean, before = found.parts["clean"], found.parts["contaminated"]
    held = np.zeros((1, len(found.dates)), dtype=bool)
    held[0, clean] = np.arange(held[0, clean].size) % 10 < 8
    run = found.follow(held)[0]
    luck, paths = matched_random(found, run, draws=200, level=0.95, rng=np.random.default_rng(0))
    assert luck.exposure == pytest.approx(0.8, abs=0.05)
    assert not any(path.exposure[before].any() for path in paths)


def test_a_worthless_rule_is_one_among_many():
    p_values = []
    for seed in range(12):
        found = window(signal=0.0, seed=seed)
        run = found.run(RULE)
        p_values.append(
            matched_random(found, run, draws=60, level=0.9, rng=np.random.default_rng(seed))[0].p_value
        )
    assert 0.2 < np.mean(p_values) < 0.8
