import numpy as np
import pytest

from rlpretrain.environments import follow, rollout
from rlpretrain.errors import DataError
from tests.environments.conftest import make_data


def test_always_long_is_the_asset_less_one_entry(data):
    trajectory = follow(data, 10, np.ones(49, bool))
    gross = np.prod((data.before * data.after)[12:60]) * data.after[11]
    assert trajectory.equity[-1] == pytest.approx(gross * (1 - data.cost))
    assert len(trajectory.trades) == 1 and not trajectory.trades[0].closed


def test_windows_of_different_lengths_run_together_as_they_run_alone(data):
    policy = lambda states: (np.abs(states[:, 7] * 1000).astype(int)) % 3  # noqa: E731
    windows = [(0, 40), (100, 280), (30, 32), (5, 90)]
    for window, together in zip(windows, rollout(policy, data, windows), strict=True):
        alone = rollout(policy, data, [window])[0]
        np.testing.assert_array_equal(together.net_returns, alone.net_returns)
        assert together.trades == alone.trades
        assert len(together) == window[1] - window[0] - 1


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_the_ledger_adds_up_to_the_equity(fill):
    data = make_data(fill=fill)
    positions = np.random.default_rng(1).random(199) < 0.5
    trajectory = follow(data, 50, positions)
    assert np.prod([1 + trade.net_return for trade in trajectory.trades]) == pytest.approx(
        trajectory.equity[-1]
    )


def test_exposure_counts_the_position_that_earns_the_bar():
    opened, closed = make_data(fill="next_open"), make_data(fill="next_close")
    positions = np.array([True, True, False, False])
    assert follow(opened, 0, positions).exposure.tolist() == [1, 1, 0, 0]
    assert follow(closed, 0, positions).exposure.tolist() == [0, 1, 1, 0]


def test_a_window_without_two_bars_is_refused(data):
    with pytest.raises(DataError, match="two bars"):
        rollout(lambda s: np.zeros(len(s), int), data, [(5, 6)])
