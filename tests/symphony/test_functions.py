"""Each function by hand on short series, and against TA-Lib where the definitions agree."""

import numpy as np
import pytest
import talib

from rlpretrain.symphony import Indicator
from rlpretrain.symphony.indicators import apply_indicator

NAN = np.nan
CLOSES = np.array([10.0, 11.0, 9.9, 9.9, 12.0])

BY_HAND = {
    ("current-price",): [10.0, 11.0, 9.9, 9.9, 12.0],
    ("cumulative-return", 2): [NAN, NAN, -1.0, -10.0, 100 * (12.0 / 9.9 - 1)],
    ("moving-average-price", 3): [NAN, NAN, 10.3, 30.8 / 3, 31.8 / 3],
    # The mean of the first two, then two thirds of the way to each new close.
    ("exponential-moving-average-price", 2): [NAN, 10.5, 10.1, 9.9 + 0.2 / 3, 12.0 - (2.1 - 0.2 / 3) / 3],
    ("moving-average-return", 2): [NAN, NAN, 0.0, -5.0, 50 * (12.0 / 9.9 - 1)],
    # Returns of +10 % and -10 %: the sample deviation of two values is their distance over the root of two.
    ("standard-deviation-return", 2): [NAN, NAN, 20 / 2**0.5, 10 / 2**0.5, 100 * (12.0 / 9.9 - 1) / 2**0.5],
    ("standard-deviation-price", 2): [NAN, 1 / 2**0.5, 1.1 / 2**0.5, 0.0, 2.1 / 2**0.5],
    # Three closes hold two steps: the fall from 11 to 9.9 is out of the window on the last day.
    ("max-drawdown", 3): [NAN, NAN, 10.0, 10.0, 0.0],
    # Changes +1.0, -1.1, 0, +2.1. Start: gain 0.5, loss 0.55.
    ("relative-strength-index", 2): [
        NAN,
        NAN,
        100 * 0.5 / 1.05,
        100 * 0.25 / 0.525,
        100 * 1.175 / (1.175 + 0.1375),
    ],
    ("upper-bollinger", 2, 2.0): [NAN, 10.5 + 1.0, 10.45 + 1.1, 9.9, 10.95 + 2.1],
    ("lower-bollinger", 2, 2.0): [NAN, 10.5 - 1.0, 10.45 - 1.1, 9.9, 10.95 - 2.1],
    ("moving-average-convergence-divergence", 1, 2): [
        NAN,
        0.5,
        -0.2,
        -0.2 / 3,
        (2.1 - 0.2 / 3) / 3,
    ],
    ("percentage-price-oscillator", 1, 2): [
        NAN,
        50 / 10.5,
        -20 / 10.1,
        -20 / 3 / (9.9 + 0.2 / 3),
        100 * (2.1 - 0.2 / 3) / 3 / (12.0 - (2.1 - 0.2 / 3) / 3),
    ],
}


@pytest.mark.parametrize("case", BY_HAND, ids=str)
def test_by_hand(case):
    name, *parameters = case
    values = apply_indicator(Indicator(name, tuple(parameters)), CLOSES)
    np.testing.assert_allclose(values, BY_HAND[case], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["moving-average-convergence-divergence", "percentage-price-oscillator"])
def test_a_signal_is_the_exponential_mean_of_its_line(name):
    line = apply_indicator(Indicator(name, (1.0, 2.0)), CLOSES)
    signal = apply_indicator(Indicator(f"{name}-signal", (1.0, 2.0, 2.0)), CLOSES)
    start = (line[1] + line[2]) / 2
    expected = [NAN, NAN, start]
    for value in line[3:]:
        expected.append(expected[-1] + 2 / 3 * (value - expected[-1]))
    np.testing.assert_allclose(signal, expected, rtol=1e-12)


@pytest.fixture(scope="module")
def walk():
    rng = np.random.default_rng(5)
    return 100 * np.exp(np.cumsum(0.02 * rng.standard_normal(400)))


@pytest.mark.parametrize("window", [2, 3, 10, 14, 60])
@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("relative-strength-index", talib.RSI),
        ("exponential-moving-average-price", talib.EMA),
        ("moving-average-price", talib.SMA),
        ("cumulative-return", talib.ROC),
        ("standard-deviation-price", lambda close, n: talib.STDDEV(close, n) * np.sqrt(n / (n - 1))),
        ("upper-bollinger", lambda close, n: talib.BBANDS(close, n, 2.0, 2.0)[0]),
        ("lower-bollinger", lambda close, n: talib.BBANDS(close, n, 2.0, 2.0)[2]),
    ],
)
def test_talib_agrees(walk, name, oracle, window):
    parameters = (float(window), 2.0) if "bollinger" in name else (float(window),)
    np.testing.assert_allclose(
        apply_indicator(Indicator(name, parameters), walk), oracle(walk, window), rtol=1e-7
    )


def test_talib_agrees_on_the_oscillator(walk):
    ours = apply_indicator(Indicator("percentage-price-oscillator", (12.0, 26.0)), walk)
    expected = talib.EMA(walk, 12) / talib.EMA(walk, 26) * 100 - 100
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_the_index_first_exists_window_days_after_the_first_close(walk):
    values = apply_indicator(Indicator("relative-strength-index", (10.0,)), walk)
    assert np.flatnonzero(np.isfinite(values))[0] == 10


def test_a_series_that_never_moves():
    still = np.full(8, 5.0)
    assert apply_indicator(Indicator("relative-strength-index", (3.0,)), still)[-1] == 0.0
    assert apply_indicator(Indicator("standard-deviation-return", (3.0,)), still)[-1] == 0.0
    assert apply_indicator(Indicator("max-drawdown", (3.0,)), still)[-1] == 0.0
