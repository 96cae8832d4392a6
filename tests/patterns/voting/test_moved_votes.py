"""Moved votes: the same votes on another day, none from a later one, and all assets by the same step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.patterns import VotePanel, tally_votes
from rlpretrain.patterns.voting.moved_votes import Move, move_votes
from tests.patterns.building import panel_of, record_of, weekdays

dates = weekdays(900)
UNTIL = dates[700]
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def votes() -> VotePanel:
    panel = panel_of({name: (100 + RNG.normal(size=900).cumsum()).tolist() for name in "AB"}, dates)
    voters = [
        record_of(name, dates, {asset: RNG.integers(0, 2, 900).tolist() for asset in "AB"})
        for name in ("x", "y", "z")
    ]
    return tally_votes(voters, panel).votes


def test_each_day_has_the_votes_of_the_same_weekday_some_weeks_before(votes: VotePanel) -> None:
    move = Move(60, dates[0], UNTIL)
    moved = move_votes(votes, move, ["B", "NOBODY", "A"])
    assert moved.assets == ("B", "A")
    assert np.array_equal(moved.dates, votes.dates)
    early = dates < dates[0] + 420
    whole_weeks = (UNTIL - dates[0]).astype(int) // 7 * 7
    source = np.where(early, dates - 420 + whole_weeks, dates - 420)
    assert (source[early] < UNTIL).all(), "they go round before the validation window"
    for asset in "AB":
        np.testing.assert_array_equal(moved.for_asset(asset, dates), votes.for_asset(asset, source))
        by_category = moved.categories_for(asset, dates)
        np.testing.assert_array_equal(by_category, votes.categories_for(asset, source))
    assert not np.array_equal(moved.for_asset("A", dates), votes.for_asset("A", dates))
    np.testing.assert_array_equal(
        moved.holders[:, 1], votes.holders[np.searchsorted(dates, source, side="right") - 1, 0]
    )


@given(weeks=st.integers(1, 70), first=st.integers(0, 200), length=st.integers(10, 600))
def test_no_vote_comes_from_a_later_window_and_none_after_it_from_a_later_day(
    weeks: int, first: int, length: int
) -> None:
    begin, until = dates[first], dates[first] + np.timedelta64(length, "D")
    move = Move(min(weeks, length // 14) or 1, begin, until)
    source = move.sources(dates)
    before = dates < until
    assert (source[before & (dates >= begin)] < until).all()
    assert (source[before & (dates >= begin)] >= begin - 6).all()
    later = dates >= until
    assert (dates[later] - source[later] == np.timedelta64(move.weeks * 7, "D")).all()


def test_a_move_is_of_a_year_to_half_the_days_with_votes(votes: VotePanel) -> None:
    drawn = {Move.draw(votes, UNTIL, seed).weeks for seed in range(60)}
    assert min(drawn) >= 52 and max(drawn) <= 72 and len(drawn) > 5
    assert Move.draw(votes, UNTIL, 3) == Move.draw(votes, UNTIL, 3)
    assert Move.draw(votes, dates[100], 3).weeks == 10, "half, where that is less than a year"
    assert 0.35 < Move.draw(votes, UNTIL, 3).share <= 0.5
    with pytest.raises(DataError, match="no two weeks of votes before"):
        Move.draw(votes, dates[4], 3)


def test_later_votes_change_neither_the_move_nor_what_is_seen_before(votes: VotePanel) -> None:
    cut = int(np.searchsorted(dates, UNTIL))
    changed = {
        name: np.concatenate([column[:cut], RNG.permutation(column[cut:])])
        for name in ("eligible", "holders", "related", "views", "by_category")
        for column in [getattr(votes, name)]
    }
    later = VotePanel(assets=votes.assets, dates=votes.dates, **changed)
    assert Move.draw(later, UNTIL, 5) == Move.draw(votes, UNTIL, 5)
    move = Move(20, dates[0], UNTIL)
    seen, again = (move_votes(panel, move, ["A"]).for_asset("A", dates) for panel in (votes, later))
    known = dates < UNTIL + np.timedelta64(move.weeks * 7, "D")
    np.testing.assert_array_equal(seen[known], again[known])
    assert not np.array_equal(seen, again)
