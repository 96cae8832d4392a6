import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.patterns.voting.close_returns import ClosePairs, close_pairs
from tests.patterns.building import record_of, weekdays

START = np.datetime64("2018-02-05")
SESSIONS, EVERY_DAY = weekdays(280, START), np.arange(START, START + 430)
UNTIL = np.datetime64("2019-03-01")


def library(seed: int, size: int) -> list:
    """Copies, half copies, strangers and one that never moves, on two calendars, from different days on."""
    rng = np.random.default_rng(seed)
    market = dict(zip(EVERY_DAY.tolist(), rng.normal(0.0005, 0.01, len(EVERY_DAY)), strict=True))
    voters = []
    for i in range(size):
        days = (SESSIONS, EVERY_DAY)[rng.integers(2)]
        days = days[rng.integers(0, 150) : len(days) - rng.integers(0, 30)]
        days = days[rng.random(len(days)) > rng.choice([0.0, 0.02])]
        noise = rng.choice([0.0, 1e-5, 5e-4, 2e-3, 1e-2])
        returns = np.array([market[day] for day in days.tolist()]) + rng.normal(0, noise, len(days))
        returns *= rng.choice([0.0, 1.0, 1.0, 1.0, 1.0, -1.0])
        voters.append(record_of(f"s{i}", days, {"SPY": np.ones(len(days), dtype=int)}, returns))
    return voters


def dense(voters: list, start: np.datetime64) -> np.ndarray:
    """Correlations (S, S) of the returns before a day, each pair on its own days; NaN where unknown."""
    found = np.full((len(voters), len(voters)), np.nan)
    for i, one in enumerate(voters):
        for j, other in enumerate(voters):
            shared, at, there = np.intersect1d(one.dates, other.dates, return_indices=True)
            count = np.searchsorted(shared, start)
            x, y = (r.astype(float)[:count] for r in (one.returns[at], other.returns[there]))
            if i != j and count >= 63 and x.std() * y.std() > 1e-14:
                found[i, j] = np.corrcoef(x, y)[0, 1]
    return found


def above(pairs: ClosePairs, quarter: int) -> np.ndarray:
    found = np.zeros((len(pairs.voters), len(pairs.voters)), dtype=bool)
    near = pairs.at(quarter)
    for i in range(len(found)):
        found[i, near(i)] = True
    return found


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(1, 12),
    block=st.integers(1, 5),
    limit=st.sampled_from([0.3, 0.9, 0.99, 0.9999999]),
)
def test_the_pairs_are_those_of_the_whole_matrix(seed: int, size: int, block: int, limit: float) -> None:
    voters = library(seed, size)
    pairs = close_pairs(voters, UNTIL, limit, block=block)
    at_once = close_pairs(voters, UNTIL, limit, block=1000)
    assert pairs.starts[-1] == np.datetime64("2019-01-01")
    for name in ("one", "other", "above"):
        np.testing.assert_array_equal(getattr(pairs, name), getattr(at_once, name))
    for quarter, start in enumerate(pairs.starts):
        expected = dense(voters, start)
        clear = ~(np.abs(expected - limit) < 1e-12)
        np.testing.assert_array_equal(above(pairs, quarter)[clear], (expected > limit)[clear])
        for i, j in np.argwhere(~np.isnan(expected)):
            assert abs(pairs.correlation(i, j, quarter) - expected[i, j]) < 1e-9


def test_a_pair_at_the_limit_is_judged_by_its_own_sums() -> None:
    voters = library(3, 8)
    known = close_pairs(voters, UNTIL, 0.5)
    i, j = next(
        (i, j) for i, j in zip(known.one, known.other, strict=True) if 0.5 < known.correlation(i, j, 4) < 0.9
    )
    limit = known.correlation(i, j, 4)
    for block in (1, 3, 8):
        at, below = (close_pairs(voters, UNTIL, at, block=block) for at in (limit, np.nextafter(limit, 0)))
        assert not above(at, 4)[i, j] and above(below, 4)[i, j]


def test_nothing_is_above_one_and_nobody_is_near_in_an_empty_library() -> None:
    assert not len(close_pairs(library(0, 6), UNTIL, 1.0).one)
    assert not len(close_pairs([], UNTIL, 0.5).starts)
    assert not len(close_pairs(library(0, 6), np.datetime64("2018-01-01"), 0.5).starts)
