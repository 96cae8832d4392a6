"""The asset's block: each number against its definition, written out plainly for one close."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import skew

from rlpretrain.errors import DataError
from rlpretrain.features import ASSET, LIMIT, STATE_NAMES
from rlpretrain.features.asset import asset_features
from rlpretrain.market import AssetSeries, Floats, load_market

ROW = 1_000
NAMES = STATE_NAMES[ASSET]


def load(symbol: str, provider: str = "generated:years=8") -> AssetSeries:
    return load_market(provider, symbols=[symbol]).series(symbol)


@pytest.fixture(scope="module")
def series() -> AssetSeries:
    return load("QQQ")


@pytest.fixture(scope="module")
def numbers(series: AssetSeries) -> dict[str, float]:
    return dict(zip(NAMES, asset_features(series)[ROW].tolist(), strict=True))


def past(values: Floats, days: int, skip: int = 0) -> Floats:
    """The last `days` values known at the close of `ROW`, or `skip` closes before."""
    return values[ROW - skip - days + 1 : ROW - skip + 1]


def wilder(values: Floats, days: int) -> float:
    """Wilder's average, seeded with a plain mean, as of `ROW`; `values` starts at the second close."""
    average = values[:days].mean()
    for value in values[days:ROW]:
        average += (value - average) / days
    return float(average)


def test_returns_and_distances(series: AssetSeries, numbers: dict[str, float]) -> None:
    log_close = np.log(series.close)
    sigma = np.diff(past(log_close, 61)).std(ddof=1)
    for days in (1, 2, 3, 5, 10, 20, 60, 120, 250):
        expected = (log_close[ROW] - log_close[ROW - days]) / (sigma * np.sqrt(days))
        assert numbers[f"return_{days}"] == pytest.approx(expected)
    for days in (10, 20, 50, 200):
        expected = (log_close[ROW] - past(log_close, days).mean()) / (sigma * np.sqrt(days))
        assert numbers[f"average_{days}"] == pytest.approx(expected)
    spread = past(log_close, 50).mean() - past(log_close, 200).mean()
    assert numbers["average_50_200"] == pytest.approx(spread / (sigma * np.sqrt(200)))
    assert numbers["gap"] == pytest.approx(np.log(series.open[ROW] / series.close[ROW - 1]) / sigma)
    assert numbers["body"] == pytest.approx(np.log(series.close[ROW] / series.open[ROW]) / sigma)
    top = past(log_close, 250).max()
    assert numbers["drawdown_250"] == pytest.approx((log_close[ROW] - top) / (sigma * np.sqrt(250)))


def test_places_in_ranges(series: AssetSeries, numbers: dict[str, float]) -> None:
    low, high, close = series.low[ROW], series.high[ROW], series.close[ROW]
    assert numbers["close_location"] == pytest.approx(2 * (close - low) / (high - low) - 1)
    for days in (55, 250):
        logs = np.log(past(series.close, days))
        place = 2 * (logs[-1] - logs.min()) / (logs.max() - logs.min()) - 1
        assert numbers[f"position_{days}"] == pytest.approx(place)
    top, bottom = past(series.high, 14).max(), past(series.low, 14).min()
    assert numbers["williams_14"] == pytest.approx(2 * (close - bottom) / (top - bottom) - 1)


def test_oscillators(series: AssetSeries, numbers: dict[str, float]) -> None:
    steps = np.diff(series.close)
    up, down = wilder(np.maximum(steps, 0), 2), wilder(np.maximum(-steps, 0), 2)
    assert numbers["rsi_2"] == pytest.approx((100 * up / (up + down) - 50) / 25)
    logs = np.log(past(series.close, 20))
    assert numbers["bollinger_20"] == pytest.approx((logs[-1] - logs.mean()) / logs.std(ddof=1))


def test_breakouts_are_in_average_true_ranges(series: AssetSeries, numbers: dict[str, float]) -> None:
    previous = series.close[:-1]
    true_range = np.maximum(series.high[1:], previous) - np.minimum(series.low[1:], previous)
    unit = 3 * wilder(true_range, 14)
    high, low = past(series.high, 20, skip=1).max(), past(series.low, 20, skip=1).min()
    assert numbers["above_high_20"] == pytest.approx((series.close[ROW] - high) / unit)
    assert numbers["above_low_20"] == pytest.approx((series.close[ROW] - low) / unit)


