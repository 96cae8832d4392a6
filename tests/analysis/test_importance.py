import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from rlpretrain.analysis.importance import correlation, feature_importance, mutual_information, purged_folds
from rlpretrain.analysis.sample import prepare
from rlpretrain.features import STATE_NAMES
from tests.analysis.planted import INFORMATIVE, changed, plain_set


def importance(patterns, seed: int = 0):
    sample = prepare(patterns, None)
    return feature_importance(sample, correlation(sample), np.random.default_rng(seed))


def test_mutual_information_of_a_gaussian_channel() -> None:
    """A binary target that a feature decides tells log 2 nats; binning costs little."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=50_000)
    assert mutual_information(x, (x > 0).astype(int)) == pytest.approx(np.log(2), abs=0.01)


def test_mutual_information_of_few_values_is_scikit_learns_less_the_bias() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(4, size=5_000)
    y = np.where(rng.random(5_000) < 0.5, x % 3, rng.integers(3, size=5_000))
    expected = mutual_info_score(x, y) - 3 * 2 / (2 * 5_000)
    assert mutual_information(x.astype(float), y) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 2**31))
def test_mutual_information_of_independent_columns_is_nearly_zero(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert 0 <= mutual_information(rng.normal(size=2_000), rng.integers(3, size=2_000)) < 0.02


def test_given_the_position_the_position_tells_nothing() -> None:
    rng = np.random.default_rng(2)
    held = rng.integers(2, size=4_000)
    action = np.where(rng.random(4_000) < 0.5, 0, 1 + held)
    assert mutual_information(held.astype(float), action) > 0.3
    assert mutual_information(held.astype(float), action, held) == 0


@given(st.integers(0, 2**31), st.integers(1, 30))
def test_nothing_fitted_settles_after_the_first_date_scored(seed: int, holding: int) -> None:
    rng = np.random.default_rng(seed)
    date = np.datetime64("2020-01-01") + np.sort(rng.integers(200, size=400))
    settled = date + rng.integers(1, holding + 1, size=400)
    for fold in purged_folds(date, settled, 3):
        assert len(fold.score)
        if len(fold.train):
            assert settled[fold.train].max() < date[fold.score].min()


def test_folds_score_each_later_date_once() -> None:
    patterns, _ = plain_set(n=2_000)
    scored = np.concatenate([f.score for f in purged_folds(patterns.date, patterns.settled, 3)])
    assert len(np.unique(scored)) == len(scored)
    assert len(scored) == pytest.approx(1_000, rel=0.1)


def test_the_planted_feature_is_ranked_first_out_of_time() -> None:
    found = importance(plain_set(n=2_000)[0])
    assert found.model.skill > 0.4
    assert {f.feature for f in found.features[:2]} == {STATE_NAMES[INFORMATIVE], "in_position"}
    by_name = {f.feature: f for f in found.features}
    assert by_name["in_position"].mutual_information_in_position == 0
    best = max(found.features, key=lambda f: f.mutual_information_in_position)
    assert best.feature == STATE_NAMES[INFORMATIVE]
    assert found.groups["asset"] > 10 * abs(found.groups["market"])
    assert [f.rank for f in found.features] == list(range(1, len(found.features) + 1))


def test_labels_that_the_state_does_not_tell_have_no_skill() -> None:
    patterns, _ = plain_set(n=3_000)
    rng = np.random.default_rng(0)
    action = np.where(rng.random(3_000) < 0.5, 0, 1 + patterns.in_position).astype(np.int8)
    assert importance(changed(patterns, action=action)).model.skill <= 0


def test_a_pattern_that_reverses_in_the_later_half_has_no_skill_out_of_time() -> None:
    """A split at random would find skill here: the split in time must not."""
    patterns, _ = plain_set(n=3_000)
    later = np.arange(3_000) >= 1_500
    trade = (patterns.state[:, INFORMATIVE] > 0) ^ later
    action = np.where(trade, 1 + patterns.in_position, 0).astype(np.int8)
    sample = prepare(changed(patterns, action=action), None)
    fold = next(purged_folds(sample.patterns.date, sample.patterns.settled, 1))
    assert sample.patterns.date[fold.train].max() < sample.patterns.date[fold.score].min()
    assert feature_importance(sample, correlation(sample), np.random.default_rng(0)).model.skill < 0.1


def test_redundant_pairs_are_named_and_others_are_not() -> None:
    patterns, _ = plain_set(n=1_000)
    state = patterns.state.copy()
    state[:, 3] = -2 * state[:, 7] + 0.01
    found = importance(changed(patterns, state=state))
    assert [(p.first, p.second, p.correlation) for p in found.redundant] == [
        (STATE_NAMES[3], STATE_NAMES[7], -1.0)
    ]


def test_correlation_agrees_with_numpy() -> None:
    sample = prepare(plain_set(n=700)[0], None)
    np.testing.assert_allclose(correlation(sample), np.corrcoef(sample.states.T), atol=2e-6)
