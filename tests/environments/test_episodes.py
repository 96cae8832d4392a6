"""An asset's days: what the settings blank and charge, and how many of them agents need to learn on."""

from __future__ import annotations

import numpy as np
import pytest

from rlpretrain.environments.episodes import EPISODE_BARS, load_episodes, training_window
from rlpretrain.environments.settings import EpisodeSettings
from rlpretrain.errors import DataError
from rlpretrain.features import VIEW_NAMES, VOTES
from rlpretrain.market import load_market
from rlpretrain.patterns import VotePanel
from tests.environments.conftest import make_data


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
    shape = (len(panel.dates), 1)
    votes = VotePanel(
        dates=panel.dates,
        assets=("SPY",),
        **{name: np.ones(shape, np.int32) for name in ("eligible", "holders", "related")},
        views=np.full((*shape, len(VIEW_NAMES)), 0.5, np.float32),
    )
    settings = EpisodeSettings(cost_bps=7.0, crypto_cost_bps=30.0)
    seeing, crypto = load_episodes(panel, votes, ["SPY", "BTC-USD"], settings)
    (blind,) = load_episodes(panel, votes, ["SPY"], settings.changed(votes=False))
    assert (seeing.cost, crypto.cost) == pytest.approx((7e-4, 30e-4))
    assert np.any(seeing.states[:, VOTES] != 0)
    assert np.all(blind.states[:, VOTES] == 0)
    np.testing.assert_array_equal(
        np.delete(seeing.states, VOTES, axis=1), np.delete(blind.states, VOTES, axis=1)
    )
