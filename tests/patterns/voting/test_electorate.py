from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.patterns import select_voters, sharpe_before
from rlpretrain.patterns.strategies.strategy_records import VersionSpan
from rlpretrain.patterns.voting.electorate import admission
from tests.patterns.building import record_of, weekdays

DATES = weekdays(200, np.datetime64("2019-04-02"))
RISING = np.tile([0.01, -0.005], 100)


def _record(name: str, returns: np.ndarray = RISING, **other):
    return record_of(name, DATES[: len(returns)], {"A": [1] * len(returns)}, returns, **other)


def test_sharpe_is_the_plain_one_up_to_the_day_before() -> None:
    record = _record("a")
    expected = RISING[:100].mean() / RISING[:100].std() * np.sqrt(252)
    assert sharpe_before(record, DATES[100]) == pytest.approx(expected, rel=1e-5)
    assert sharpe_before(record, DATES[62]) is None
    assert sharpe_before(_record("b", np.zeros(200)), DATES[100]) == 0.0


def test_weak_short_and_copied_strategies_do_not_vote_and_say_why() -> None:
    records = [
        _record("good"),
        _record("weak", -RISING),
        _record("young", RISING[:30]),
        _record("zopy", content_hash="hash of good"),
    ]
    electorate = select_voters(records, validation_start=DATES[150], min_sharpe=0.1)
    assert [voter.symphony_id for voter in electorate.voters] == ["good"]
    assert len(electorate.sharpe) == 1 and electorate.sharpe[0] > 0.1
    reasons = {reject.symphony_id: reject for reject in electorate.rejects}
    assert reasons["weak"].stage == "quality" and "0.1 or more" in reasons["weak"].reason
    assert "fewer than 63 days" in reasons["young"].reason
    assert reasons["zopy"].stage == "duplicate" and "good" in reasons["zopy"].reason


def test_of_equal_trees_the_one_known_the_longest_votes() -> None:
    """Copies have ids that nobody chose; that of the original may be the last one."""
    edits = {"a": "2020-03-02", "b": None, "z": "2019-01-02"}
    records = [
        _record(name, content_hash="one", last_edit=None if day is None else np.datetime64(day))
        for name, day in edits.items()
    ]
    electorate = select_voters(records, validation_start=DATES[150], min_sharpe=0.1)
    assert [voter.symphony_id for voter in electorate.voters] == ["z"]
    assert {reject.symphony_id: reject.reason for reject in electorate.rejects} == {
        "a": "the same tree as z: votes once",
        "b": "the same tree as z: votes once",
    }


def test_since_when_rules_are_known_depends_on_no_later_version() -> None:
    first, second, third = DATES[0], DATES[50], DATES[90]
    spans = tuple(
        VersionSpan(day, str(day), tree) for day, tree in ((first, "x"), (second, "y"), (third, "x"))
    )
    record = _record("a", versions=spans)
    assert record.known_since() == record.known_since(DATES[0]) == first
    assert (
        record.known_since(DATES[89]) == second == replace(record, versions=spans[:2]).known_since(DATES[89])
    )


def _agreement(*parts: tuple[int, int]) -> np.ndarray:
    return np.concatenate([np.full(days, verdict, dtype=np.int8) for verdict, days in parts])


def test_who_is_not_reproduced_so_far_does_not_vote_and_says_why() -> None:
    records = [
        _record("good"),
        _record("never", agreement=_agreement((0, 60), (-1, 140))),
        _record("too late", agreement=_agreement((0, 60), (-1, 90), (1, 50))),
        _record("unseen", agreement=_agreement((0, 180), (1, 20))),
        _record("weak", -RISING, agreement=_agreement((0, 60), (1, 50), (-1, 90))),
    ]
    electorate = select_voters(records, validation_start=DATES[150], min_sharpe=0.1)
    assert [voter.symphony_id for voter in electorate.voters] == ["good"]
    reasons = {reject.symphony_id: reject for reject in electorate.rejects}
    assert {name: reject.stage for name, reject in reasons.items()} == {
        "never": "fidelity", "too late": "fidelity", "unseen": "fidelity", "weak": "quality",
    }  # fmt: skip
    assert "did its replay agree" in reasons["never"].reason and "correlate 1.000" in reasons["never"].reason
    assert "60 days in common" in reasons["unseen"].reason
    assert "0.1 or more" in reasons["weak"].reason


def test_a_replay_that_agreed_for_a_time_votes_in_that_time() -> None:
    quarter = DATES.astype("datetime64[M]").astype(int) // 3
    first, second, third = (np.flatnonzero(quarter == q)[0] for q in np.unique(quarter)[1:4])
    record = _record(
        "a", agreement=_agreement((0, 60), (1, second - 60), (-1, third - second), (1, 200 - third))
    )
    votes = admission(record, validation_start=DATES[-1] + 1, min_sharpe=0.1)
    np.testing.assert_array_equal(np.flatnonzero(np.diff(votes)) + 1, [first, second, third])


def test_order_does_not_matter() -> None:
    records = [_record(name) for name in "dacb"]
    one = select_voters(records, validation_start=DATES[150], min_sharpe=0.1)
    two = select_voters(records[::-1], validation_start=DATES[150], min_sharpe=0.1)
    assert [v.symphony_id for v in one.voters] == [v.symphony_id for v in two.voters] == list("abcd")


def test_the_choice_knows_nothing_from_the_validation_window_on() -> None:
    rng = np.random.default_rng(0)
    for seed in range(10):
        returns = rng.normal(0.0005, 0.01, 200)
        changed = np.concatenate([returns[:150], rng.normal(-0.05, 0.1, 50)])
        chosen = [
            select_voters([_record(f"s{seed}", r)], validation_start=DATES[150], min_sharpe=0.1)
            for r in (returns, changed)
        ]
        assert [v.symphony_id for v in chosen[0].voters] == [v.symphony_id for v in chosen[1].voters]
        assert chosen[0].sharpe == chosen[1].sharpe


