import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rlpretrain.patterns.decisions.consensus import actions, outcomes, stances
from rlpretrain.patterns.decisions.pattern_set import BUY, HOLD, SELL

LEVELS = {"buy_level": 0.25, "sell_level": -0.25}


def _acts(relative: np.ndarray) -> dict[str, np.ndarray]:
    return {"buys": relative > LEVELS["buy_level"], "sells": relative < LEVELS["sell_level"]}


def test_stances_by_hand() -> None:
    relative = np.array([0.0, 0.3, 0.1, -0.2, -0.25, -0.3, 0.0, 0.25, 0.26, 5.0, -5.0])
    expected = [False, True, True, True, True, False, False, False, True, True, False]
    assert stances(relative, **LEVELS).tolist() == expected


def test_the_more_probable_action_is_taken_and_a_tie_holds() -> None:
    probability = np.array([0.5, 0.51, 0.2, 0.9])
    assert actions(probability, np.zeros(4, dtype=bool)).tolist() == [HOLD, BUY, HOLD, BUY]
    assert actions(probability, np.ones(4, dtype=bool)).tolist() == [HOLD, SELL, HOLD, SELL]


def test_rewards_by_hand() -> None:
    # Buy at close 0 (0.5 > 0.25), leave at close 2 (-0.5): in at the fill of bar 1, out at that of bar 3.
    relative = np.array([0.5, 0.0, -0.5, 0.0, 0.0])
    close = np.array([100.0, 110.0, 105.0, 120.0, 90.0])
    fill = np.array([99.0, 104.0, 108.0, 106.0, 95.0])
    n, cost = 5, 0.01

    def settle(in_position: bool, long: bool):
        return outcomes(
            np.full(n, long),
            np.full(n, in_position),
            close,
            fill,
            **_acts(relative),
            max_holding_days=20,
            cost=cost,
        )

    bought = 0.99 * 0.99 * 106 / 104
    kept, sold = 0.99 * 106 / 100, 0.99 * 104 / 100
    buy, keep = settle(False, True), settle(True, True)
    assert (buy.settled[0], keep.settled[0]) == (3, 3)
    assert buy.value[0] == buy.reward[0] == pytest.approx(bought - 1)
    assert keep.value[0] == pytest.approx(kept - 1)
    assert keep.reward[0] == pytest.approx(kept - sold)
    # To sell at close 2 (-0.5): the consensus never buys again, so nothing is settled within the data.
    sell = settle(True, False)
    assert sell.settled[2] >= n


def test_the_longest_holding_time_ends_a_decision() -> None:
    n = 40
    relative, price = np.ones(n), np.linspace(100, 140, n)
    flags = np.ones(n, dtype=bool)
    outcome = outcomes(flags, ~flags, price, price, **_acts(relative), max_holding_days=20, cost=0.0)
    assert (outcome.settled == np.arange(n) + 21).all()
    assert outcome.reward[0] == pytest.approx(price[21] / price[1] - 1)


def _simulate(relative, close, fill, t, in_position, long, horizon, cost):
    """Follow one decision bar by bar, with an account; None when the data end first."""
    n = len(close)

    def leaves(u: int) -> bool:
        return relative[u] < -0.25 if long else relative[u] > 0.25

    end = next((u for u in range(t + 1, t + horizon + 1) if u >= n or leaves(u)), t + horizon)
    if end + 1 >= n:
        return None

    def equity(stance: bool) -> float:
        cash, shares = (0.0, 1.0 / close[t]) if in_position else (1.0, 0.0)
        if stance and not shares:
            shares, cash = cash * (1 - cost) / fill[t + 1], 0.0
        if not stance and shares:
            cash, shares = shares * fill[t + 1] * (1 - cost), 0.0
        return cash + shares * fill[end + 1] * (1 - cost)

    return equity(long) - 1, equity(long) - equity(not long), end + 1


@given(
    relative=arrays.arrays(np.float64, 30, elements=st.floats(-1, 1)),
    seed=st.integers(0, 999),
    horizon=st.integers(1, 12),
    cost=st.floats(0, 0.02),
    in_position=st.booleans(),
    long=st.booleans(),
)
def test_outcomes_equal_an_account_followed_bar_by_bar(
    relative, seed, horizon, cost, in_position, long
) -> None:
    rng = np.random.default_rng(seed)
    close, fill = rng.uniform(50, 150, (2, 30))
    outcome = outcomes(
        np.full(30, long),
        np.full(30, in_position),
        close,
        fill,
        **_acts(relative),
        max_holding_days=horizon,
        cost=cost,
    )
    for t in range(30):
        expected = _simulate(relative, close, fill, t, in_position, long, horizon, cost)
        if expected is None:
            assert outcome.settled[t] >= 30
        else:
            assert (outcome.value[t], outcome.reward[t]) == pytest.approx(expected[:2])
            assert outcome.settled[t] == expected[2]


@given(relative=arrays.arrays(np.float64, 30, elements=st.floats(-3, 3)), cut=st.integers(1, 29))
def test_stances_know_nothing_of_later_closes(relative: np.ndarray, cut: int) -> None:
    changed = np.concatenate([relative[:cut], -relative[cut:] + 1])
    assert np.array_equal(stances(relative, **LEVELS)[:cut], stances(changed, **LEVELS)[:cut])
