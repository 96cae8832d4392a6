import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from rlpretrain.analysis.date_bootstrap import block_length, bootstrap_means, date_weights
from rlpretrain.analysis.reward_statistics import groupings, hill, reward_statistics
from rlpretrain.analysis.sample import non_overlapping, prepare
from tests.analysis.planted import HOLDING, changed, plain_set


@pytest.fixture(scope="module")
def sample():
    return prepare(plain_set()[0], None)


@pytest.fixture(scope="module")
def statistics(sample):
    return reward_statistics(sample, groupings(sample, None), np.random.default_rng(3))


def test_moments_agree_with_scipy(sample, statistics) -> None:
    for name, group in statistics.of("regime").items():
        reward = sample.patterns.reward[sample.patterns.regime == name].astype(float)
        assert group.rows == len(reward)
        assert group.mean == pytest.approx(reward.mean(), rel=1e-5)
        assert group.skewness == pytest.approx(scipy.stats.skew(reward), rel=1e-4)
        assert group.excess_kurtosis == pytest.approx(scipy.stats.kurtosis(reward), rel=1e-4)
        assert group.quantiles["0.5"] == pytest.approx(np.median(reward), rel=1e-5)
        assert group.jarque_bera.p_value == pytest.approx(scipy.stats.jarque_bera(reward).pvalue, rel=1e-4)


def test_effect_sizes_agree_with_their_definitions(sample, statistics) -> None:
    inside = sample.patterns.category == "momentum"
    ours, rest = (sample.patterns.reward[rows].astype(float) for rows in (inside, ~inside))
    variance = (len(ours) - 1) * ours.var(ddof=1) + (len(rest) - 1) * rest.var(ddof=1)
    d = (ours.mean() - rest.mean()) / np.sqrt(variance / (len(ours) + len(rest) - 2))
    group = statistics.of("category")["momentum"]
    assert group.cohens_d == pytest.approx(d, rel=1e-4)
    # Cliff's delta is P(X > Y) - P(X < Y), over all pairs.
    delta = np.sign(ours[:, None] - rest[None, :]).mean()
    assert group.cliffs_delta == pytest.approx(delta, rel=1e-4)


def test_independent_dates_give_the_textbook_standard_error() -> None:
    rng = np.random.default_rng(0)
    reward = rng.normal(size=(2_000, 1))
    means = bootstrap_means(date_weights(2_000, 1, 2_000, rng), reward, np.ones_like(reward))
    assert means.std(ddof=1) == pytest.approx(reward.std() / np.sqrt(2_000), rel=0.06)


def test_blocks_widen_the_interval_of_overlapping_rewards() -> None:
    """Sums over ten days that overlap on nine: their mean varies ten times as much as independent ones."""
    rng = np.random.default_rng(1)
    daily = rng.normal(size=5_009)
    overlapping = np.convolve(daily, np.ones(10), "valid")[:, None]
    ones = np.ones_like(overlapping)
    naive = bootstrap_means(date_weights(5_000, 1, 1_000, rng), overlapping, ones).std()
    honest = bootstrap_means(date_weights(5_000, 20, 1_000, rng), overlapping, ones).std()
    assert naive == pytest.approx(np.sqrt(10 / 5_000), rel=0.1)
    assert honest == pytest.approx(10 / np.sqrt(5_000), rel=0.2)


def test_rows_of_one_date_count_once() -> None:
    """Copying each pattern of a date adds rows, and no evidence."""
    patterns, _ = plain_set(n=600, days=600)
    once = prepare(patterns, None)
    rows = np.repeat(np.arange(600), 5)
    copied = patterns.take(rows)
    copied = changed(copied, key=np.array([f"{i:08d}" for i in range(3_000)]))
    many = prepare(copied, None)
    few, all_ = (
        reward_statistics(s, groupings(s, None), np.random.default_rng(0)).of("all")["all"]
        for s in (once, many)
    )
    assert all_.rows == 5 * few.rows
    assert all_.effective_size == pytest.approx(few.effective_size, rel=0.1)
    assert (all_.low, all_.high) == pytest.approx((few.low, few.high), rel=0.1, abs=1e-4)


def test_intervals_cover_zero_as_often_as_they_say() -> None:
    """Forty sets without an effect, each in four categories: about 5 % of the intervals miss zero."""
    missed = []
    for seed in range(40):
        made = prepare(plain_set(n=800, days=300, seed=seed)[0], None)
        found = reward_statistics(made, groupings(made, None)[2:3], np.random.default_rng(seed))
        missed += [not g.low <= 0 <= g.high for g in found.of("category").values()]
    assert 0.005 <= np.mean(missed) <= 0.11