def test_reviews_by_hand() -> None:
    record = record_of("a", DATES, {"A": [1] * 200}, np.concatenate([RISING[:100], -5 * RISING[:100]]))
    quarter = record.dates.astype("datetime64[M]").astype(int) // 3
    votes = admission(record, validation_start=DATES[-1] + 1, min_sharpe=0.1)
    first, second, third = (np.flatnonzero(quarter == q)[0] for q in np.unique(quarter)[1:4])
    assert not votes[:first].any(), "too young at its first review"
    assert votes[first:second].all(), "a good record so far"
    assert not votes[third:].any(), "dismissed once the record is bad"
    frozen = admission(record, validation_start=DATES[second], min_sharpe=0.1)
    assert frozen[first:].all(), "the last review before the validation window stands"


def test_no_vote_rests_on_a_later_return() -> None:
    rng = np.random.default_rng(1)
    for seed in range(20):
        returns = rng.normal(0.0005, 0.01, 200)
        agreement = rng.choice(np.array([-1, 1], dtype=np.int8), 200)
        t = int(rng.integers(20, 190))
        changed = np.concatenate([returns[: t + 1], rng.normal(-0.05, 0.1, 199 - t)])
        otherwise = np.where(np.arange(200) <= t, agreement, -agreement)
        one, two = (
            admission(_record(f"s{seed}", r, agreement=a), validation_start=DATES[170], min_sharpe=0.1)
            for r, a in ((returns, agreement), (changed, otherwise))
        )
        np.testing.assert_array_equal(one[: t + 1], two[: t + 1])


def test_reviews_end_before_validation_only_where_todays_trees_vote_on_all_days() -> None:
    """Of two strategies that lose from the validation window on, only the one without versions goes on voting."""
    validation, last = DATES[70], DATES[-1]
    losing = np.where(validation > DATES, RISING, RISING - 0.02)
    todays, then = _record("today", losing), _record("then", losing, versions=_versions(0))
    assert todays.reviewed_until(validation) == validation
    assert then.reviewed_until(validation) == last + 1
    electorate = select_voters(
        [todays, then], validation_start=validation, min_sharpe=0.1, max_correlation=1.0
    )
    admitted = {
        voter.symphony_id: votes for voter, votes in zip(electorate.voters, electorate.admitted, strict=True)
    }
    assert admitted["today"][-1] and not admitted["then"][-1]
    assert admitted["then"].any(), "it voted while it was good"


def test_a_strategy_that_begins_late_votes_once_a_review_has_seen_it() -> None:
    late = record_of("late", DATES[90:], {"A": [1] * 110}, RISING[90:])
    quarter = DATES.astype("datetime64[M]").astype(int) // 3
    review = np.flatnonzero(quarter == quarter[-1])[0]
    assert 153 < review < 199, "the first review with 63 returns of it"
    electorate = select_voters([late], validation_start=DATES[-1] + 1, min_sharpe=0.1)
    np.testing.assert_array_equal(np.flatnonzero(electorate.admitted[0]) + 90, np.arange(review, 200))
    assert not select_voters([late], validation_start=DATES[150], min_sharpe=0.1).voters


def _versions(*starts: int) -> tuple[VersionSpan, ...]:
    return tuple(VersionSpan(DATES[row], f"v{row}", f"tree {row}", ("A",)) for row in starts)


def test_a_version_that_is_not_compared_has_no_vote_on_its_days() -> None:
    """The second version begins within a quarter and is unknown to the service; the third one agrees."""
    quarter = DATES.astype("datetime64[M]").astype(int) // 3
    first, second = (np.flatnonzero(quarter == q)[0] for q in np.unique(quarter)[1:3])
    begun, replaced = first + 12, first + 20
    agreement = _agreement((1, begun), (0, replaced - begun), (1, 200 - replaced))
    record = _record("a", agreement=agreement, versions=_versions(0, begun, replaced))
    votes = admission(record, validation_start=DATES[-1] + 1, min_sharpe=0.1)
    expected = (np.arange(200) >= first) & ~((np.arange(200) >= begun) & (np.arange(200) < replaced))
    np.testing.assert_array_equal(votes, expected)
    alone = admission(_record("a", agreement=agreement), validation_start=DATES[-1] + 1, min_sharpe=0.1)
    assert alone[first : second + 1].all(), "one tree is compared at its reviews only"


def test_a_new_version_does_not_admit_what_the_last_review_refused() -> None:
    quarter = DATES.astype("datetime64[M]").astype(int) // 3
    first, second = (np.flatnonzero(quarter == q)[0] for q in np.unique(quarter)[1:3])
    agreement = _agreement((-1, first + 5), (1, 195 - first))
    record = _record("a", agreement=agreement, versions=_versions(0, first + 5))
    votes = admission(record, validation_start=DATES[-1] + 1, min_sharpe=0.1)
    np.testing.assert_array_equal(np.flatnonzero(np.diff(votes)) + 1, [second])


def test_equal_histories_vote_once() -> None:
    records = [_record(name, content_hash="one history", versions=_versions(0, 50)) for name in "ba"]
    electorate = select_voters(records, validation_start=DATES[-1] + 1, min_sharpe=0.1)
    assert [voter.symphony_id for voter in electorate.voters] == ["a"]
    (reject,) = electorate.rejects
    assert reject.stage == "duplicate" and reject.reason == "the same history as a: votes once"
