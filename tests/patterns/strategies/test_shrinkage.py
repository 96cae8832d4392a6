"""Weights of records: learned from the past alone, and lower where records did not hold."""

from dataclasses import replace

import numpy as np
import pytest

from rlpretrain.patterns.strategies.shrinkage import MIN_WEIGHT, shrinkage_weights
from rlpretrain.patterns.strategies.version_records import VersionRecords
from tests.analysis.planted_versions import planted_versions

STRATEGIES = 40
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
