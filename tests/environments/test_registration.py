"""The environment under its id: Gymnasium makes it, and both libraries' checkers accept it."""

from __future__ import annotations

import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from rlpretrain.environments import TradingEnv, build_episode_data
from rlpretrain.environments.registration import TRADING, make_trading_env
from rlpretrain.errors import DataError
from rlpretrain.features import market_context
from rlpretrain.market import load_market

MARKET = "generated:kind=noise,years=4"


def test_gymnasium_makes_it_and_both_checkers_accept_it() -> None:
    env = gymnasium.make(TRADING, symbol="SPY", market=MARKET, episode_bars=20)
    assert isinstance(env.unwrapped, TradingEnv)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)
        sb3_check_env(env)


def test_gymnasium_imports_the_module_that_stands_before_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(gymnasium.registry, TRADING)
    monkeypatch.delitem(sys.modules, make_trading_env.__module__)
    with pytest.raises(gymnasium.error.NamespaceNotFound):
        gymnasium.make(TRADING)
    env = gymnasium.make(f"{make_trading_env.__module__}:{TRADING}", market=MARKET, symbol="SPY")
    assert env.reset(seed=1)[0].shape == (64,)


def test_it_is_the_environment_of_its_arguments() -> None:
    made = make_trading_env("SPY", market=MARKET, end="2023-01-01", episode_bars=30, seed=4, cost_bps=50)
    panel = load_market(MARKET)
    data = build_episode_data(panel, market_context(panel), None, "SPY", cost_bps=50)
    own = TradingEnv(data, data.rows(None, np.datetime64("2023-01-01")), episode_bars=30, seed=4)
    np.testing.assert_array_equal(made.reset()[0], own.reset()[0])
    for action in (1, 0, 2) * 10:
        for one, other in zip(made.step(action), own.step(action), strict=True):
            np.testing.assert_equal(one, other)


def test_many_at_once() -> None:
    envs = gymnasium.make_vec(
        TRADING, num_envs=2, vectorization_mode="sync", market=MARKET, symbol="SPY", episode_bars=5
    )
    assert envs.reset(seed=3)[0].shape == (2, 64)
    assert envs.step(np.array([1, 2]))[1].shape == (2,)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"symbol": "NONE"}, "NONE"),
        ({"episode_bars": 10_000}, "SPY: an episode of 10000 decisions needs 10001 bars"),
        ({"start": "2090-01-01"}, "SPY has 0 bars"),
        ({"fill": "yesterday"}, "unknown fill 'yesterday'"),
    ],
)
def test_what_cannot_be_made_says_why(arguments, named: str) -> None:
    with pytest.raises(DataError, match=named):
        gymnasium.make(TRADING, **{"symbol": "SPY", "market": MARKET, **arguments})
