from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.market.windows import Windows
from rlpretrain.pretraining.dataset import Scaler, build_datasets, read_dataset, write_dataset
from rlpretrain.pretraining.weights import effective_sample_size, pattern_weights, reward_scale
from tests.pretraining.conftest import make_patterns

DAY = np.datetime64("2015-01-01")
WINDOWS = Windows(DAY, DAY + 200, DAY + 300, DAY + 399)


def test_patterns_not_settled_when_the_next_window_begins_are_purged(patterns):
    train, validation, card = build_datasets(patterns, WINDOWS, min_confidence=0.0)
    # Rewards settle ten days later: days 0..189 train, 200..289 validate, the embargo between them is as long.
    assert len(train) == 190
    assert len(validation) == 90
    assert card["counts"] == {
        "train": 190,
        "validation": 90,
        "purged": 20,
        "below_min_confidence": 0,
        "test_untouched": 100,
    }


def test_what_comes_after_the_validation_window_changes_nothing(patterns):
    state, reward, confidence = patterns.state.copy(), patterns.reward.copy(), patterns.confidence.copy()
    state[300:], reward[300:], confidence[300:] = 9.0, -0.5, 0.99
    changed = replace(patterns, state=state, reward=reward, confidence=confidence)
    for before, after in zip(
        build_datasets(patterns, WINDOWS, min_confidence=0.6)[:2],
        build_datasets(changed, WINDOWS, min_confidence=0.6)[:2],
        strict=True,
    ):
        np.testing.assert_array_equal(before.states, after.states)
        np.testing.assert_array_equal(before.weights, after.weights)


def test_the_scaler_sees_training_rows_only(patterns):
    train, _, _ = build_datasets(patterns, WINDOWS, min_confidence=0.0)
    scaler = Scaler.fit(train.states)
    np.testing.assert_allclose(scaler.mean, patterns.state[:190].mean(0), rtol=1e-5, atol=1e-6)


def test_a_constant_number_keeps_its_unit():
    assert Scaler.fit(np.ones((5, 2), np.float32)).std.tolist() == [1.0, 1.0]


def test_weights_by_hand():
    patterns = replace(
        make_patterns(3),
        confidence=np.array([1.0, 0.5, 1.0], np.float32),
        reward=np.array([0.0, 0.0, 0.02], np.float32),
        strategy_weight=np.array([1.0, 1.0, 2.0], np.float32),
    )
    raw = np.array([1.0, 0.5, 2 * (1 + np.tanh(1.0))])
    np.testing.assert_allclose(pattern_weights(patterns, 0.02), raw / raw.mean(), rtol=1e-6)


@given(st.integers(1, 50), st.integers(0, 1000))
def test_weights_average_one_and_the_effective_size_never_exceeds_the_count(n, seed):
    patterns = make_patterns(n, seed)
    weights = pattern_weights(patterns, reward_scale(patterns))
    assert weights.mean() == pytest.approx(1.0)
    assert effective_sample_size(weights) <= n * (1 + 1e-12)


def test_a_data_set_survives_its_file(patterns, tmp_path):
    train, _, _ = build_datasets(patterns, WINDOWS, min_confidence=0.0)
    write_dataset(tmp_path / "train.parquet", train)
    again = read_dataset(tmp_path / "train.parquet")
    for name in ("states", "labels", "values", "weights", "regimes"):
        np.testing.assert_array_equal(getattr(train, name), getattr(again, name))


def test_an_empty_window_says_which_and_what_to_do(patterns):
    with pytest.raises(DataError, match=r"training window.*lower min_confidence"):
        build_datasets(patterns, WINDOWS, min_confidence=1.0)
