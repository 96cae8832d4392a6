import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.market.calendars import is_session
from rlpretrain.patterns import follow_consensus, tally_votes
from rlpretrain.patterns.decisions.consensus_record import stance_returns
from rlpretrain.patterns.settings import DecisionSettings
from tests.patterns.building import panel_of, record_of, shaken, weekdays

DATES = weekdays(400, np.datetime64("2019-01-07"))
RULES = DecisionSettings(cost_bps=10.0)


def _closes(seed: int) -> list[float]:
    return (100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0005, 0.01, len(DATES))))).tolist()


@pytest.fixture(scope="module")
def panel():
    return panel_of({"SPY": _closes(1), "TLT": _closes(2)}, DATES)


def _tally(panel, voters: int = 3):
    swing = (np.arange(len(DATES)) // 15 % 2).tolist()
    records = [record_of(str(i), DATES, {"SPY": swing, "TLT": swing[::-1]}) for i in range(voters)]
    return tally_votes(records, panel)


def test_returns_of_a_stance_by_hand() -> None:
    series = panel_of({"A": [100.0, 104, 100, 110, 121, 121]}, weekdays(6)).series("A")
    stance = np.array([False, True, True, False, False, True])
    fill = series.open
    found = stance_returns(series, stance, fill, 0.01)
    # Bought in bar 2 at its open 102, held through bar 3, sold in bar 4 at its open 115.5; the last waits.
    expected = [0, 0, 0.99 * 100 / 102 - 1, 110 / 100 - 1, 0.99 * 115.5 / 110 - 1, 0]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.prod(1 + found) == pytest.approx(0.99**2 * 115.5 / 102)


def test_a_window_by_hand(panel) -> None:
    tally = _tally(panel)
    start, stop = DATES[100], DATES[300]
    found = follow_consensus(tally, panel, RULES, start, stop)
    assert np.array_equal(found.dates, DATES[100:300]) and found.assets == 2
    both = []
    for column, symbol in enumerate(tally.votes.assets):
        series = panel.series(symbol)
        relative = tally.votes.view("relative")[:, column]
        stance, long = np.zeros(len(DATES), bool), False
        for t in range(len(DATES)):
            long = relative[t] > 0.25 or (long and relative[t] >= -0.25)
            stance[t] = long
        both.append(stance_returns(series, stance, series.open, 0.001)[100:300])
    np.testing.assert_allclose(found.returns, np.mean(both, axis=0), atol=1e-12)
    hold = np.mean(
        [panel.series(s).close[100:300] / panel.series(s).close[99:299] - 1 for s in ("SPY", "TLT")], axis=0
    )
    np.testing.assert_allclose(found.holding, hold, atol=1e-12)
    assert 10 < len(found.rewards) < 40 and np.isfinite(found.rewards).all()


def test_too_few_voters_follow_nothing(panel) -> None:
    found = follow_consensus(_tally(panel, voters=2), panel, RULES, DATES[100], DATES[300])
    assert found.assets == 0 and not found.returns.any() and not len(found.rewards)


def test_weekends_count_with_the_session_that_follows() -> None:
    days = np.datetime64("2019-01-07") + np.arange(400)
    close = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.02, 400)))
    weekday = is_session(days)
    equity = np.where(weekday, 50.0, np.nan)
    panel = panel_of({"BTC-USD": close.tolist(), "SPY": equity.tolist()}, days, crypto=("BTC-USD",))
    tally = tally_votes([record_of(str(i), days, {"BTC-USD": [1] * 400}) for i in range(3)], panel)
    found = follow_consensus(tally, panel, RULES.changed(crypto_cost_bps=0.0), days[200], days[399])
    assert np.array_equal(found.dates, days[200:399][weekday[200:399]])
    first, last = (int(np.searchsorted(days, found.dates[i])) for i in (0, -1))
    assert np.prod(1 + found.holding) == pytest.approx(close[last] / close[first - 1])


@settings(max_examples=10, deadline=None)
@given(cut=st.integers(150, 380), seed=st.integers(0, 99))
def test_prices_after_the_window_change_nothing(panel, cut: int, seed: int) -> None:
    stop = DATES[cut]
    one, other = (
        follow_consensus(_tally(p), p, RULES, DATES[100], stop)
        for p in (panel, shaken(panel, DATES[cut - 1], seed))
    )
    for name in ("returns", "holding", "rewards"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
