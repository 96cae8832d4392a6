import numpy as np
import pytest
from scipy.stats import spearmanr

from rlpretrain.analysis.performance import pattern_performance
from rlpretrain.analysis.reward_statistics import groupings, reward_statistics
from rlpretrain.analysis.sample import prepare
from tests.analysis.planted import changed, plain_set
from tests.analysis.test_trade_statistics import trades_of


def performance(patterns, trades=None):
    return pattern_performance(prepare(patterns, None), trades, np.random.default_rng(0))


@pytest.fixture(scope="module")
def plain():
    """Six thousand patterns of four categories, four regimes and two assets: 32 cells."""
    patterns, _ = plain_set(days=900)
    return changed(patterns, asset=np.where(patterns.asset < "A05", "SPY", "TLT"))


@pytest.fixture(scope="module")
def found(plain):
    return performance(plain)


def momentum_gains(patterns, rows) -> np.ndarray:
    """Move the rewards so that momentum of these rows gains, and all others of them lose."""
    better = np.where(patterns.category == "momentum", 0.01, -0.01 / 3)
    return (patterns.reward + np.where(rows, better, 0)).astype(np.float32)


def test_every_pattern_is_in_one_cell_and_on_one_side_or_purged(plain, found) -> None:
    result, table = found
    assert len(table) == 32 and table["all_rows"].sum() == len(plain)
    split = np.datetime64(result.split)
    assert result.in_sample_rows == (plain.settled < split).sum() == table["in_sample_rows"].sum()
    assert result.out_of_sample_rows == (plain.date >= split).sum() == table["out_of_sample_rows"].sum()
    assert result.in_sample_rows + result.out_of_sample_rows + result.purged_rows == len(plain)
    assert result.purged_rows > 0


def test_a_cell_is_what_its_rows_say(plain, found) -> None:
    result, table = found
    cell = result.cells[0]
    rows = (plain.category == cell.category) & (plain.regime == cell.regime) & (plain.asset == cell.asset)
    split = np.datetime64(result.split)
    for estimate, side in (
        (cell.all, rows),
        (cell.in_sample, rows & (plain.settled < split)),
        (cell.out_of_sample, rows & (plain.date >= split)),
    ):
        assert estimate.rows == side.sum()
        assert estimate.mean == pytest.approx(plain.reward[side].mean(), rel=1e-4, abs=1e-8)
        assert estimate.low < estimate.mean < estimate.high
    assert cell.dates == len(np.unique(plain.date[rows]))
    side = np.where(plain.action == 2, plain.dissenters, plain.supporters)
    assert cell.supporters == np.median(side[rows])
    assert cell.strategies is None and table["strategies"].isna().all()


def test_a_cell_of_everything_agrees_with_the_statistics_of_rewards(plain) -> None:
    """The same figure by the other road: one category, regime and asset against the group of all."""
    one = changed(
        plain,
        category=np.full(len(plain), "momentum"),
        regime=np.full(len(plain), "bull"),
        asset=np.full(len(plain), "SPY"),
    )
    sample = prepare(one, None)
    everything = reward_statistics(sample, groupings(sample, None)[:1], np.random.default_rng(0)).groups[0]
    (cell,) = pattern_performance(sample, None, np.random.default_rng(0))[0].cells
    assert cell.non_overlapping == everything.non_overlapping
    assert (cell.all.mean, cell.all.low, cell.all.high) == (
        everything.mean,
        everything.low,
        everything.high,
    )
    assert cell.effective_size == pytest.approx(everything.effective_size, rel=1e-3)


def test_noise_does_not_last(found) -> None:
    result, table = found
    first, second = table["in_sample_mean"], table["out_of_sample_mean"]
    assert result.rank_correlation == pytest.approx(spearmanr(first, second).statistic, abs=1e-5)
    assert result.rank_correlation_low < 0 < result.rank_correlation_high
    assert "did not earn significantly more" in result.verdict
    assert result.best_in_sample.mean > 0.001
    assert result.best_out_of_sample.low < 0 < result.best_out_of_sample.high
    assert not any(age.low is not None and age.low > 0 for age in result.ages[:3])


def test_what_lasts_is_found(plain) -> None:
    result, _ = performance(changed(plain, reward=momentum_gains(plain, np.ones(len(plain), bool))))
    assert result.rank_correlation_low > 0
    assert "also earned more after it" in result.verdict
    assert result.best_out_of_sample.low > 0
    assert all(age.low > 0 and age.advantage == pytest.approx(0.0133, abs=0.006) for age in result.ages[:4])


def test_what_reverses_is_found(plain) -> None:
    later = plain.date >= np.datetime64(performance(plain)[0].split)
    reward = momentum_gains(plain, np.ones(len(plain), bool))
    reward = np.where(later, 2 * plain.reward - reward, reward).astype(np.float32)
    result, _ = performance(changed(plain, reward=reward))
    assert result.rank_correlation_high < 0
    assert "earned less after it" in result.verdict
    assert result.best_in_sample.low > 0 > result.best_out_of_sample.high


def test_an_advantage_that_wears_off_shows_in_the_ages(plain) -> None:
    """Momentum gains in the first half only: young figures still say something, old ones nothing."""
    earlier = plain.date < np.datetime64(performance(plain)[0].split)
    ages = performance(changed(plain, reward=momentum_gains(plain, earlier)))[0].ages
    assert ages[0].low > 0.001
    assert ages[3].low < 0 < ages[3].high
    assert [age.to_days for age in ages] == [*(age.from_days for age in ages[1:]), None]


def test_nothing_after_a_look_moves_what_it_ranks(plain, found) -> None:
    """What is in sample stays bit-equal when every later reward changes."""
    split = np.datetime64(found[0].split)
    later = plain.settled >= split
    reward = np.where(later, 1.0, plain.reward).astype(np.float32)
    table = performance(changed(plain, reward=reward))[1]
    columns = ["category", "regime", "asset", "in_sample_rows", "in_sample_mean", "in_sample_low"]
    assert table[columns].equals(found[1][columns])


def test_strategies_are_counted_and_weighed_by_their_trades(plain) -> None:
    """Nine trades of one strategy and one of another are the breadth of 1.2 strategies."""
    trades = trades_of([0.01] * 20, strategies=["a"] * 18 + ["b"] * 2)
    table = performance(plain, trades)[1].set_index(["category", "regime", "asset"])
    row = table.loc[("momentum", "bull", "SPY")]
    assert row["strategies"] == 2
    assert row["effective_strategies"] == pytest.approx(10**2 / (9**2 + 1))
    assert table.loc[("momentum", "bear", "TLT")]["strategies"] == 0


def test_few_patterns_say_that_nothing_can_be_told() -> None:
    result, table = performance(plain_set(n=30, days=20)[0])
    assert "too few cells" in result.verdict and "no intervals" in result.note
    assert result.rank_correlation is None and result.compared_cells == 0
    assert result.best_in_sample.mean is None
    assert table["all_rows"].sum() == 30
