import numpy as np
import pytest

from rlpretrain.patterns import PatternSet
from rlpretrain.pretraining.dataset import DataSet


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


@pytest.fixture
def patterns() -> PatternSet:
    return make_patterns()
