from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.patterns import StrategyRecord, select_voters
from rlpretrain.patterns.strategies.strategy_records import VersionSpan
from rlpretrain.patterns.voting.near_duplicates import one_vote_each, quarter_starts
from tests.patterns.building import record_of, weekdays

START = np.datetime64("2018-04-02")
UNTIL = np.datetime64("2020-01-01")
SECOND_QUARTER = np.datetime64("2018-07-02")
DAYS = weekdays(3 * 261, START)
RNG = np.random.default_rng(0)
MARKET = RNG.normal(0.001, 0.01, len(DAYS))
OTHER = RNG.normal(0.001, 0.01, len(DAYS))


def voter(name: str, returns: np.ndarray, first: int = 0) -> StrategyRecord:
    held = np.ones(len(DAYS) - first, dtype=int)
    return record_of(name, DAYS[first:], {"SPY": held}, returns[first:])


def everywhere(voters) -> list[np.ndarray]:
    return [np.ones(len(voter.dates), dtype=bool) for voter in voters]


def heard(voters, max_correlation: float = 0.99, until: np.datetime64 = UNTIL):
    return one_vote_each(voters, everywhere(voters), validation_start=until, max_correlation=max_correlation)


def near(returns: np.ndarray, noise: float, seed: int) -> np.ndarray:
    return returns + np.random.default_rng(seed).normal(0, noise, len(returns))


def test_of_twins_the_longest_record_votes_then_the_lesser_id() -> None:
    old, young = voter("z", MARKET), voter("a", near(MARKET, 1e-4, 1), first=40)
    (first, second, third), exclusions = heard([young, old, voter("y", near(MARKET, 1e-4, 2))])
    assert exclusions[0].duplicate_of == exclusions[1].duplicate_of == "y", (
        "of two equally long records the lesser id"
    )
    assert third.all() and not second[DAYS >= SECOND_QUARTER].any()
    assert second[DAYS < SECOND_QUARTER].all(), "a quarter of shared days comes first"
    assert not first[-200:].any()


def test_strategies_that_differ_all_vote() -> None:
    votes, exclusions = heard([voter("a", MARKET), voter("b", OTHER), voter("c", -MARKET)])
    assert all(mask.all() for mask in votes) and not exclusions


def test_the_threshold_is_the_correlation_on_shared_days_before_the_quarter() -> None:
    a, b = voter("a", MARKET), voter("b", near(MARKET, 0.005, 3), first=100)
    start = np.datetime64("2019-10-01")
    both = (DAYS[100:] < start).sum()
    exact = np.corrcoef(a.returns[100 : 100 + both], b.returns[:both])[0, 1]
    rows = (b.dates >= start) & (b.dates < UNTIL)
    assert heard([a, b], exact + 1e-6)[0][1][rows].all()
    assert not heard([a, b], exact - 1e-6)[0][1][rows].any()


def test_no_chain_joins_strategies_that_differ() -> None:
    """b is near a, c is near b, but c is not near a: c votes."""
    step = RNG.normal(0, 0.001, len(DAYS))
    a, b, c = voter("a", MARKET), voter("b", MARKET + step), voter("c", MARKET + 2 * step)
    assert np.corrcoef(a.returns, b.returns)[0, 1] > 0.99 < np.corrcoef(b.returns, c.returns)[0, 1]
    assert np.corrcoef(a.returns, c.returns)[0, 1] < 0.985
    votes, exclusions = heard([a, b, c])
    assert set(exclusions) == {1} and votes[2].all()


def test_who_is_not_admitted_silences_nobody() -> None:
    voters = [voter("a", MARKET), voter("b", MARKET)]
    admitted = everywhere(voters)
    admitted[0][:] = False
    votes, exclusions = one_vote_each(voters, admitted, validation_start=UNTIL, max_correlation=0.99)
    assert votes[1].all() and not exclusions


def test_a_strategy_is_heard_again_once_it_has_changed() -> None:
    half = len(DAYS) // 4
    changed = np.concatenate([MARKET[:half], OTHER[half:]])
    votes, exclusions = heard([voter("a", MARKET), voter("b", changed)])
    assert not votes[1][half] and votes[1][-1]
    assert 0 < exclusions[1].reviews < exclusions[1].admitted
    assert str(exclusions[1]).startswith(
        f"duplicate of a at {exclusions[1].reviews} of 7 reviews: daily returns"
    )


