"""Batches: what is drawn, how often, and that streaming draws the like of what lies on the device."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import SettingsError
from rlpretrain.features import ASSET, MARKET, POSITION, VOTES
from rlpretrain.pretraining.augmentation import augment, earlier_rows
from rlpretrain.pretraining.batches import Preparation, ResidentBatches, StreamedBatches, seeded
from rlpretrain.pretraining.dataset import Scaler, read_dataset, write_dataset
from tests.pretraining.conftest import make_dataset

SETTINGS = Preparation(batch_size=64, weighting="sampling", hard_labels=False, reward_scale=1.0, seed=3)


def numbered(n, weights=None):
    """A data set whose values are row numbers."""
    weights = np.ones(n, np.float32) if weights is None else weights
    return replace(make_dataset(n, 0), values=np.arange(n, dtype=np.float32), weights=weights)


def resident(data, **changes):
    return ResidentBatches(data, Scaler.fit(data.states), replace(SETTINGS, **changes))


def streamed(data, **changes):
    return StreamedBatches(
        data, Scaler.fit(data.states), replace(SETTINGS, **changes), block_rows=50, pool_blocks=3
    )


def visited(batches, epoch=1, start=0):
    return [batch.returns.numpy().astype(int) for batch in batches.epoch(epoch, start)]


@pytest.mark.parametrize("source", [resident, streamed])
@given(n=st.integers(2, 700), size=st.integers(2, 300), seed=st.integers(0, 99))
def test_every_row_once_where_losses_are_weighed(source, n, size, seed):
    batches = source(numbered(n), weighting="loss", batch_size=size, seed=seed)
    rows = visited(batches)
    assert sorted(np.concatenate(rows)) == list(range(n))
    assert len(rows) == len(batches)


@pytest.mark.parametrize("source", [resident, streamed])
@pytest.mark.parametrize("weighting", ["sampling", "loss"])
def test_an_epoch_goes_on_where_it_stopped_and_no_two_are_alike(source, weighting):
    batches = source(numbered(700), weighting=weighting)
    whole = visited(batches)
    for start in range(len(whole) + 1):
        again = visited(batches, start=start)
        assert len(again) == len(whole) - start
        assert all(np.array_equal(one, other) for one, other in zip(whole[start:], again, strict=True))
    assert not np.array_equal(np.concatenate(whole), np.concatenate(visited(batches, epoch=2)))


@pytest.mark.parametrize("source", [resident, streamed])
def test_rows_are_drawn_by_weight(source):
    weights = np.random.default_rng(0).uniform(0.1, 3.0, 600).astype(np.float32)
    weights[:3] = 0.0
    batches = source(numbered(600, weights))
    drawn = np.concatenate([np.concatenate(visited(batches, epoch)) for epoch in range(400)])
    count = np.bincount(drawn, minlength=600)
    assert count[:3].sum() == 0
    expected = weights / weights.sum() * len(drawn)
    # Whole batches by block move a block's chance by a batch in ten at most; a row's count deviates by its root.
    assert np.abs(count - expected).max() < 6 * np.sqrt(expected.max()) + 0.1 * expected.max()
    assert np.corrcoef(count, expected)[0, 1] > 0.95


def test_shares_make_the_mean_weighted_loss():
    weights = np.random.default_rng(0).uniform(0.5, 1.5, 100).astype(np.float32)
    drawn = next(resident(numbered(100, weights), batch_size=100).epoch(1))
    assert drawn.shares.sum().item() == pytest.approx(1.0)
    weighed = next(resident(numbered(100, weights), batch_size=100, weighting="loss").epoch(1))
    np.testing.assert_allclose(weighed.shares, weights[weighed.returns.numpy().astype(int)] / 100, rtol=1e-6)


def test_the_processes_of_a_group_split_each_batch():
    whole = visited(resident(numbered(150)))
    parts = [visited(resident(numbered(150), process=rank, processes=3)) for rank in range(3)]
    for batch, *pieces in zip(whole, *parts, strict=True):
        assert sorted(np.concatenate(pieces)) == sorted(batch)


def test_a_mapped_file_streams_without_being_changed(tmp_path):
    data = numbered(700)
    write_dataset(tmp_path / "train.safetensors", data)
    before = (tmp_path / "train.safetensors").read_bytes()
    mapped = read_dataset(tmp_path / "train.safetensors")
    assert isinstance(mapped.states, np.memmap)
    for one, other in zip(streamed(data).epoch(1), streamed(mapped).epoch(1), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert (tmp_path / "train.safetensors").read_bytes() == before


def test_earlier_rows_are_of_the_same_asset_and_position_and_never_later():
    rng = np.random.default_rng(1)
    data = make_dataset(300, 0)
    states = data.states.copy()
    states[:, POSITION.start] = rng.random(300) > 0.5
    data = replace(data, states=states, assets=np.array(["A", "B", "C"])[rng.integers(0, 3, 300)])
    earlier = earlier_rows(data)
    assert (data.dates[earlier] <= data.dates).all()
    assert (data.assets[earlier] == data.assets).all()
    assert (states[earlier, POSITION.start] == states[:, POSITION.start]).all()
    first = earlier == np.arange(300)
    assert first.sum() == 6, "one for each asset and position"
    for row in np.flatnonzero(~first):
        between = (data.dates > data.dates[earlier[row]]) & (data.dates < data.dates[row])
        same = (data.assets == data.assets[row]) & (states[:, POSITION.start] == states[row, POSITION.start])
        assert not (between & same).any()


@pytest.mark.parametrize("kind", ["feature_noise", "asset_relabelling", "time_jitter"])
def test_augmentation_leaves_votes_and_position_and_its_source(kind):
    states = torch.randn(2000, 64)
    before = states.clone()
    changed = augment(states, states + 1, torch.ones(64), [kind], seeded("cpu", 1))
    assert torch.equal(states, before)
    around = {"feature_noise": slice(0, VOTES.start), "asset_relabelling": MARKET, "time_jitter": ASSET}[kind]
    moved = (changed != states).any(0)
    assert moved[around].all()
    assert not moved[VOTES].any()
    assert not moved[POSITION].any()
    share = (changed != states).any(1).float().mean()
    assert share == 1.0 if kind == "feature_noise" else 0.07 < share < 0.13


def test_jitter_can_t_be_streamed():
    with pytest.raises(SettingsError, match="time_jitter needs all patterns on the device"):
        streamed(numbered(100), augmentation=("time_jitter",))
