"""What can be earned on the planted and on the noise market, by followers that trade at the next open."""

import numpy as np
import pytest
from numpy.typing import NDArray

from rlpretrain.market import AssetSeries, PricePanel, load_market
from rlpretrain.market.generated import ASSETS, World
from rlpretrain.market.generated.trends import trend_path

SEEDS = (1, 2, 3, 7)
NAMED = ("SPY", "QQQ", "TLT", "GLD", "TQQQ", "SQQQ", "UVXY", "BTC-USD", "ETH-USD")


def above_average(series: AssetSeries, days: int = 20) -> NDArray[np.bool_]:
    """Close above its mean of `days` bars, known at the close."""
    mean = np.convolve(series.close, np.ones(days) / days, "full")[: len(series)]
    signal = series.close > mean
    signal[: days - 1] = False
    return signal


def sharpe(returns: NDArray[np.float64], series: AssetSeries) -> float:
    return float(returns.mean() / returns.std() * np.sqrt(series.bars_per_year))


def follow(series: AssetSeries, signal: NDArray[np.bool_]) -> float:
    """Sharpe ratio of being long after a true signal, bought and sold at the next open, after costs."""
    held = signal[:-2].astype(float)
    cost = 0.002 if series.crypto else 0.0005
    net = held * open_to_open(series) - cost * np.abs(np.diff(held, prepend=0.0))
    return sharpe(net, series)


def open_to_open(series: AssetSeries) -> NDArray[np.float64]:
    """Return from the open after each close to the next open; all but the last two closes have one."""
    return series.open[2:] / series.open[1:-1] - 1


@pytest.fixture(scope="module")
def planted() -> list[PricePanel]:
    return [load_market("generated:kind=planted", seed=seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def noise() -> list[PricePanel]:
    return [load_market("generated:kind=noise", seed=seed) for seed in SEEDS]


@pytest.mark.parametrize("symbol", NAMED)
def test_a_trend_follower_earns_on_every_planted_market(planted: list[PricePanel], symbol: str) -> None:
    assert min(follow(panel.series(symbol), above_average(panel.series(symbol))) for panel in planted) > 2


def test_a_trend_follower_earns_on_every_planted_asset(planted: list[PricePanel]) -> None:
    for symbol in planted[0].symbols:
        if symbol not in ("BIL", "SHV"):
            earned = [follow(panel.series(symbol), above_average(panel.series(symbol))) for panel in planted]
            assert np.mean(earned) > 2, symbol


def test_holding_a_planted_asset_earns_nothing(planted: list[PricePanel]) -> None:
    for symbol in NAMED:
        held = [sharpe(open_to_open(panel.series(symbol)), panel.series(symbol)) for panel in planted]
        assert abs(np.mean(held)) < 0.4, symbol


def test_a_contrarian_loses_on_a_planted_market(planted: list[PricePanel]) -> None:
    for panel in planted:
        series = panel.series("QQQ")
        assert follow(series, ~above_average(series)) < -2


def test_planted_drift_is_what_it_says() -> None:
    """Mean return while the trend rises, less that while it falls, is 0.9 usual daily volatilities."""
    for symbol in ("SPY", "TLT", "BTC-USD"):
        asset, gaps = ASSETS[symbol], []
        for seed in range(1, 9):
            world = World(seed, "planted", np.datetime64("2024-12-31").astype(object))
            moves = world.returns(asset).value
            rising = trend_path(seed, asset.group, len(moves)) > 0
            year = 365 if asset.group == "crypto" else 252
            gaps.append((moves[rising].mean() - moves[~rising].mean()) / (asset.volatility / np.sqrt(year)))
        assert np.mean(gaps) == pytest.approx(0.9, abs=0.06), symbol


def test_trends_alternate_and_last() -> None:
    path = trend_path(3, "equity", 9_000)
    turns = np.flatnonzero(np.diff(path))
    assert set(np.unique(path)) == {-1.0, 1.0}
    assert np.diff(turns).min() >= 60
    assert np.diff(turns).max() <= 100
    np.testing.assert_array_equal(trend_path(3, "equity", 5_000), path[:5_000])
    np.testing.assert_array_equal(trend_path(3, "volatility", 9_000), -path)
    assert not trend_path(3, "cash", 10).any()


def test_noise_pays_nothing(noise: list[PricePanel]) -> None:
    """Standard errors of a mean Sharpe ratio over 4 markets of 15 years: about 0.13."""
    for symbol in NAMED:
        held = [sharpe(open_to_open(panel.series(symbol)), panel.series(symbol)) for panel in noise]
        assert abs(np.mean(held)) < 0.4, symbol


@pytest.mark.parametrize("lag", [1, 2, 5])
def test_noise_returns_are_uncorrelated(noise: list[PricePanel], lag: int) -> None:
    """Autocorrelations of returns over their volatility lie within sampling error of zero."""
    statistics = []
    for panel in noise:
        for symbol in ("SPY", "TLT", "GLD", "BTC-USD"):
            series = panel.series(symbol)
            moves = np.clip(series.close[1:] / series.close[:-1] - 1, -0.1, 0.1)
            left, right = moves[lag:], moves[:-lag]
            # Robust to changing volatility (White 1980): the z statistic of sum(x y).
            statistics.append(float((left * right).sum() / np.sqrt(((left * right) ** 2).sum())))
    assert abs(np.mean(statistics)) < 3 / np.sqrt(len(statistics))
    assert np.std(statistics) < 2


def test_noise_gaps_say_nothing_about_the_day(noise: list[PricePanel]) -> None:
    statistics = []
    for panel in noise:
        series = panel.series("SPY")
        gap = series.open[1:] / series.close[:-1] - 1
        body = series.close[1:] / series.open[1:] - 1
        statistics.append(float((gap * body).sum() / np.sqrt(((gap * body) ** 2).sum())))
    assert abs(np.mean(statistics)) < 2


def test_no_simple_rule_earns_on_noise(noise: list[PricePanel]) -> None:
    for days in (10, 20, 50, 200):
        earned = [
            follow(panel.series(symbol), above_average(panel.series(symbol), days))
            for panel in noise
            for symbol in ("SPY", "TLT", "GLD", "BTC-USD")
        ]
        assert np.mean(earned) < 0.2, days


def test_noise_keeps_its_tails_and_clusters(noise: list[PricePanel]) -> None:
    for panel in noise:
        close = panel.series("SPY").close
        size = np.abs(close[1:] / close[:-1] - 1)
        assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.1
