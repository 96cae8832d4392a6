import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.artifacts import RunFolder, StageRecorder, write_json
from rlpretrain.config import PretrainingConfig
from rlpretrain.market.windows import Windows
from rlpretrain.patterns import PatternSet
from rlpretrain.pretraining.dataset import DataSet, build_datasets, write_dataset
from rlpretrain.stages.context import StageContext


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


def mined_run(folder: Path, rows: int = 900, **settings: Any) -> StageContext:
    """A run's folder as mining leaves it, for the stages that read data sets alone."""
    config = PretrainingConfig(**{"output_dir": folder.parent, **settings})
    context = StageContext(config, RunFolder.of(folder.parent, folder.name))
    context.write_settings()
    patterns = make_patterns(rows)
    windows = Windows(*(patterns.date[row] for row in (0, rows * 2 // 3, rows - 20, rows - 1)))
    train, validation, card = build_datasets(patterns, windows, min_confidence=0.0)
    recorder = StageRecorder(context.run, "mine", "", {})
    write_dataset(recorder.output("datasets/train.parquet"), train)
    write_dataset(recorder.output("datasets/validation.parquet"), validation)
    write_json(recorder.output("datasets/card.json"), card)
    recorder.details["training_assets"] = []
    recorder.finish()
    return context


@pytest.fixture
def patterns() -> PatternSet:
    return make_patterns()
