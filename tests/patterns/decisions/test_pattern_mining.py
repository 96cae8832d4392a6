from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.features import POSITION, VOTES, market_context, position_features, state_matrix
from rlpretrain.market import load_market
from rlpretrain.patterns import (
    BUY,
    HOLD,
    SELL,
    PatternSet,
    Tally,
    fill_prices,
    mine_patterns,
    select_voters,
    tally_votes,
)
from rlpretrain.patterns.decisions.consensus import stances
from rlpretrain.patterns.decisions.sampling import held_positions, sampled_closes
from rlpretrain.patterns.settings import DecisionSettings
from rlpretrain.settings import PretrainingConfig
from tests.patterns.building import panel_of, record_of, shaken, weekdays
from tests.patterns.conftest import Library, replay_library

RULES = DecisionSettings()


@pytest.fixture(scope="module")
def patterns(library: Library) -> PatternSet:
    return mine_patterns(_tally(library), library.panel, RULES)


def _tally(library: Library) -> Tally:
    elected = select_voters(library.records, validation_start=library.validation_start, min_sharpe=0.1)
    return tally_votes(elected.voters, library.panel, elected.admitted)


def test_sampled_closes_by_hand() -> None:
    stance = np.array([0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    usable = np.array([0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1], dtype=bool)
    # Changes at 3 and 8; the others in use are 1 2 4 5 6 7 9 11, of which every third is 4, 7.
    assert sampled_closes(stance, usable, 3).tolist() == [3, 4, 7, 8]
    assert sampled_closes(stance, usable, 1).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]


def test_positions_are_the_consensus_s_own_where_it_holds() -> None:
    dates = weekdays(8)
    series = panel_of({"A": [100.0, 102, 104, 100, 96, 98, 102, 110]}, dates).series("A")
    stance = np.array([0, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    price = fill_prices(series, "next_open")
    held = held_positions(series, stance, price, 20)
    # Decided at close 1, filled at the open of day 2 = 103; at close 4, when it sells, it is 3 bars old.
    for t in (2, 3, 4):
        expected = position_features(True, series.close[t] / 103 - 1, t - 1)
        assert np.array_equal(held[t], expected)
    for t in (5, 6, 7):
        ages = [position_features(True, series.close[t] / price[t - a + 1] - 1, a) for a in range(1, t + 1)]
        assert any(np.array_equal(held[t], age) for age in ages)


def test_a_library_gives_a_sound_table(patterns: PatternSet, library: Library) -> None:
    assert len(patterns) > 1000
    assert len(set(patterns.key.tolist())) == len(patterns)
    order = np.lexsort((patterns.in_position, patterns.asset, patterns.date))
    assert np.array_equal(order, np.arange(len(patterns)))
    assert np.isfinite(patterns.state).all() and patterns.state.shape[1] == 64
    assert np.allclose(patterns.label.sum(axis=1), 1.0)
    assert np.array_equal(patterns.label.argmax(axis=1), patterns.action)
    assert (patterns.label[patterns.in_position, BUY] == 0).all()
    assert (patterns.label[~patterns.in_position, SELL] == 0).all()
    assert set(patterns.action.tolist()) == {HOLD, BUY, SELL}
    assert ((patterns.confidence >= 0) & (patterns.confidence <= 1)).all()
    assert (patterns.strategy_weight > 0).all()
    assert (patterns.settled > patterns.date).all() and (patterns.settled <= library.panel.dates[-1]).all()
    assert (patterns.supporters + patterns.dissenters >= 3).all()
    assert np.allclose(patterns.category_scores.sum(axis=1), 1.0, atol=1e-5)
    assert (patterns.value >= 0).all(), "the teacher of outcomes prefers one action to the other"


def test_by_the_consensus_a_value_is_what_followed(library: Library) -> None:
    patterns = mine_patterns(_tally(library), library.panel, RULES.changed(teacher="consensus"))
    stay_flat = (patterns.action == HOLD) & ~patterns.in_position
    assert (patterns.value[stay_flat] == 0).all()
    buys = patterns.action == BUY
    assert np.array_equal(patterns.reward[buys], patterns.value[buys])


def test_both_positions_at_every_sampled_close(patterns: PatternSet) -> None:
    flat, held = (
        set(zip(p.asset.tolist(), p.date.tolist(), strict=True))
        for p in (patterns.take(~patterns.in_position), patterns.take(patterns.in_position))
    )
    # Each is settled at its own time, so only the last days may lack one of the two.
    assert len(flat ^ held) < 0.02 * len(flat)


def test_the_default_threshold_leaves_a_healthy_share_on_the_default_market() -> None:
    library = replay_library(load_market("generated:"), 100)
    patterns = mine_patterns(_tally(library), library.panel, RULES)
    confident = patterns.confidence >= PretrainingConfig().min_confidence
    training = patterns.settled < library.validation_start
    assert 0.3 < confident.mean() < 0.7
    assert 0.25 < confident[training].mean() < 0.7


def test_states_are_those_of_the_features_room(patterns: PatternSet, library: Library) -> None:
    votes = _tally(library).votes
    context = market_context(library.panel)
    for symbol in np.unique(patterns.asset)[:4].tolist():
        series = library.panel.series(symbol)
        state = state_matrix(series, context, votes.for_asset(symbol, series.dates))
        own = patterns.take(patterns.asset == symbol)
        assert np.array_equal(own.state[:, : POSITION.start], state[np.searchsorted(series.dates, own.date)])
        assert (own.state[~own.in_position, POSITION] == 0).all()
        assert (own.state[own.in_position, POSITION.start] == 1).all()


def test_without_votes_the_state_is_blank_and_the_labels_stay(patterns: PatternSet, library: Library) -> None:
    tally = _tally(library)
    blank = mine_patterns(tally, library.panel, RULES.changed(votes=False))
    assert (blank.state[:, VOTES] == 0).all() and (patterns.state[:, VOTES] != 0).any()
    assert np.array_equal(blank.label, patterns.label)
    assert np.array_equal(blank.key, patterns.key)


def test_until_keeps_what_is_settled_by_then(patterns: PatternSet, library: Library) -> None:
    until = library.panel.dates[900]
    tally = _tally(library)
    early = mine_patterns(tally, library.panel, RULES, until=until)
    expected = patterns.take(patterns.settled <= until)
    assert all(np.array_equal(getattr(early, f.name), getattr(expected, f.name)) for f in fields(PatternSet))


def test_sampling_bounds_the_number_of_rows(patterns: PatternSet, library: Library) -> None:
    days = len(library.panel.sessions)
    tally = _tally(library)
    changes = 0
    for column in range(len(tally.votes.assets)):
        stance = stances(
            tally.votes.view("relative")[:, column].astype(float), buy_level=0.25, sell_level=-0.25
        )
        changes += int(np.abs(np.diff(stance.astype(int))).sum())
    bars = sum(len(library.panel.series(asset)) for asset in np.unique(patterns.asset).tolist())
    assert len(patterns) <= 2 * (changes + bars / RULES.hold_every + len(tally.votes.assets))
    assert days > 1000


def test_rules_come_from_settings() -> None:
    settings_ = PretrainingConfig(buy_level=0.5, fill="next_close", hold_every=2)
    rules = settings_
    assert (rules.buy_level, rules.fill, rules.hold_every) == (0.5, "next_close", 2)


def test_too_small_a_library_decides_nothing(library: Library) -> None:
    tally = tally_votes(library.records[:1], library.panel)
    with pytest.raises(DataError, match="no decision"):
        mine_patterns(tally, library.panel, RULES)


def test_rewards_of_an_asset_by_hand() -> None:
    n = 500
    dates = weekdays(n, np.datetime64("2015-01-05"))
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0.0005, 0.01, n)))
    panel = panel_of({"SPY": close.tolist()}, dates)
    swing = (np.arange(n) // 15 % 2).tolist()
    voters = [record_of(str(i), dates, {"SPY": swing}, rng.normal(0.001, 0.01, n)) for i in range(3)]
    tally = tally_votes(voters, panel)
    patterns = mine_patterns(tally, panel, RULES.changed(cost_bps=10.0))
    bought = patterns.take(patterns.action == BUY)
    assert len(bought) > 0
    for i in range(len(bought)):
        t = int(np.searchsorted(dates, bought.date[i]))
        end = next((u for u in range(t + 1, t + 21) if not swing[u]), t + 20)  # Nobody holds any more.
        assert bought.settled[i] == dates[end + 1]
        growth = panel.open[end + 1, 0] / panel.open[t + 1, 0]
        assert bought.reward[i] == pytest.approx(0.999**2 * growth - 1, abs=1e-6)
        assert bought.supporters[i] == 3 and bought.dissenters[i] == 0


@settings(max_examples=3, deadline=None)
@given(cut=st.integers(500, 1150), seed=st.integers(0, 99))
def test_the_whole_chain_knows_nothing_of_later_prices(market, cut: int, seed: int) -> None:
    """From replay to confidence, all that is dated up to a day stays when every later price changes."""
    day = market.dates[cut]
    before, after = (_chain(replay_library(panel, 24)) for panel in (market, shaken(market, day, seed)))
    for name in before[0]:
        rows = before[1].dates <= day
        assert np.array_equal(before[0][name][rows], after[0][name][rows]), name
    old, new = (patterns.take(patterns.date <= day) for patterns in (before[2], after[2]))
    # Rewards are settled later, so rows near the end differ in whether they are known at all.
    both = np.intersect1d(old.key, new.key)
    known = old.settled <= day
    assert np.isin(old.key[known], both).all()
    old, new = (p.take(np.isin(p.key, both)) for p in (old, new))
    for field in fields(PatternSet):
        if field.name not in ("reward", "value", "settled"):
            assert np.array_equal(getattr(old, field.name), getattr(new, field.name)), field.name
    known = old.settled <= day
    assert known.any()
    for name in ("reward", "value", "settled"):
        assert np.array_equal(getattr(old, name)[known], getattr(new, name)[known]), name


def _chain(library: Library):
    # Everyone votes: whom the quality filter lets in may depend on all of the pre-training window.
    tally = tally_votes(library.records, library.panel)
    votes = {f.name: getattr(tally.votes, f.name) for f in fields(tally.votes)[2:]}
    return votes, tally.votes, mine_patterns(tally, library.panel, RULES)


def test_one_library_gives_one_table(patterns: PatternSet, library: Library) -> None:
    tally = _tally(replace(library, records=library.records[::-1]))
    again = mine_patterns(tally, library.panel, RULES)
    assert all(np.array_equal(getattr(again, f.name), getattr(patterns, f.name)) for f in fields(PatternSet))