def test_volatilities_and_shape(series: AssetSeries, numbers: dict[str, float]) -> None:
    moves = np.diff(np.log(series.close), prepend=np.nan)
    sigma = {days: past(moves, days).std(ddof=1) for days in (5, 20, 250)}
    assert numbers["volatility_5_20"] == pytest.approx(np.log(sigma[5] / sigma[20]))
    assert numbers["volatility_20_250"] == pytest.approx(np.log(sigma[20] / sigma[250]))
    assert numbers["volatility"] == pytest.approx(np.log(sigma[20] * np.sqrt(252) / 0.2))
    reach = np.log(series.high / series.low)
    parkinson = np.sqrt((past(reach, 20) ** 2).mean() / (4 * np.log(2)))
    assert numbers["range_volatility"] == pytest.approx(np.log(parkinson / sigma[20]))
    assert numbers["range"] == pytest.approx(np.log(reach[ROW] / past(reach, 20).mean()))
    assert numbers["skewness_60"] == pytest.approx(skew(past(moves, 60), bias=False))
    pairs = np.corrcoef(past(moves, 60), past(moves, 60, skip=1))[0, 1]
    assert numbers["autocorrelation_60"] == pytest.approx(4 * pairs)


def test_volume(series: AssetSeries, numbers: dict[str, float]) -> None:
    logs = np.log(series.volume)
    month = past(logs, 20)
    assert numbers["volume_20"] == pytest.approx((month[-1] - month.mean()) / month.std(ddof=1))
    assert numbers["volume_5_60"] == pytest.approx(past(logs, 5).mean() - past(logs, 60).mean())


@pytest.mark.parametrize("symbol", ["SPY", "BIL", "UVXY", "BTC-USD", "SQQQ"])
def test_finite_and_bounded_after_the_warm_up(symbol: str) -> None:
    features = asset_features(load(symbol))
    assert features.shape[1] == 41
    assert np.isnan(features[:250]).any(axis=1).all()
    assert np.isfinite(features[250:]).all()
    assert np.abs(features[250:]).max() <= LIMIT


def test_most_numbers_are_of_order_one(series: AssetSeries) -> None:
    spread = asset_features(series)[250:].std(axis=0)
    assert spread.min() > 0.1
    assert spread.max() < 2.5


@settings(max_examples=10, deadline=None)
@given(price=st.floats(1e-6, 1e9), volume=st.floats(1e-3, 1e6))
def test_price_and_volume_levels_say_nothing(price: float, volume: float) -> None:
    series = load("QQQ", "generated:years=2")
    scaled = replace(
        series,
        **{name: getattr(series, name) * price for name in ("open", "high", "low", "close")},
        volume=series.volume * volume,
    )
    np.testing.assert_allclose(asset_features(scaled), asset_features(series), rtol=1e-6, atol=1e-6)


def test_a_falling_product_loses_no_precision() -> None:
    """A price that falls by twelve orders of magnitude has the same late numbers as its last years alone."""
    series = load("QQQ", "generated:years=12")
    slope = np.exp(-np.arange(len(series)) * 28.0 / len(series))
    bars = {name: getattr(series, name) * slope * 1e12 for name in ("open", "high", "low", "close")}
    falling = replace(series, **bars)
    tail = {name: values[-1_300:] for name, values in bars.items()}
    late = replace(series, dates=series.dates[-1_300:], volume=series.volume[-1_300:], **tail)
    np.testing.assert_allclose(asset_features(falling)[-300:], asset_features(late)[-300:], atol=1e-4)


def test_an_asset_that_never_moves() -> None:
    days = np.arange(np.datetime64("2020-01-01"), np.datetime64("2021-12-31"))
    flat = np.full(len(days), 100.0)
    features = asset_features(AssetSeries("FLAT", False, days, flat, flat, flat, flat, flat))
    assert np.isfinite(features[250:]).all()
    assert features[300, NAMES.index("return_20")] == 0
    assert features[300, NAMES.index("streak")] == 0


def test_days_with_a_close_only_are_bridged(series: AssetSeries) -> None:
    holes = {name: getattr(series, name).copy() for name in ("open", "high", "low", "volume")}
    for values in holes.values():
        values[700:705] = np.nan
    features = asset_features(replace(series, **holes))
    assert np.isfinite(features[250:]).all()
    np.testing.assert_array_equal(features[:700], asset_features(series)[:700])


def test_no_volume_at_all(series: AssetSeries) -> None:
    features = asset_features(replace(series, volume=np.full(len(series), np.nan)))
    assert np.isfinite(features[250:]).all()
    assert not features[250:, NAMES.index("volume_20")].any()


def test_closes_alone_have_no_state(series: AssetSeries) -> None:
    blank = np.full(len(series), np.nan)
    with pytest.raises(DataError, match="QQQ has closes only"):
        asset_features(replace(series, open=blank, high=blank, low=blank, volume=blank))


def test_short_histories_have_no_valid_row(series: AssetSeries) -> None:
    for days in (1, 2, 30, 250):
        short = replace(
            series,
            **{
                name: getattr(series, name)[:days]
                for name in ("dates", "open", "high", "low", "close", "volume")
            },
        )
        features = asset_features(short)
        assert features.shape == (days, 41)
        assert not np.isfinite(features).all(axis=1).any()
