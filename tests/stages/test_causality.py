"""Nothing dated t or before depends on a price after t, over the whole chain from prices to states and labels.

The teacher is the one who learns from outcomes: the other one, who learns nothing, depends on less.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.environments import EpisodeData
from rlpretrain.features import VOTES as VOTES_BLOCK
from rlpretrain.market import PricePanel, load_market
from rlpretrain.patterns import PatternSet, VotePanel
from rlpretrain.patterns.store import open_store
from rlpretrain.patterns.teaching.advice import Advice
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.pretraining.dataset import DataSet, read_dataset
from rlpretrain.stages import CHECK, MINE, POWER, PRETRAIN, run_stage, work_of
from rlpretrain.stages.implementation.market import load_days
from rlpretrain.stages.implementation.placebo import load_placebo_days
from rlpretrain.stages.implementation.store import store_url
from rlpretrain.stages.mine import ADVICE, VOTES
from tests.stages.conftest import tiny, write_prices

VALIDATION_START, TEST_START = dt.date(2022, 6, 1), dt.date(2023, 6, 1)
IN_PRETRAINING, IN_TEST = np.datetime64("2021-03-10"), np.datetime64("2024-02-14")
ASSETS = ("SPY", "TQQQ", "GLD", "BTC-USD")
KNOWN_LATER = ("reward", "value", "settled")


@dataclass(frozen=True)
class Mined:
    """What one run of extraction and mining leaves for later stages."""

    votes: VotePanel
    advice: Advice
    patterns: PatternSet
    train: DataSet
    validation: DataSet
    episodes: list[EpisodeData]
    placebo: list[EpisodeData]
    most_voted: list[str]
    powered: dict[str, Any]
    """Result of the stage `power`."""


def mine(market: str, folder: Path) -> Mined:
    settings = {
        "validation_start": VALIDATION_START,
        "test_start": TEST_START,
        "min_confidence": 0.3,
        "hold_every": 2,
        "shrink_standing": True,
        "teacher": "outcomes",
        "validation_envs": ["SPY", "most_voted:2"],
        "bootstrap_samples": 200,
    }
    pipeline = PretrainingPipeline(tiny(folder, market=market, **settings), run_id="run")
    asyncio.run(pipeline.run_to(CHECK))
    run, path = pipeline.run, pipeline.folder
    with open_store(store_url(run.config, path)) as store:
        mined = MINE.read(run.folder.require("mine"))
        patterns = store.patterns(mined.extraction)
    return Mined(
        votes=VotePanel.load(path / VOTES),
        advice=Advice.load(path / ADVICE),
        patterns=patterns,
        train=read_dataset(path / "datasets/train.parquet"),
        validation=read_dataset(path / "datasets/validation.parquet"),
        episodes=load_days(work_of(run, PRETRAIN), ASSETS),
        placebo=load_placebo_days(work_of(run, PRETRAIN), ASSETS),
        most_voted=mined.most_voted,
        powered=run_stage(run, POWER).result,
    )


def with_another_future(panel: PricePanel, day: np.datetime64) -> PricePanel:
    """Change every price and volume after `day`, each asset's by a walk of its own."""
    later = (panel.dates > day)[:, None]
    steps = np.random.default_rng(11).normal(0.0, 0.02, panel.close.shape)
    factor = np.where(later, np.exp(0.05 + np.cumsum(np.where(later, steps, 0.0), axis=0)), 1.0)
    bars = ("open", "high", "low", "close", "volume", "raw_close")
    prices = {name: getattr(panel, name) * factor for name in bars}
    return replace(panel, **prices)


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return load_market("generated:years=6", seed=3)


@pytest.fixture(scope="module")
def base(panel: PricePanel, tmp_path_factory: pytest.TempPathFactory) -> Mined:
    folder = tmp_path_factory.mktemp("base")
    return mine(write_prices(panel, folder / "market"), folder / "runs")


@pytest.fixture(scope="module", params=[IN_PRETRAINING, IN_TEST], ids=["in pre-training", "in the test"])
def day(request: pytest.FixtureRequest) -> np.datetime64:
    return request.param


@pytest.fixture(scope="module")
def changed(panel: PricePanel, day: np.datetime64, tmp_path_factory: pytest.TempPathFactory) -> Mined:
    folder = tmp_path_factory.mktemp("changed")
    market = write_prices(with_another_future(panel, day), folder / "market")
    return mine(market, folder / "runs")


