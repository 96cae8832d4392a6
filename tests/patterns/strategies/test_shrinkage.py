"""Weights of records: learned from the past alone, and lower where records did not hold."""

from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.patterns.strategies.shrinkage import MIN_WEIGHT, shrinkage_weights, weights_in_force
from rlpretrain.patterns.strategies.strategy_records import VersionSpan
from rlpretrain.patterns.strategies.version_records import VersionRecords
from tests.analysis.planted_versions import planted_versions
from tests.patterns.building import record_of

STRATEGIES = 40
LATER = np.datetime64("2100-01-01")
OVERFITTED = np.arange(STRATEGIES) % 2 == 1


@pytest.fixture(scope="module")
def library() -> VersionRecords:
    """Every second strategy trades often and promises 40 % a year more than it delivers; the others deliver 20 %."""
    planted = planted_versions(
        STRATEGIES,
        3,
        growth=0.2,
        promised_more=np.where(OVERFITTED, 0.4, 0.0),
        turnover=np.where(OVERFITTED, 0.5, 0.02),
        rng=np.random.default_rng(0),
    )
    worse = [
        replace(
            record,
            returns=np.where(record.dates < record.first_close, record.returns, record.returns - 0.0008),
        )
        if OVERFITTED[int(record.symphony_id[1:])]
        else record
        for record in planted.records
    ]
    return VersionRecords(tuple(replace(one, returns=one.returns.astype(np.float32)) for one in worse))


@pytest.fixture(scope="module")
def reviews(library: VersionRecords) -> np.ndarray:
    return library.records[0].dates[::63]


def at(weights, review, kind) -> np.ndarray:
    found = [
        weight
        for (name, day), weight in weights.items()
        if day == review and OVERFITTED[int(name[1:])] == kind
    ]
    return np.array(found)


def test_overfitted_records_weigh_less_than_honest_ones(library, reviews) -> None:
    weights = shrinkage_weights(library, reviews)
    overfitted, honest = (at(weights, reviews[-1], kind) for kind in (True, False))
    assert len(overfitted) == len(honest) == STRATEGIES // 2
    assert overfitted.max() < honest.min() and 2 * np.median(overfitted) < np.median(honest)


def test_where_nothing_is_known_all_of_a_record_is_believed(library, reviews) -> None:
    weights = shrinkage_weights(library, reviews)
    first = min(day for _, day in weights)
    assert {weight for (_, day), weight in weights.items() if day == first} == {1.0}


def test_what_comes_later_changes_no_earlier_weight(library, reviews) -> None:
    """Later days, later versions and the ends of present ones, bit for bit."""
    weights = shrinkage_weights(library, reviews)
    for review in (reviews[18], reviews[24]):
        earlier = reviews[reviews <= review]
        known = shrinkage_weights(library.before(review + 1), earlier)
        assert known == {key: weight for key, weight in weights.items() if key[1] <= review}
    assert any(MIN_WEIGHT <= weight < 1.0 for weight in known.values())


def test_every_strategy_has_one_weight_from_its_first_version_on(library, reviews) -> None:
    weights = shrinkage_weights(library, reviews)
    first = {}
    for record in library.records:
        first.setdefault(record.symphony_id, record.first_close)
    expected = {(name, day) for name, begun in first.items() for day in reviews if day >= begun}
    assert set(weights) == expected
    assert all(MIN_WEIGHT <= weight <= 1.0 for weight in weights.values())


def test_kinds_that_nothing_distinguishes_weigh_alike(library, reviews) -> None:
    alike = [
        replace(record, turnover=np.full_like(record.turnover, 0.02), nodes=10) for record in library.records
    ]
    weights = shrinkage_weights(VersionRecords(tuple(alike)), reviews)
    overfitted, honest = (np.median(at(weights, reviews[-1], kind)) for kind in (True, False))
    assert abs(overfitted - honest) < 0.1


def test_without_versions_or_reviews_there_are_no_weights(library, reviews) -> None:
    assert shrinkage_weights(VersionRecords(()), reviews) == {}
    assert shrinkage_weights(library, reviews[:0]) == {}


def test_copies_of_a_version_count_once(library, reviews) -> None:
    """Overfitted versions that many copy would otherwise decide what is expected of all."""
    reviews = reviews[[12, 20, -1]]
    copies = [
        replace(record, symphony_id=f"{record.symphony_id} copied {i}")
        for record in library.records
        if OVERFITTED[int(record.symphony_id[1:])]
        for i in range(4)
    ]
    alone = shrinkage_weights(library, reviews)
    copied = shrinkage_weights(VersionRecords((*library.records, *copies)), reviews)
    for (name, day), weight in alone.items():
        assert copied[name, day] == pytest.approx(weight, abs=1e-9)
    assert copied["s001 copied 3", reviews[-1]] == pytest.approx(alone["s001", reviews[-1]], abs=1e-9)


def test_when_a_copy_was_replaced_changes_no_weight_before_that(library, reviews) -> None:
    first = library.records[0]
    replaced = reviews[reviews > first.first_close + 200][0]
    copy = replace(first, symphony_id="copy", until=replaced)
    lasting = replace(first, symphony_id="copy")
    weights = [shrinkage_weights(VersionRecords((*library.records, one)), reviews) for one in (copy, lasting)]
    before = [
        {key: weight for key, weight in found.items() if key[1] < replaced and key[0] != "copy"}
        for found in weights
    ]
    assert before[0] == before[1]


def test_the_weight_of_the_last_review_is_in_force(library, reviews) -> None:
    days = library.records[0].dates
    weights = shrinkage_weights(library, reviews)
    records = [
        record_of(name, days, {"A": [1] * len(days)}) for name in ("s001", "nobody knows its versions")
    ]
    known, unknown = weights_in_force(records, library, reviews, validation_start=LATER)
    assert (unknown == 1.0).all()
    begun = min(day for name, day in weights if name == "s001")
    assert (known[days < begun] == 1.0).all() and known[-1] < 1.0
    for review, following in zip(reviews, [*reviews[1:], days[-1] + 1], strict=True):
        here = known[(days >= review) & (days < following)]
        assert (here == weights.get(("s001", review), 1.0)).all()


def test_a_weight_is_reviewed_as_long_as_the_strategy_is(library, reviews) -> None:
    days, start = library.records[0].dates, reviews[24]
    span = VersionSpan(days[0], "v", "tree", ("A",))
    held = {"A": [1] * len(days)}
    todays, then = record_of("s001", days, held), record_of("s001", days, held, versions=(span,))
    frozen, free = weights_in_force([todays, then], library, reviews, validation_start=start)
    np.testing.assert_array_equal(frozen[days < start], free[days < start])
    last = np.searchsorted(reviews, start) - 1
    assert (frozen[days >= start] == frozen[days >= reviews[last]][0]).all()
    assert len(np.unique(free[days >= start])) > 1


def test_later_returns_and_versions_change_no_weight_in_force(library, reviews) -> None:
    days = library.records[0].dates
    records = [record_of(f"s{i:03d}", days, {"A": [1] * len(days)}) for i in range(STRATEGIES)]
    whole = weights_in_force(records, library, reviews, validation_start=LATER)
    day = reviews[24] + 10
    known = weights_in_force(records, library.before(day), reviews[reviews < day], validation_start=LATER)
    for one, other in zip(whole, known, strict=True):
        np.testing.assert_array_equal(one[days < day], other[days < day])
    assert min(one[days < day].min() for one in whole) < 1.0
