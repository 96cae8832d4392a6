"""Impossible actions, episodes and prices are refused with a sentence that helps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.environments import BatchedTradingEnv, TradingEnv
from rlpretrain.errors import DataError
from tests.environments.conftest import make_data


@pytest.mark.parametrize("action", [3, -1, 1.5, None])
def test_an_action_that_does_not_exist(action, data) -> None:
    env = TradingEnv(data, (0, 200), episode_bars=5)
    env.reset()
    with pytest.raises(DataError, match=f"{action} is no action .0 holds, 1 buys, 2 sells"):
        env.step(action)


@pytest.mark.parametrize(
    ("actions", "named"),
    [
        ([0, 3], "3 is no action"),
        ([-1, 0], "-1 is no action"),
        ([0, 1, 2], r"2 whole numbers are needed as actions, not int64 of shape \(3,\)"),
        ([0.5, 1.0], "2 whole numbers are needed as actions, not float64"),
    ],
)
def test_an_action_of_a_slot_that_does_not_exist(actions, named: str, data) -> None:
    env = BatchedTradingEnv([data], [(0, 200)], num_envs=2, episode_bars=5)
    env.reset()
    with pytest.raises(DataError, match=named):
        env.step(np.array(actions))


def test_an_episode_begins_with_reset_and_ends_with_its_last_decision(data) -> None:
    env = TradingEnv(data, (0, 200), episode_bars=2)
    with pytest.raises(DataError, match="no episode is under way"):
        env.step(1)
    env.reset()
    assert [env.step(1)[2:4] for _ in range(2)] == [(False, False), (False, True)]
    with pytest.raises(DataError, match=r"call reset\(\) first"):
        env.step(1)
    env.reset()
    env.step(1)


@pytest.mark.parametrize(
    ("window", "bars", "named"),
    [
        ((0, 20), 20, "TEST: an episode of 20 decisions needs 21 bars, the window 0 to 20 has 20"),
        ((0, 301), 20, "TEST has rows 0 to 300; the window 0 to 301 leaves them"),
        ((-5, 100), 20, "the window -5 to 100 leaves them"),
        ((0, 100), 0, "an episode of 0 bars has no decision"),
    ],
)
def test_an_episode_that_does_not_fit(window, bars, named: str, data) -> None:
    for make in (
        lambda: TradingEnv(data, window, episode_bars=bars),
        lambda: BatchedTradingEnv([data], [window], episode_bars=bars),
    ):
        with pytest.raises(DataError, match=named):
            make()
    TradingEnv(data, (0, 21), episode_bars=20).reset()


def test_assets_without_a_window(data) -> None:
    with pytest.raises(DataError, match="2 assets and 1 windows"):
        BatchedTradingEnv([data, data], [(0, 200)])


@pytest.mark.parametrize("name", ["states", "before", "after", "fill_price", "volatility"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_missing_price_is_named_with_its_day(name: str, bad: float) -> None:
    data = make_data()
    values = getattr(data, name).copy()
    values[7] = bad
    if name == "states" and bad == 0.0:
        assert len(replace(data, states=values)) == 300
        return
    with pytest.raises(DataError, match=f"TEST: {name} of 2020-01-08 is not a"):
        replace(data, **{name: values})


def test_rows_that_are_missing() -> None:
    data = make_data()
    with pytest.raises(DataError, match="TEST has 300 days, but 299 rows of after"):
        replace(data, after=data.after[1:])
