"""The placebo learns what the library said, with the prices of another time."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit

from rlpretrain.environments import EpisodeData, rollout
from rlpretrain.features import ASSET, MARKET, POSITION, STATE_DIM, VOTES, position_features
from rlpretrain.patterns import BUY, HOLD, SELL
from rlpretrain.pretraining.dataset_files import DataSet, read_dataset, write_dataset
from rlpretrain.pretraining.placebo import move_prices
from rlpretrain.pretraining.trainer import train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from rlpretrain.validation.metrics import timing_score

RNG = np.random.default_rng(0)


@pytest.fixture
def data() -> DataSet:
    assets = np.array(["A"] * 10 + ["B"] * 4)[RNG.permutation(14)]
    days = np.datetime64("2020-01-01") + np.arange(14)
    return DataSet(
        states=RNG.normal(size=(14, STATE_DIM)).astype(np.float32),
        labels=RNG.dirichlet([1, 1, 1], 14).astype(np.float32),
        values=RNG.normal(size=14).astype(np.float32),
        weights=np.ones(14, np.float32),
        regimes=np.array(["bull"] * 14),
        assets=assets,
        dates=days,
        settled=days,
    )


def test_only_the_numbers_from_prices_move_by_a_share_of_each_assets_patterns(
    data: DataSet, tmp_path: Path
) -> None:
    moved = move_prices(data, 0.5, tmp_path)
    for name, step in (("A", 5), ("B", 2)):
        rows = np.flatnonzero(data.assets == name)
        for block in (ASSET, MARKET):
            np.testing.assert_array_equal(
                moved.states[rows][:, block], data.states[np.roll(rows, -step)][:, block]
            )
    for block in (VOTES, POSITION):
        np.testing.assert_array_equal(moved.states[:, block], data.states[:, block])
    for field in fields(DataSet)[1:]:
        assert getattr(moved, field.name) is getattr(data, field.name)


def test_a_mapped_data_set_stays_mapped_and_its_file_as_it_was(data: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "train.safetensors"
    write_dataset(path, data)
    before = path.read_bytes()
    moved = move_prices(read_dataset(path), 0.3, tmp_path)
    assert isinstance(moved.states, np.memmap)
    np.testing.assert_array_equal(moved.states, move_prices(data, 0.3, tmp_path).states)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["train.safetensors"]


def market(bars: int, seed: int) -> tuple[EpisodeData, np.ndarray]:
    """Make days whose next return votes and one number of the prices tell, and the library's decisions from both."""
    rng = np.random.default_rng(seed)
    seen = np.repeat(rng.normal(size=(bars // 4 + 1, 2)), 4, axis=0)[:bars]
    states = rng.normal(size=(bars, POSITION.start)).astype(np.float32)
    states[:, VOTES.start], states[:, ASSET.start] = seen.T
    returns = 0.01 * (0.2 * np.append(0.0, seen[:-1].sum(axis=1)) + rng.normal(size=bars))
    data = EpisodeData(
        symbol="A",
        dates=np.datetime64("2020-01-01") + np.arange(bars),
        states=states,
        before=np.ones(bars),
        after=1.0 + returns,
        fill_price=np.ones(bars),
        volatility=np.full(bars, 0.01),
        cost=0.0,
        bars_per_year=252,
    )
    return data, seen.sum(axis=1)


def patterns(data: EpisodeData, said: np.ndarray) -> DataSet:
    """Return a decision from flat and one from a position at each close."""
    n, parts = len(data), []
    for holds in (False, True):
        label = np.zeros((n, 3), np.float32)
        label[:, SELL if holds else BUY] = expit(-4 * said if holds else 4 * said)
        label[:, HOLD] = 1 - label.sum(axis=1)
        position = np.broadcast_to(position_features(holds, 0.0, 1), (n, 3))
        parts.append((np.hstack([data.states, position]).astype(np.float32), label))
    states, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    days = np.tile(data.dates, 2)
    ones = np.ones(2 * n, np.float32)
    return DataSet(states, labels, 0 * ones, ones, np.full(2 * n, "bull"), np.full(2 * n, "A"), days, days)


def test_the_placebo_has_the_clones_habits_and_no_knowledge_even_of_prices(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    settings = TrainerSettings(
        hidden_dims=(16,), batch_size=256, learning_rate=1e-2, weight_decay=0.0, num_epochs=4, patience=4,
        value_coefficient=0.0, reward_scale=1.0, seed=1,
    )  # fmt: skip
    train, validation = (patterns(*market(3000, seed)) for seed in (1, 2))
    clone = train_policy(train, validation, settings).best
    moved = [move_prices(data, 0.4, tmp_path) for data in (train, validation)]
    placebo = train_policy(*moved, settings).best
    later, _ = market(5000, 3)
    states = later.states.copy()
    states[:, VOTES] = np.roll(states[:, VOTES], 1000, axis=0)
    stale = replace(later, states=states)
    runs = {
        "clone": rollout(clone.act, later, [(0, 5000)])[0],
        "clone on moved votes": rollout(clone.act, stale, [(0, 5000)])[0],
        "placebo": rollout(placebo.act, stale, [(0, 5000)])[0],
        "placebo on true votes": rollout(placebo.act, later, [(0, 5000)])[0],
    }
    score = {
        name: timing_score(path.net_returns, path.asset_returns, path.exposure, 252)
        for name, path in runs.items()
    }
    # The standard error of a score over 20 years is about 0.2.
    assert abs(score["placebo"]) < 0.5
    assert score["clone"] > 1.0
    assert score["clone on moved votes"] > 0.5, "it reads prices too"
    assert score["placebo on true votes"] > 0.5, "it follows votes as the clone does"
    assert runs["placebo"].exposure.mean() == pytest.approx(runs["clone"].exposure.mean(), abs=0.1)
