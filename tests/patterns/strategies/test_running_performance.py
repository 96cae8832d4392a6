import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skfolio.measures import probabilistic_sharpe_ratio

from rlpretrain.patterns.strategies.running_performance import MIN_OBSERVATIONS, running_performance


def _returns(seed: int, n: int = 400, mean: float = 0.0005) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(4, size=n) * 0.01 + mean


def test_last_bar_is_the_plain_formula() -> None:
    returns = _returns(1)
    performance = running_performance(returns, 252)
    assert performance.deviation[-1] == pytest.approx(returns.std())
    assert performance.sharpe[-1] == pytest.approx(returns.mean() / returns.std())
    n, annual = len(returns), returns.mean() / returns.std() * np.sqrt(252)
    assert performance.standing[-1] == pytest.approx(0.1 + max(annual * n / (n + 252), 0.0))


def test_probability_agrees_with_skfolio() -> None:
    returns = _returns(2)
    expected = probabilistic_sharpe_ratio(returns, benchmark_sharpe_ratio=0.0)
    assert running_performance(returns, 252).psr[-1] == pytest.approx(expected, abs=2e-3)


def test_says_nothing_before_a_quarter_and_without_movement() -> None:
    performance = running_performance(_returns(3), 252)
    assert (performance.psr[: MIN_OBSERVATIONS - 1] == 0.5).all()
    assert (performance.standing[: MIN_OBSERVATIONS - 1] == 0.1).all()
    still = running_performance(np.full(200, 0.001), 252)
    assert (still.psr == 0.5).all()
    assert np.isfinite(running_performance(np.zeros(200), 252).psr).all()


@given(seed=st.integers(0, 1000), cut=st.integers(1, 399), scale=st.floats(-5, 5))
def test_a_bar_knows_nothing_of_later_ones(seed: int, cut: int, scale: float) -> None:
    returns = _returns(seed)
    changed = np.concatenate([returns[:cut], returns[cut:] * scale + 0.01])
    before, after = running_performance(returns, 252), running_performance(changed, 252)
    for name in ("deviation", "sharpe", "psr", "standing"):
        assert np.array_equal(getattr(before, name)[:cut], getattr(after, name)[:cut])
