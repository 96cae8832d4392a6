from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from rlpretrain.errors import DataError
from rlpretrain.market.windows import Windows
from rlpretrain.pretraining.dataset import Scaler, build_datasets, read_dataset, write_dataset
from rlpretrain.pretraining.dataset_files import dataset_file
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


@pytest.mark.parametrize("suffix", [".parquet", ".safetensors"])
def test_both_formats_give_back_all_that_was_written(patterns, tmp_path, suffix):
    train, _, _ = build_datasets(patterns, WINDOWS, min_confidence=0.0)
    path = tmp_path / f"train{suffix}"
    write_dataset(path, train)
    again = read_dataset(path)
    for field in fields(train):
        one, other = getattr(train, field.name), getattr(again, field.name)
        np.testing.assert_array_equal(one, other)
        assert one.shape == other.shape
    assert dataset_file(tmp_path, "train") == path
    assert again.states.flags.writeable, "tensors ask for it"


def test_equal_data_sets_give_equal_bytes_and_hashes(patterns, tmp_path):
    cards = []
    for name in ("one", "two"):
        train, _, card = build_datasets(patterns, WINDOWS, min_confidence=0.0)
        cards.append(card)
        for suffix in ("parquet", "safetensors"):
            write_dataset(tmp_path / f"{name}.{suffix}", train)
    assert cards[0] == cards[1]
    for suffix in ("parquet", "safetensors"):
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()
    changed = replace(patterns, value=patterns.value + np.eye(1, len(patterns), 5, dtype=np.float32)[0])
    other = build_datasets(changed, WINDOWS, min_confidence=0.0)[2]["content_sha256"]
    assert other["train"] != cards[0]["content_sha256"]["train"]
    assert other["validation"] == cards[0]["content_sha256"]["validation"]


def test_safetensors_own_library_reads_the_file(patterns, tmp_path):
    train, _, _ = build_datasets(patterns, WINDOWS, min_confidence=0.0)
    write_dataset(tmp_path / "train.safetensors", train)
    with safe_open(tmp_path / "train.safetensors", "numpy") as file:
        for name in ("states", "labels", "values", "weights"):
            np.testing.assert_array_equal(file.get_tensor(name), getattr(train, name))
        np.testing.assert_array_equal(file.get_tensor("date"), train.dates.astype(np.int32))
        assert file.metadata()["assets"] == '["SPY"]'


@pytest.mark.parametrize("suffix", [".parquet", ".safetensors"])
def test_a_damaged_or_older_file_says_so(patterns, tmp_path, suffix):
    train, _, _ = build_datasets(patterns, WINDOWS, min_confidence=0.0)
    path = tmp_path / f"train{suffix}"
    with pytest.raises(DataError, match="no such data set"):
        read_dataset(path)
    write_dataset(path, train)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="is not a data set of this program"):
        read_dataset(path)
    if suffix == ".safetensors":
        path.write_bytes(
            whole.replace(b'"rlpretrain.state_version": "2"', b'"rlpretrain.state_version": "0"')
        )
        with pytest.raises(DataError, match="state vectors of version 0"):
            read_dataset(path)


def test_the_card_counts_dates_and_actions(patterns):
    train, validation, card = build_datasets(patterns, WINDOWS, min_confidence=0.0)
    assert card["dates"]["train"] == ["2015-01-01", str(DAY + 189)]
    assert sum(card["actions"]["train"].values()) == len(train)
    assert card["actions"]["validation"]["buy"] == (validation.labels.argmax(1) == 1).sum()


@given(st.integers(1, 300), st.integers(0, 99))
def test_the_scaler_is_numpys_whatever_the_blocks(n, seed):
    states = np.random.default_rng(seed).normal(3.0, 2.0, (n, 4)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rlpretrain.pretraining.dataset._SCALER_ROWS", 7)
        scaler = Scaler.fit(states)
    np.testing.assert_allclose(scaler.mean, states.mean(0, dtype=float), rtol=1e-5, atol=1e-6)
    std = states.std(0, dtype=float)
    np.testing.assert_allclose(scaler.std, np.where(std > 1e-6, std, 1.0), rtol=1e-5, atol=1e-6)


def test_patterns_whose_labels_contain_what_would_weigh_them_all_count_alike(patterns):
    train, validation, card = build_datasets(patterns, WINDOWS, min_confidence=0.6, expected_values=True)
    assert (train.weights == 1.0).all() and (validation.weights == 1.0).all()
    assert card["counts"]["below_min_confidence"] == 0 < card["counts"]["train"] == len(train)
    assert card["value_scale"] == pytest.approx(
        np.sqrt(np.mean(np.square(train.values, dtype=float))), rel=1e-5
    )
    assert card["value_unit"] == "daily deviations"
    weighed = build_datasets(patterns, WINDOWS, min_confidence=0.6)[2]
    assert weighed["value_scale"] == weighed["reward_scale"] and weighed["value_unit"] == "fraction"
