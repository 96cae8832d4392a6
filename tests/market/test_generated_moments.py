"""Realism: moments of the generated market and of real prices lie in the same ranges."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kurtosis

from rlpretrain.market import REGIMES, AssetSeries, PricePanel, classify_regime, load_market
from rlpretrain.market.generated import World

REAL = Path(__file__).parents[2] / "../shared/market"
SEEDS = range(1, 7)
Statistic = Callable[[PricePanel], float]


def returns(series: AssetSeries) -> NDArray[np.float64]:
    return series.close[1:] / series.close[:-1] - 1


def volatility(symbol: str) -> Statistic:
    def measure(panel: PricePanel) -> float:
        series = panel.series(symbol)
        return float(returns(series).std() * np.sqrt(series.bars_per_year))

    return measure


def tails(symbol: str) -> Statistic:
    return lambda panel: float(kurtosis(returns(panel.series(symbol))))


def clustering(symbol: str, lag: int) -> Statistic:
    def measure(panel: PricePanel) -> float:
        size = np.abs(returns(panel.series(symbol)))
        return float(np.corrcoef(size[lag:], size[:-lag])[0, 1])

    return measure


def correlation(left: str, right: str) -> Statistic:
    def measure(panel: PricePanel) -> float:
        a, b = panel.series(left), panel.series(right)
        days = np.intersect1d(a.dates, b.dates)
        moves = [returns_on(series, days) for series in (a, b)]
        return float(np.corrcoef(moves[0], moves[1])[0, 1])

    return measure


def returns_on(series: AssetSeries, days: NDArray[np.datetime64]) -> NDArray[np.float64]:
    close = series.close[np.searchsorted(series.dates, days)]
    return close[1:] / close[:-1] - 1


def overnight_share(symbol: str) -> Statistic:
    def measure(panel: PricePanel) -> float:
        series = panel.series(symbol)
        return float((series.open[1:] / series.close[:-1] - 1).var() / returns(series).var())

    return measure


def day_range(symbol: str) -> Statistic:
    """Mean log range over the standard deviation of returns."""

    def measure(panel: PricePanel) -> float:
        series = panel.series(symbol)
        return float(np.log(series.high / series.low).mean() / returns(series).std())

    return measure


def growth(symbol: str) -> Statistic:
    def measure(panel: PricePanel) -> float:
        series = panel.series(symbol)
        return float(returns(series).mean() * series.bars_per_year)

    return measure


# name, statistic, range that holds the median over seeds and the real figure of 2007-2023
CASES: list[tuple[str, Statistic, float, float]] = [
    ("SPY volatility", volatility("SPY"), 0.14, 0.21),
    ("QQQ volatility", volatility("QQQ"), 0.16, 0.25),
    ("TLT volatility", volatility("TLT"), 0.12, 0.17),
    ("GLD volatility", volatility("GLD"), 0.14, 0.20),
    ("UVXY volatility", volatility("UVXY"), 0.85, 1.30),
    ("BTC volatility", volatility("BTC-USD"), 0.55, 0.85),
    ("SPY growth", growth("SPY"), 0.05, 0.14),
    ("UVXY growth", growth("UVXY"), -1.3, -0.4),
    ("SPY tails", tails("SPY"), 5.0, 20.0),
    ("QQQ tails", tails("QQQ"), 4.0, 16.0),
    ("BTC tails", tails("BTC-USD"), 3.0, 15.0),
    ("SPY clustering, a day", clustering("SPY", 1), 0.15, 0.45),
    ("SPY clustering, two weeks", clustering("SPY", 10), 0.10, 0.40),
    ("SPY clustering, ten weeks", clustering("SPY", 50), 0.02, 0.25),
    ("TLT clustering", clustering("TLT", 1), 0.08, 0.35),
    ("BTC clustering", clustering("BTC-USD", 1), 0.08, 0.35),
    ("SPY and TLT", correlation("SPY", "TLT"), -0.5, -0.15),
    ("SPY and QQQ", correlation("SPY", "QQQ"), 0.85, 0.96),
    ("SPY and XLE", correlation("SPY", "XLE"), 0.6, 0.85),
    ("SPY and GLD", correlation("SPY", "GLD"), -0.15, 0.2),
    ("SPY and VIXY", correlation("SPY", "VIXY"), -0.88, -0.65),
    ("TLT and IEF", correlation("TLT", "IEF"), 0.85, 0.99),
    ("BTC and ETH", correlation("BTC-USD", "ETH-USD"), 0.6, 0.92),
    ("SPY overnight", overnight_share("SPY"), 0.25, 0.50),
    ("BTC overnight", overnight_share("BTC-USD"), 0.0, 0.05),
    ("SPY range", day_range("SPY"), 0.8, 1.35),
]
SYMBOLS = ["SPY", "QQQ", "TLT", "IEF", "GLD", "XLE", "VIXY", "UVXY", "BTC-USD", "ETH-USD"]


@pytest.fixture(scope="module")
def generated() -> list[PricePanel]:
    return [load_market("generated:years=17,end=2023-12-31", symbols=SYMBOLS, seed=seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def real() -> PricePanel:
    if not REAL.is_dir():
        pytest.skip(f"no real prices in {REAL}")
    return load_market(f"files:{REAL}", symbols=SYMBOLS).between(np.datetime64("2007-01-01"), None)


@pytest.mark.parametrize(
    ("statistic", "low", "high"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_generated_moments(
    generated: list[PricePanel], statistic: Statistic, low: float, high: float
) -> None:
    assert low < np.median([statistic(panel) for panel in generated]) < high


@pytest.mark.market_data
@pytest.mark.parametrize(
    ("statistic", "low", "high"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_real_moments_lie_in_the_same_ranges(
    real: PricePanel, statistic: Statistic, low: float, high: float
) -> None:
    assert low <= statistic(real) < high


def test_stress_days_exist(generated: list[PricePanel]) -> None:
    worst = [returns(panel.series("SPY")).min() for panel in generated]
    best_fear = [returns(panel.series("UVXY")).max() for panel in generated]
    assert np.median(worst) < -0.06
    assert np.median(best_fear) > 0.25


def test_volume_rises_with_the_days_move(generated: list[PricePanel]) -> None:
    for panel in generated:
        series = panel.series("SPY")
        change = np.diff(np.log(series.volume[1:]))
        assert np.corrcoef(change, np.diff(np.abs(returns(series))))[0, 1] > 0.2


def test_falls_raise_volatility_more_than_rises(generated: list[PricePanel]) -> None:
    """The leverage effect: today's return and tomorrow's squared return are negatively correlated."""
    effects = []
    for panel in generated:
        moves = returns(panel.series("SPY"))
        effects.append(np.corrcoef(moves[:-1], moves[1:] ** 2)[0, 1])
    assert np.median(effects) < -0.02


def test_rules_tell_the_hidden_regimes_apart() -> None:
    """Rules on prices alone find the hidden bull and bear markets far more often than chance."""
    hits = {"bull": [], "bear": []}  # type: dict[str, list[float]]
    base = {"bull": [], "bear": []}  # type: dict[str, list[float]]
    for seed in SEEDS:
        spy = load_market("generated:years=30", symbols=["SPY"], seed=seed).series("SPY")
        world = World(seed, "regimes", spy.dates[-1].astype(object))
        hidden = np.array(REGIMES)[world.regimes(crypto=False)][-len(spy) :]
        seen = classify_regime(spy)
        for name in hits:
            hits[name].append(float((seen == name)[hidden == name].mean()))
            base[name].append(float((seen == name).mean()))
    assert np.mean(hits["bull"]) > np.mean(base["bull"]) + 0.08
    assert np.mean(hits["bear"]) > np.mean(base["bear"]) + 0.2
