import numpy as np
import pytest

from rlpretrain.environments import EpisodeData


def make_data(n: int = 300, seed: int = 0, cost: float = 0.001, fill: str = "next_open") -> EpisodeData:
    """A random walk with overnight gaps; states that tell rows apart."""
    rng = np.random.default_rng(seed)
    before = np.exp(rng.normal(0, 0.005, n))
    after = np.exp(rng.normal(0, 0.01, n))
    if fill == "next_close":
        before, after = before * after, np.ones(n)
    before[0] = 1.0
    close = 100 * np.cumprod(before * after)
    return EpisodeData(
        symbol="TEST",
        dates=np.datetime64("2020-01-01") + np.arange(n),
        states=rng.normal(size=(n, 61)).clip(-5, 5).astype(np.float32),
        before=before,
        after=after,
        fill_price=close / after,
        volatility=np.full(n, 0.011),
        cost=cost,
        bars_per_year=252,
    )


@pytest.fixture
def data() -> EpisodeData:
    return make_data()
