"""The generated market: what it trades, its bars, and what must never move its prices."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.market import PricePanel, exchange_sessions, load_market
from rlpretrain.market.generated import ASSETS, DERIVED, GENERATED_SYMBOLS, KINDS

PROMISED = """\
SPY QQQ IWM DIA EFA EEM VTI TLT IEF SHY AGG BND LQD HYG TIP BIL SHV GLD SLV DBC USO UUP XLK XLF
XLE XLV XLY XLP XLU XLI XLB SMH SOXX XBI VNQ TQQQ SQQQ QLD PSQ UPRO SPXL SPXU SPXS SSO SH SOXL SOXS
TECL TECS TMF TMV TNA TZA UGL LABU LABD FAS FAZ UVXY VIXY SVXY VIXM BTC-USD ETH-USD"""


@pytest.fixture(scope="module", params=KINDS)
def market(request: pytest.FixtureRequest) -> PricePanel:
    return load_market(f"generated:kind={request.param}")


def test_has_the_tickers_that_strategies_use() -> None:
    assert set(PROMISED.split()) <= set(GENERATED_SYMBOLS)


def test_bars_are_consistent(market: PricePanel) -> None:
    known = np.isfinite(market.close)
    for name in ("open", "high", "low", "volume"):
        np.testing.assert_array_equal(np.isfinite(getattr(market, name)), known, err_msg=name)
    body_low, body_high = np.fmin(market.open, market.close), np.fmax(market.open, market.close)
    assert (market.low[known] > 0).all()
    assert (market.low <= body_low)[known].all()
    assert (market.high >= body_high)[known].all()
    assert (market.high > market.low)[known].all()
    assert (market.volume[known] > 0).all()


def test_nothing_is_adjusted(market: PricePanel) -> None:
    assert market.raw_close is not None
    np.testing.assert_array_equal(market.raw_close, market.close)


def test_calendars(market: PricePanel) -> None:
    sessions = exchange_sessions(dt.date(2010, 1, 1), dt.date(2024, 12, 31))
    for symbol in GENERATED_SYMBOLS:
        series = market.series(symbol)
        steps = np.diff(series.dates).astype(int)
        if series.crypto:
            assert (steps == 1).all(), symbol
        else:
            np.testing.assert_array_equal(series.dates, sessions[sessions >= series.dates[0]], err_msg=symbol)
    np.testing.assert_array_equal(market.dates[market.sessions], sessions)


def test_some_assets_start_later(market: PricePanel) -> None:
    first = {
        symbol: str(market.series(symbol).dates[0]) for symbol in ("SPY", "TQQQ", "SVXY", "BTC-USD", "LABU")
    }
    assert first == {
        "SPY": "2010-01-04",
        "TQQQ": "2010-02-11",
        "SVXY": "2011-10-04",
        "BTC-USD": "2014-09-17",
        "LABU": "2015-05-28",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_derived_products_follow_their_base_daily(kind: str) -> None:
    panel = load_market(f"generated:kind={kind}")
    for product in DERIVED.values():
        own, base = panel.series(product.symbol), panel.series(product.base)
        base_rows = np.searchsorted(base.dates, own.dates)
        base_close, base_open = base.close[base_rows], base.open[base_rows]
        fee = product.fee / 252 if kind == "regimes" else 0.0
        expected = product.leverage * (base_close[1:] / base_close[:-1] - 1) - fee
        np.testing.assert_allclose(
            own.close[1:] / own.close[:-1] - 1, np.maximum(expected, -0.95 - fee), atol=1e-9
        )
        gap = product.leverage * (base_open[1:] / base_close[:-1] - 1)
        np.testing.assert_allclose(own.open[1:] / own.close[:-1] - 1, np.maximum(gap, -0.95), atol=1e-9)


@settings(max_examples=12, deadline=None)
@given(
    symbols=st.lists(st.sampled_from(GENERATED_SYMBOLS), min_size=1, max_size=5, unique=True),
    extra=st.lists(st.sampled_from(GENERATED_SYMBOLS), max_size=5, unique=True),
    kind=st.sampled_from(KINDS),
)
def test_other_symbols_move_no_price(symbols: list[str], extra: list[str], kind: str) -> None:
    provider = f"generated:kind={kind},years=2,end=2019-12-31"
    alone = load_market(provider, symbols=symbols)
    together = load_market(provider, symbols=[*extra, *symbols]).select(symbols)
    assert alone.digest == together.digest


@settings(max_examples=8, deadline=None)
@given(end=st.dates(dt.date(2016, 1, 1), dt.date(2024, 12, 30)), kind=st.sampled_from(KINDS))
def test_later_days_and_earlier_starts_move_no_price(end: dt.date, kind: str) -> None:
    symbols = ["SPY", "UVXY", "SHY", "TQQQ", "BTC-USD"]
    long = load_market(f"generated:kind={kind},years=15,end=2024-12-31", symbols=symbols)
    short = load_market(f"generated:kind={kind},years=1,end={end}", symbols=symbols)
    assert long.between(short.dates[0], short.dates[-1]).digest == short.digest


def test_one_seed_one_market() -> None:
    first, again = (load_market("generated:years=1", seed=5) for _ in range(2))
    assert first.digest == again.digest
    assert load_market("generated:years=1", seed=6).digest != first.digest


def test_kinds_share_their_noise() -> None:
    """Same shocks, other drifts: a comparison between kinds is paired."""
    moves = {}
    for kind in ("regimes", "noise"):
        close = load_market(f"generated:kind={kind},years=5", symbols=["SPY"]).close[:, 0]
        moves[kind] = close[1:] / close[:-1] - 1
    assert np.corrcoef(moves["regimes"], moves["noise"])[0, 1] > 0.99


def test_asset_table_is_sound() -> None:
    assert not set(ASSETS) & set(DERIVED)
    for product in DERIVED.values():
        base = ASSETS[product.base]
        assert base.inception is None or base.inception <= product.inception
