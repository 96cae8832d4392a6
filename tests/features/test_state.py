"""The whole state: joins, votes, position, and that only the past decides."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.features import (
    ASSET,
    LIMIT,
    MARKET,
    POSITION,
    SOURCES,
    STATE_NAMES,
    VOTES,
    market_context,
    position_features,
    state_matrix,
    unrealised_feature,
)
from rlpretrain.market import REGIMES, PricePanel, classify_regime, load_market

REAL = Path(__file__).parents[2] / "../shared/market"
SYMBOLS = ("SPY", "TLT", "VIXY", "UVXY", "SHY", "BTC-USD")
FIELDS = ("open", "high", "low", "close", "volume")


@pytest.fixture(scope="module")
def panel() -> PricePanel:
    return load_market("generated:years=7", symbols=SYMBOLS)


def states(panel: PricePanel, symbol: str) -> np.ndarray:
    return state_matrix(panel.series(symbol), market_context(panel), None)


def alter(panel: PricePanel, after: int, seed: int) -> PricePanel:
    """Change every number of the rows after `after`."""
    rng = np.random.default_rng(seed)
    factor = rng.lognormal(0, 0.3, panel.close.shape)
    factor[: after + 1] = 1.0
    arrays = {name: getattr(panel, name) * factor for name in FIELDS}
    return PricePanel(panel.symbols, panel.dates, **arrays, crypto=panel.crypto, source="altered")


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_row_is_known_at_its_close(data: st.DataObject) -> None:
    """A history cut at day t, and one with another future, return the same bits up to t."""
    panel = load_market("generated:years=4", symbols=SYMBOLS)
    symbol = data.draw(st.sampled_from(SYMBOLS))
    cut = data.draw(st.integers(0, len(panel.dates) - 1))
    full = states(panel, symbol)
    short = states(panel.until(panel.dates[cut]), symbol)
    np.testing.assert_array_equal(short, full[: len(short)])
    other = states(alter(panel, cut, data.draw(st.integers(0, 99))), symbol)
    np.testing.assert_array_equal(other[: len(short)], full[: len(short)])


def test_shape_type_and_warm_up(panel: PricePanel) -> None:
    for symbol in SYMBOLS:
        state = states(panel, symbol)
        assert state.shape == (len(panel.series(symbol)), 61)
        assert state.dtype == np.float32
        valid = np.isfinite(state).all(axis=1)
        first = int(valid.argmax())
        assert valid[first:].all()
        assert 250 <= first <= 366, symbol
        assert np.abs(state[valid]).max() <= 5


def test_weekends_see_fridays_market(panel: PricePanel) -> None:
    bitcoin = panel.series("BTC-USD")
    market = states(panel, "BTC-USD")[:, MARKET]
    weekday = (bitcoin.dates.astype(int) + 3) % 7
    for row in np.flatnonzero(weekday == 6)[60:]:
        assert np.isin(bitcoin.dates[row] - 2, panel.series("SPY").dates) or weekday[row - 2] == 4
        np.testing.assert_array_equal(market[row], market[row - 1])
        np.testing.assert_array_equal(market[row], market[row - 2])


def test_market_block_is_the_benchmarks_own(panel: PricePanel) -> None:
    spy = panel.series("SPY")
    state = states(panel, "SPY")
    for market, own in (
        ("market_return_5", "return_5"),
        ("market_return_20", "return_20"),
        ("market_average_200", "average_200"),
        ("market_volatility", "volatility_20_250"),
        ("market_drawdown", "drawdown_250"),
    ):
        np.testing.assert_array_equal(state[:, STATE_NAMES.index(market)], state[:, STATE_NAMES.index(own)])
    bond = states(panel, "TLT")[:, STATE_NAMES.index("return_20")]
    np.testing.assert_array_equal(state[300:, STATE_NAMES.index("bond_return_20")], bond[300:])
    first = STATE_NAMES.index("regime_bull")
    one_hot = state[250:, first : first + 4]
    assert (one_hot.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(np.array(REGIMES)[one_hot.argmax(axis=1)], classify_regime(spy)[250:])


def test_fallbacks_are_named(panel: PricePanel) -> None:
    assert market_context(panel).sources == {"benchmark": "SPY", "bonds": "TLT", "volatility": "VIXY"}
    some = load_market("generated:years=3", symbols=["QQQ", "IEF", "GLD"])
    assert market_context(some).sources == {"benchmark": "QQQ", "bonds": "IEF", "volatility": None}
    assert all(tickers for tickers in SOURCES.values())


def test_a_missing_source_gives_zeros_and_costs_no_history(panel: PricePanel) -> None:
    some = panel.select(["SPY", "BTC-USD"])
    full, degraded = states(panel, "SPY"), states(some, "SPY")
    roles = [STATE_NAMES.index(name) for name in ("bond_return_20", "fear_return_10")]
    rest = [column for column in range(60) if column not in roles]
    assert not degraded[:, roles].any()
    np.testing.assert_array_equal(degraded[:, rest], full[:, rest])


def test_without_a_benchmark_the_market_is_blank(panel: PricePanel) -> None:
    alone = panel.select(["BTC-USD"])
    context = market_context(alone)
    assert context.sources["benchmark"] is None
    state = state_matrix(alone.series("BTC-USD"), context, None)
    assert not state[:, MARKET].any()
    assert np.isfinite(state[250:]).all()


def test_young_sources_cost_no_history() -> None:
    """Volatility futures start in 2011: rows before are valid, with a zero."""
    panel = load_market("generated:years=5,end=2013-12-31", symbols=["SPY", "TLT", "VIXY"])
    state = states(panel, "SPY")
    fear = state[:, STATE_NAMES.index("fear_return_10")]
    young = panel.series("SPY").dates < np.datetime64("2011-01-04")
    assert np.isfinite(state[250:]).all()
    assert not fear[young].any()
    assert fear[-1] != 0


def test_votes_are_placed_and_blanked(panel: PricePanel) -> None:
    series, context = panel.series("SPY"), market_context(panel)
    votes = np.random.default_rng(0).normal(size=(len(series), 9)).clip(-LIMIT, LIMIT)
    votes[:100] = np.nan
    state = state_matrix(series, context, votes)
    blank = state_matrix(series, context, None)
    np.testing.assert_array_equal(state[100:, VOTES], votes[100:].astype(np.float32))
    assert not state[:100, VOTES].any()
    assert not blank[:, VOTES].any()
    np.testing.assert_array_equal(state[:, : VOTES.start], blank[:, : VOTES.start])
    with pytest.raises(DataError, match="SPY: votes have shape"):
        state_matrix(series, context, votes[1:])


def test_position_of_numbers_and_arrays() -> None:
    np.testing.assert_allclose(position_features(True, -0.05, 10), [1, -0.5, 0.5])
    np.testing.assert_array_equal(position_features(False, 0.0, 0), np.zeros(3, dtype=np.float32))
    batch = position_features(np.array([1, 0]), np.array([9.0, 0.0]), np.array([1_000, 0]))
    assert batch.shape == (2, POSITION.stop - POSITION.start)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch[0], [1, 5, 5])
    assert position_features(np.zeros((3, 2)), 0, 0).shape == (3, 2, 3)


@settings(max_examples=30, deadline=None)
@given(
    gain=st.lists(st.floats(-0.9, 10), min_size=1, max_size=8),
    days=st.integers(0, 500),
    held=st.booleans(),
)
def test_a_batch_is_its_rows(gain: list[float], days: int, held: bool) -> None:
    batch = position_features(held, np.array(gain), days)
    rows = np.stack([position_features(held, value, days) for value in gain])
    np.testing.assert_array_equal(batch, rows)


@pytest.mark.market_data
@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real prices in {REAL}")
def test_real_assets_have_states() -> None:
    symbols = ["SPY", "TLT", "VIXY", "UVXY", "SVXY", "BIL", "ENPH", "BTC-USD", "DOGE-USD", "BRK-B"]
    panel = load_market(f"files:{REAL}", symbols=symbols)
    context = market_context(panel)
    for symbol in panel.symbols:
        if not panel.has_bars(symbol):
            with pytest.raises(DataError, match=symbol):
                state_matrix(panel.series(symbol), context, None)
            continue
        state = state_matrix(panel.series(symbol), context, None)
        assert np.isfinite(state[366:]).all(), symbol
        assert state[366:, ASSET].std(axis=0).max() < 3, symbol


@given(st.floats(-1.0, 10.0))
def test_the_unrealised_return_of_one_position_is_the_same_number(gain):
    assert unrealised_feature(gain) == position_features(True, gain, 0)[1]