def test_a_planted_loss_is_found_and_nothing_else() -> None:
    patterns, _ = plain_set(seed=5)
    cell = (patterns.category == "breakout") & (patterns.regime == "bear")
    made = prepare(changed(patterns, reward=patterns.reward - np.float32(0.006) * cell), None)
    cells = reward_statistics(made, groupings(made, None), np.random.default_rng(0)).of("category x regime")
    assert [name for name, group in cells.items() if group.significant] == ["breakout x bear"]
    assert cells["breakout x bear"].low < -0.006 < cells["breakout x bear"].high


def test_holm_counts_the_groups_of_one_dimension(statistics) -> None:
    for dimension in ("category", "regime", "category x regime", "asset"):
        groups = list(statistics.of(dimension).values())
        expected = multipletests([g.p_value for g in groups], method="holm")[1]
        assert [g.p_holm for g in groups] == pytest.approx(expected, rel=1e-4)


def test_too_few_dates_give_no_interval() -> None:
    patterns, _ = plain_set(n=300, days=20)
    made = prepare(patterns, None)
    found = reward_statistics(made, groupings(made, None), np.random.default_rng(0))
    assert "fewer than 10 blocks" in found.bootstrap.note
    assert all(
        group.low is None and group.p_value is None and not group.significant for group in found.groups
    )


def test_hill_recovers_a_pareto_tail() -> None:
    rng = np.random.default_rng(2)
    assert hill(rng.pareto(3.0, 100_000) + 1) == pytest.approx(3.0, rel=0.1)
    assert np.isnan(hill(-np.ones(1_000)))


def daily(holding: np.ndarray, reward: np.ndarray):
    """Return one decision a day, settled after `holding` days."""
    days = len(reward)
    date = np.datetime64("2015-01-01") + np.arange(days)
    patterns = plain_set(n=days)[0]
    return prepare(
        changed(patterns, date=date, settled=date + holding, reward=reward.astype(np.float32)), None
    )


def test_the_standard_error_knows_that_holding_periods_overlap() -> None:
    """Sums over ten days: the mean of n of them has the error of ten times the mean of n independent days."""
    days, holding, found = 1_000, 10, []
    for seed in range(20):
        returns = np.random.default_rng(seed).normal(0, 0.01, days + holding - 1)
        made = daily(np.full(days, holding), np.convolve(returns, np.ones(holding), "valid"))
        everything = groupings(made, None)[:1]
        found.append(reward_statistics(made, everything, np.random.default_rng(0)).groups[0].standard_error)
    # Blocks of one holding period give 0.86 of it: they miss what is shared across their ends.
    assert 0.88 < np.mean(found) / (0.01 * holding / np.sqrt(days)) < 1.02


def test_block_length_is_twice_the_holding_period_weighed_by_length(sample) -> None:
    assert abs(block_length(sample) - 2 * HOLDING) <= 1
    mixed = daily(np.where(np.arange(400) % 2, 1, 9), np.zeros(400))
    assert block_length(mixed) == pytest.approx(2 * (1 + 81) / (1 + 9), abs=1)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 15)), min_size=1, max_size=9))
def test_non_overlapping_is_the_largest_set_without_overlap(periods: list[tuple[int, int]]) -> None:
    spans = [(start, start + length) for start, length in periods]

    def most(chosen_until: int, rest: list[tuple[int, int]]) -> int:
        return max((1 + most(end, rest) for start, end in rest if start >= chosen_until), default=0)

    day = np.datetime64("2020-01-01")
    dates, settled = (day + np.array(column) for column in zip(*spans, strict=True))
    assert non_overlapping(dates, settled) == most(0, spans)


def test_confidence_bands_begin_where_they_say() -> None:
    patterns, _ = plain_set(n=200)
    confidence = np.linspace(0, 1, 200).astype(np.float32)
    confidence[:3] = np.float32([0.7, 0.6, 1.0])
    made = prepare(changed(patterns, confidence=confidence), None)
    names = next(g.names for g in groupings(made, None) if g.dimension == "confidence")
    order = np.argsort(made.patterns.key)
    assert names[order][:3].tolist() == ["0.7", "0.6", "0.9"]
    assert len(np.unique(names)) == 10
