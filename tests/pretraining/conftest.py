import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.market.windows import Windows
from rlpretrain.patterns import PatternSet
from rlpretrain.pretraining.dataset import DataSet, build_datasets, write_dataset
from rlpretrain.runs.files import write_json
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import PretrainingConfig
from rlpretrain.stages import CHECK, LIST, MINE, Run, Stage, run_stage
from rlpretrain.stages.check import Checked
from rlpretrain.stages.list import Listed
from rlpretrain.stages.mine import VOTES, Mined
from rlpretrain.stages.work import Work
from tests.patterns.building import unanimous


def make_patterns(n: int = 400, seed: int = 0) -> PatternSet:
    """Patterns on consecutive days whose label follows the first state number."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(n, 64)).astype(np.float32)
    buy = 1 / (1 + np.exp(-3 * states[:, 0]))
    label = np.stack([1 - buy, buy, np.zeros(n)], axis=1).astype(np.float32)
    dates = np.datetime64("2015-01-01") + np.arange(n)
    return PatternSet(
        key=np.array([f"k{i}" for i in range(n)]),
        asset=np.full(n, "SPY"),
        date=dates,
        in_position=np.zeros(n, bool),
        action=label.argmax(1).astype(np.int8),
        label=label,
        state=states,
        supporters=np.full(n, 5, np.int32),
        dissenters=np.full(n, 5, np.int32),
        category=np.full(n, "momentum"),
        category_scores=np.full((n, 4), 0.25, np.float32),
        regime=np.full(n, "bull"),
        confidence=rng.uniform(0.5, 1, n).astype(np.float32),
        strategy_weight=np.ones(n, np.float32),
        reward=rng.normal(0, 0.02, n).astype(np.float32),
        value=rng.normal(0, 0.02, n).astype(np.float32),
        settled=dates + 10,
    )


def make_dataset(n: int, seed: int) -> DataSet:
    patterns = make_patterns(n, seed)
    return DataSet(
        states=patterns.state,
        labels=patterns.label,
        values=patterns.value,
        weights=np.ones(n, np.float32),
        regimes=patterns.regime,
        assets=patterns.asset,
        dates=patterns.date,
        settled=patterns.settled,
    )


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def mined_run(folder: Path, rows: int = 900, **settings: Any) -> Run:
    """A run's folder as far as stages read it that need data sets alone."""
    run = Run(
        PretrainingConfig(**{"output_dir": folder.parent, **settings}),
        RunFolder.of(folder.parent, folder.name),
    )
    run.write_settings()
    patterns = make_patterns(rows)
    windows = Windows(*(patterns.date[row] for row in (0, rows * 2 // 3, rows - 20, rows - 1)))
    day = dt.date(2015, 1, 1)

    def mine(work: Work[Any]) -> Mined:
        train, validation, card = build_datasets(patterns, windows, min_confidence=0.0)
        write_dataset(work.write("datasets/train.parquet"), train)
        write_dataset(work.write("datasets/validation.parquet"), validation)
        write_json(work.write("datasets/card.json"), card)
        unanimous("SPY", patterns.date).save(work.write(VOTES))
        return Mined(
            strategies=0, agree=0, voters=0, rejected=0, trades=0, patterns=rows, extraction="", stored={},
            assets_with_votes=0, assets_with_related_votes=0,
            first_day=day, last_day=day, actions={}, categories={}, regimes={}, training_assets=[], most_voted=[],
            clean_from=None, standing=[],
            windows={name: dt.date.fromisoformat(text) for name, text in windows.as_json().items()},
        )  # fmt: skip

    listed = Listed(
        listed=0, last_edit_known=0, chunks=0, as_of=day, service="embedded", source="", market=""
    )
    stand_in(run, LIST, lambda _: listed)
    stand_in(run, MINE, mine)
    stand_in(run, CHECK, lambda _: Checked(patterns=rows, warnings=[]))
    return run


def stand_in(run: Run, stage: Stage[Any, Any], work: Callable[[Work[Any]], Any]) -> None:
    """Finish a stage with other work than its own, and without the stages that it needs."""
    run_stage(run, replace(stage, needs=(), run=work, inputs=lambda _: {}, check=lambda _: None))


@pytest.fixture
def patterns() -> PatternSet:
    return make_patterns()
