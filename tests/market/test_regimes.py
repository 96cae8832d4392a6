import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rlpretrain.market import REGIMES, AssetSeries, classify_regime, load_market


def benchmark(close: NDArray[np.float64]) -> AssetSeries:
    days = np.arange(np.datetime64("2000-01-01"), np.datetime64("2000-01-01") + len(close))
    return AssetSeries("SPY", False, days, close, close, close, close, np.ones(len(close)))


def path(drift: NDArray[np.float64], width: NDArray[np.float64]) -> AssetSeries:
    """Alternating steps of known size around a drift: volatility and trend without any chance."""
    steps = drift + width * np.where(np.arange(len(drift)) % 2 == 0, 1.0, -1.0)
    return benchmark(100 * np.exp(np.cumsum(steps)))


def test_steady_rise_is_bull_and_steady_fall_is_bear() -> None:
    days = np.ones(800)
    assert set(classify_regime(path(0.001 * days, 0.01 * days))[200:]) == {"bull"}
    assert set(classify_regime(path(-0.001 * days, 0.01 * days))[200:]) == {"bear"}


def test_a_violent_rise_is_volatile() -> None:
    width = np.where(np.arange(900) < 800, 0.005, 0.02)
    regime = classify_regime(path(np.full(900, 0.001), width))
    assert regime[799] == "bull"
    assert regime[-1] == "volatile"


@pytest.mark.parametrize(("width", "expected"), [(0.01, "sideways"), (0.016, "volatile")])
def test_a_mixed_trend_is_sideways_or_volatile_by_its_width(width: float, expected: str) -> None:
    """A dip after a long rise: below the quarter's start, yet still above the 200-day average."""
    drift = np.concatenate((np.full(800, 0.002), np.full(40, -0.003)))
    widths = np.concatenate((np.full(800, 0.01), np.full(40, width)))
    series = path(drift, widths)
    assert series.close[-1] > series.close[-200:].mean()
    assert series.close[-1] < series.close[-64]
    assert classify_regime(series)[-1] == expected


def test_warm_up_is_sideways() -> None:
    regime = classify_regime(path(np.full(300, 0.001), np.full(300, 0.01)))
    assert set(regime[:199]) == {"sideways"}
    assert len(classify_regime(benchmark(np.array([1.0, 2.0])))) == 2


@settings(max_examples=20, deadline=None)
@given(cut=st.integers(1, 3_000), seed=st.integers(0, 100))
def test_only_the_past_decides(cut: int, seed: int) -> None:
    series = load_market("generated:", symbols=["SPY"]).series("SPY")
    changed = series.close.copy()
    changed[cut:] *= np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.05, len(changed) - cut)))
    np.testing.assert_array_equal(
        classify_regime(benchmark(series.close))[:cut], classify_regime(benchmark(changed))[:cut]
    )


def test_all_four_occur() -> None:
    regime = classify_regime(load_market("generated:years=30", symbols=["SPY"]).series("SPY"))
    assert set(regime) == set(REGIMES)
