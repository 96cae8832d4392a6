import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import skew

from rlpretrain.features import rolling

VALUES = arrays(np.float64, st.integers(1, 80), elements=st.floats(-1e3, 1e3, allow_subnormal=False))
STATISTICS = [
    rolling.mean,
    rolling.deviation,
    rolling.highest,
    rolling.lowest,
    rolling.skewness,
    rolling.lagged,
]


def test_streak_by_hand() -> None:
    changes = np.array([0.0, 1, 2, 3, -1, 0, 0, 5, -1, -2])
    assert rolling.streak(changes).tolist() == [0, 1, 2, 3, -1, 0, 0, 1, -1, -2]
    assert rolling.streak(np.array([np.nan, 1.0, 1.0])).tolist() == [0, 1, 2]
    assert rolling.streak(np.zeros(0)).tolist() == []


def test_against_numpy_and_scipy() -> None:
    values = np.random.default_rng(1).normal(size=200)
    windows = np.lib.stride_tricks.sliding_window_view(values, 20)
    for statistic, oracle in (
        (rolling.mean, windows.mean(axis=1)),
        (rolling.deviation, windows.std(axis=1, ddof=1)),
        (rolling.highest, windows.max(axis=1)),
        (rolling.lowest, windows.min(axis=1)),
        (rolling.skewness, skew(windows, axis=1, bias=False)),
    ):
        result = statistic(values, 20)
        assert np.isnan(result[:19]).all()
        np.testing.assert_allclose(result[19:], oracle, rtol=1e-9, atol=1e-12)
    other = np.random.default_rng(2).normal(size=200)
    correlation = rolling.correlation(values, other, 20)
    assert correlation[150] == pytest.approx(np.corrcoef(values[131:151], other[131:151])[0, 1])


def test_lagged() -> None:
    np.testing.assert_array_equal(rolling.lagged(np.array([1.0, 2.0, 3.0]), 1), [np.nan, 1.0, 2.0])
    assert np.isnan(rolling.lagged(np.array([1.0]), 5)).all()


@settings(max_examples=40, deadline=None)
@given(values=VALUES, cut=st.integers(1, 80), days=st.integers(3, 20))
def test_equal_prefixes_give_equal_bits(values: np.ndarray, cut: int, days: int) -> None:
    for statistic in STATISTICS:
        np.testing.assert_array_equal(statistic(values[:cut], days), statistic(values, days)[:cut])
    np.testing.assert_array_equal(rolling.streak(values[:cut]), rolling.streak(values)[:cut])