def test_the_teachers_advice(base: Mined, changed: Mined, day: np.datetime64) -> None:
    days = base.advice.dates[base.advice.dates <= day]
    said = {symbol: base.advice.on(symbol, days) for symbol in base.advice.actions}
    assert {-1, 0, 1} == set(np.concatenate(list(said.values())).tolist())
    for symbol, actions in said.items():
        np.testing.assert_array_equal(actions, changed.advice.on(symbol, days))
    symbol = max(said, key=lambda name: np.count_nonzero(said[name]))
    after = base.advice.dates[base.advice.dates > day]
    assert (base.advice.on(symbol, after) != changed.advice.on(symbol, after)).any()


def test_votes(base: Mined, changed: Mined, day: np.datetime64) -> None:
    rows = base.votes.dates <= day
    assert rows.sum() > 500
    # An asset may come or go with the strategies that are admitted after the day: nobody votes on it before.
    for symbol in {*base.votes.assets, *changed.votes.assets}:
        for field in fields(VotePanel)[2:]:
            one, other = (_votes_on(mined.votes, symbol, field.name)[rows] for mined in (base, changed))
            np.testing.assert_array_equal(one, other, err_msg=f"{symbol} {field.name}")


def _votes_on(votes: VotePanel, symbol: str, name: str) -> np.ndarray:
    column = votes.column(symbol)
    return np.zeros(len(votes.dates)) if column is None else getattr(votes, name)[:, column]


def test_patterns(base: Mined, changed: Mined, day: np.datetime64) -> None:
    one, other = (mined.patterns.take(mined.patterns.date <= day) for mined in (base, changed))
    assert len(one) > 500
    np.testing.assert_array_equal(one.key, other.key)
    settled = one.settled <= day
    np.testing.assert_array_equal(settled, other.settled <= day)
    for field in fields(PatternSet):
        rows = settled if field.name in KNOWN_LATER else slice(None)
        np.testing.assert_array_equal(
            getattr(one, field.name)[rows], getattr(other, field.name)[rows], err_msg=field.name
        )


def test_data_sets(base: Mined, changed: Mined, day: np.datetime64) -> None:
    if day >= np.datetime64(TEST_START):
        for field in fields(DataSet):
            for part in ("train", "validation"):
                one, other = (getattr(getattr(mined, part), field.name) for mined in (base, changed))
                np.testing.assert_array_equal(one, other, err_msg=f"{part} {field.name}")
        return
    # Rows are ordered by date. A row's weight is relative to all of the set's, and its value is known later.
    known = base.patterns.date <= day
    rows = int(known.sum())
    assert 50 < rows < len(base.train)
    for name in ("states", "labels", "regimes"):
        np.testing.assert_array_equal(
            getattr(base.train, name)[:rows], getattr(changed.train, name)[:rows], err_msg=name
        )


def test_episodes(base: Mined, changed: Mined, day: np.datetime64) -> None:
    for one, other in zip(base.episodes, changed.episodes, strict=True):
        rows = one.dates <= day
        for name in ("states", "before", "after", "fill_price", "volatility"):
            np.testing.assert_array_equal(
                getattr(one, name)[rows], getattr(other, name)[rows], err_msg=f"{one.symbol} {name}"
            )
        assert not np.array_equal(one.states, other.states), "the future did change"


def test_the_placebos_days(base: Mined, changed: Mined, day: np.datetime64) -> None:
    # Within the pre-training window its votes go round; what follows that window changes nothing in it.
    if day < np.datetime64(VALIDATION_START):
        return
    for one, other, true in zip(base.placebo, changed.placebo, base.episodes, strict=True):
        rows = one.dates <= day
        np.testing.assert_array_equal(one.states[rows], other.states[rows], err_msg=one.symbol)
        np.testing.assert_array_equal(one.before, true.before)
        np.testing.assert_array_equal(
            np.delete(one.states, VOTES_BLOCK, 1), np.delete(true.states, VOTES_BLOCK, 1)
        )
    assert any(
        not np.array_equal(one.states[:, VOTES_BLOCK], true.states[:, VOTES_BLOCK])
        for one, true in zip(base.placebo, base.episodes, strict=True)
    )


def test_the_power_and_the_most_voted(base: Mined, changed: Mined, day: np.datetime64) -> None:
    if day < np.datetime64(TEST_START):
        return
    assert len(base.most_voted) >= 2 and base.most_voted == changed.most_voted
    assert base.powered["study"] is not None
    assert base.powered == changed.powered