def test_the_last_review_stands_and_returns_that_never_move_are_no_twins() -> None:
    votes, _ = heard([voter("a", MARKET), voter("b", MARKET), voter("c", 0 * MARKET), voter("d", 0 * MARKET)])
    assert not votes[1][DAYS >= UNTIL].any() and votes[2].all() and votes[3].all()


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(70, 520), seed=st.integers(0, 99))
def test_later_returns_decide_nothing_before(cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    returns = [MARKET, near(MARKET, 1e-4, 5), near(MARKET, 1e-3, 6), near(MARKET, 1.5e-3, 7), OTHER]
    changed = [np.concatenate([r[:cut], rng.normal(0, 0.02, len(r) - cut)]) for r in returns]
    one, other = (
        heard([voter(str(i), r, first=10 * i) for i, r in enumerate(rows)])[0] for rows in (returns, changed)
    )
    for i, (a, b) in enumerate(zip(one, other, strict=True)):
        np.testing.assert_array_equal(a[: cut - 10 * i], b[: cut - 10 * i])


def test_the_electorate_tells_who_was_left_out() -> None:
    rising = MARKET + 0.002
    half = len(DAYS) // 4
    records = [voter("a", rising), voter("b", np.concatenate([rising[:half], OTHER[half:] + 0.002]))]
    elected = select_voters(records, validation_start=UNTIL, min_sharpe=0.1)
    assert [v.symphony_id for v in elected.voters] == ["a", "b"]
    (remark,) = elected.remarks
    assert remark.symphony_id == "b" and "duplicate of a" in remark.reason
    alone = select_voters(records, validation_start=UNTIL, min_sharpe=0.1, max_correlation=1.0)
    assert alone.admitted[1].sum() > elected.admitted[1].sum() and not alone.remarks
    twins = [voter("a", rising), voter("b", near(rising, 1e-5, 9), first=1)]
    gone = select_voters(twins, validation_start=UNTIL, min_sharpe=0.1, max_correlation=0.9)
    assert [v.symphony_id for v in gone.voters] == ["a"]
    assert gone.rejects[0].stage == "duplicate" and "at every review" in gone.rejects[0].reason


LAST = int(np.searchsorted(DAYS, UNTIL))
"""Rows of a strategy with versions, which is reviewed up to its last day."""


def with_versions(name: str, returns: np.ndarray, *trees: tuple[str, str], first: int = 0) -> StrategyRecord:
    versions = tuple(
        VersionSpan(np.datetime64(day, "D"), f"since {day}", tree, ("SPY",)) for day, tree in trees
    )
    days = DAYS[first:LAST]
    record = record_of(name, days, {"SPY": np.ones(len(days), dtype=int)}, returns[first:LAST])
    return replace(record, versions=versions)


def test_two_strategies_that_are_the_same_tree_at_a_review_vote_once() -> None:
    """Their returns differ, because they were different trees before."""
    begin = str(START)
    old = with_versions("z", MARKET, (begin, "one"), ("2018-11-20", "two"))
    young = with_versions(
        "a", OTHER, (begin, "other"), ("2018-09-03", "two"), ("2019-05-06", "third"), first=5
    )
    tree = replace(voter("m", -MARKET, first=9), content_hash="two")
    quarters = DAYS.astype("datetime64[M]").astype(int) // 3
    same = quarters == quarters[np.searchsorted(DAYS, np.datetime64("2019-01-02"))]
    for limit in (0.99, 1.0):
        votes, exclusions = heard([old, young, tree], limit)
        assert votes[1].all(), "it has been the second tree the longest, whatever its id and its record"
        assert not votes[0][same[:LAST]].any(), "both are the second tree at the first review of 2019"
        assert votes[0][DAYS[:LAST] < np.datetime64("2019-01-01")].all() and votes[0][-1]
        assert not votes[2][(np.datetime64("2018-10-01") <= DAYS)[9:]].any()
        assert exclusions[0].correlation is None
        assert str(exclusions[0]) == "duplicate of a at 2 of 7 reviews: the same tree then"


def test_quarters_begin_with_their_first_close() -> None:
    rows = quarter_starts(DAYS, np.datetime64("2018-11-01"))
    assert DAYS[rows].astype(str).tolist() == ["2018-04-02", "2018-07-02", "2018-10-01"]
    assert pytest.approx(0) == rows[0]


def test_who_is_no_longer_reviewed_keeps_its_vote_and_a_later_twin_has_none() -> None:
    """Today's tree is reviewed up to the validation window; what a twin was then, up to the last day."""
    todays = voter("z", MARKET)
    span = VersionSpan(DAYS[0], "v", "tree", ("SPY",))
    then = replace(voter("a", near(MARKET, 1e-4, 1), first=40), versions=(span,))
    validation = np.datetime64("2019-01-01")
    (first, second), exclusions = heard([todays, then], until=validation)
    assert first.all() and not second[then.dates >= validation].any()
    assert exclusions[1].duplicate_of == "z"
    (alone,), _ = heard([then], until=validation)
    assert alone.all()
