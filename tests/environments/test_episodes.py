"""An asset's days: what the settings blank and charge, and how many of them agents need to learn on."""

from __future__ import annotations

import numpy as np
import pytest

from rlpretrain.environments import Book
from rlpretrain.environments.episode_data import traded_value
from rlpretrain.environments.episodes import EPISODE_BARS, load_episodes, training_window
from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.errors import DataError
from rlpretrain.features import POSITION, VOTES, position_features
from rlpretrain.market import AssetSeries, load_market
from rlpretrain.patterns import BUY, mine_patterns, tally_votes
from rlpretrain.patterns.settings import DecisionSettings
from tests.environments.conftest import make_data
from tests.patterns.building import record_of, unanimous


@pytest.mark.parametrize("bars", [EPISODE_BARS + 1, EPISODE_BARS + 2])
def test_the_days_before_the_validation_window_hold_an_episode_or_are_refused(bars: int) -> None:
    data = make_data()
    start = data.dates[bars]
    if bars == EPISODE_BARS + 2:
        assert training_window(data, start) == (0, bars)
        return
    with pytest.raises(
        DataError, match=rf"TEST has {bars} bars .* before {start}; an episode needs {bars + 1}"
    ):
        training_window(data, start)


def test_votes_are_blank_and_costs_charged_as_the_settings_say() -> None:
    panel = load_market("generated:years=3", seed=3)
    votes = unanimous("SPY", panel.dates)
    settings = EpisodeSettings(cost_bps=7.0, crypto_cost_bps=30.0)
    seeing, crypto = load_episodes(panel, votes, ["SPY", "BTC-USD"], settings)
    (blind,) = load_episodes(panel, votes, ["SPY"], settings.changed(votes=False))
    assert (seeing.cost, crypto.cost) == pytest.approx((7e-4, 30e-4))
    assert np.any(seeing.states[:, VOTES] != 0)
    assert np.all(blind.states[:, VOTES] == 0)
    np.testing.assert_array_equal(
        np.delete(seeing.states, VOTES, axis=1), np.delete(blind.states, VOTES, axis=1)
    )


def test_the_value_that_is_traded_is_a_mean_of_past_bars_and_unknown_without_a_volume() -> None:
    n = 60
    close, volume = np.linspace(10.0, 20.0, n), np.linspace(1e3, 5e3, n)
    volume[40] = np.nan
    dates = np.datetime64("2020-01-01") + np.arange(n)
    series = AssetSeries("AAA", False, dates, close, close, close, close, volume)
    found = traded_value(series)
    assert found[19] == pytest.approx(np.mean(close[:20] * volume[:20]))
    assert found[39] == pytest.approx(np.mean(close[20:40] * volume[20:40]))
    assert np.isnan(found[:19]).all() and np.isnan(found[40:]).all()
    assert np.isnan(traded_value(series.take(np.arange(n) < 10))).all()


def test_an_agent_sees_what_the_patterns_saw() -> None:
    """Row by row, flat and in position, with votes on the asset itself and on a related one."""
    panel = load_market("generated:years=3", seed=3, symbols=["SPY", "UPRO", "TLT", "VIXY"])
    days = panel.dates[panel.sessions]
    votes = np.random.default_rng(0).integers(0, 2, (3, 2, len(days)))
    voters = [
        record_of(str(i), days, {"SPY": spy.tolist(), "UPRO": upro.tolist()}, margin=np.full(len(days), 2.0))
        for i, (spy, upro) in enumerate(votes)
    ]
    tally = tally_votes(voters, panel)
    patterns = mine_patterns(tally, panel, DecisionSettings(hold_every=1))
    patterns = patterns.take(patterns.asset == "SPY")
    (seen,) = load_episodes(panel, tally.votes, ["SPY"], EpisodeSettings())
    rows = np.searchsorted(seen.dates, patterns.date)
    assert len(patterns) > 500 and (np.abs(seen.states[:, VOTES]).max(axis=0) > 0).all()
    np.testing.assert_array_equal(patterns.state[:, : POSITION.start], seen.states[rows])
    flat = Book(len(patterns)).features()
    np.testing.assert_array_equal(
        patterns.state[~patterns.in_position, POSITION.start :], flat[~patterns.in_position]
    )
    bought = Book(1)
    bought.step(np.array([BUY]), np.ones(1), np.full(1, 1.1), 0.0)
    np.testing.assert_array_equal(bought.features(), position_features([True], 1.1 - 1.0, 1))
