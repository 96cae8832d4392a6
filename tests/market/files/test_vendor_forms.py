"""Every form in which vendors write bars is read, and the same bars in all forms are the same panel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.market import PricePanel, load_market, market_symbols
from rlpretrain.market.files import read_folder
from tests.market.files import vendors

PAGE = Path(__file__).parents[3] / "docs" / "prices.md"


def expected(bars: vendors.Bars, field: str) -> np.ndarray:
    return np.column_stack([bars[name][field].to_numpy() for name in sorted(bars)])


def read(folder: Path, form: str, bars: vendors.Bars) -> PricePanel:
    folder.mkdir(exist_ok=True)
    vendors.WHOLE[form](folder, bars)
    return read_folder(folder, None)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), days=st.integers(2, 15), assets=st.integers(1, 3))
def test_the_same_bars_in_every_form_are_the_same_panel(
    tmp_path_factory: pytest.TempPathFactory, seed: int, days: int, assets: int
) -> None:
    bars = vendors.draw(seed, tickers=("BRK-B", "SPY", "TLT")[:assets], days=days)
    raw = np.column_stack([vendors.quoted(bars[name])["close"] for name in sorted(bars)])
    for form in vendors.WHOLE:
        panel = read(tmp_path_factory.mktemp(form), form, bars)
        assert panel.symbols == tuple(sorted(bars)), form
        np.testing.assert_array_equal(
            panel.dates, next(iter(bars.values())).index.to_numpy("datetime64[D]"), form
        )
        for field in vendors.FIELDS:
            np.testing.assert_array_equal(getattr(panel, field), expected(bars, field), f"{form} {field}")
        assert (panel.raw_close is not None) == (form in vendors.WITH_QUOTED_CLOSES), form
        if panel.raw_close is not None:
            np.testing.assert_array_equal(panel.raw_close, raw, form)
        assert not panel.findings, form


def test_closes_alone(tmp_path: Path) -> None:
    bars = vendors.draw(3)
    vendors.wide(tmp_path, bars)
    panel = read_folder(tmp_path, None)
    assert panel.symbols == ("BRK-B", "SPY", "TLT")
    np.testing.assert_array_equal(panel.close, expected(bars, "close"))
    assert np.isnan(panel.open).all() and panel.raw_close is None


@pytest.mark.parametrize("form", vendors.WHOLE)
def test_one_ticker_of_many(tmp_path: Path, form: str) -> None:
    bars = vendors.draw(4)
    vendors.WHOLE[form](tmp_path, bars)
    provider = f"files:{tmp_path}"
    assert market_symbols(provider) == ("BRK-B", "SPY", "TLT")
    panel = load_market(provider, symbols=["BRK-B"], missing="error")
    np.testing.assert_array_equal(panel.close[:, 0], bars["BRK-B"]["close"])


@pytest.mark.parametrize(
    "spelling", ["BTC/USD", "BTC-USD", "CRYPTO::BTC//USD", "X:BTCUSD", "btc-usd", "BTC-USD.CC"]
)
def test_a_pair_is_one_ticker_however_it_is_spelled(tmp_path: Path, spelling: str) -> None:
    (tmp_path / "p.csv").write_text(f"date,symbol,close\n2024-01-06,{spelling},40000\n", encoding="utf-8")
    panel = load_market(f"files:{tmp_path}", symbols=["BTC-USD"], missing="error")
    assert panel.symbols == ("BTC-USD",) and panel.crypto.all()


def test_a_partition_may_be_a_day(tmp_path: Path) -> None:
    for day in ("2024-01-02", "2024-01-03"):
        (tmp_path / f"date={day}").mkdir()
        (tmp_path / f"date={day}" / "part.csv").write_text(
            "symbol,close\nSPY,400\nTLT,90\n", encoding="utf-8"
        )
    panel = read_folder(tmp_path, None)
    assert [str(day) for day in panel.dates] == ["2024-01-02", "2024-01-03"]
    assert panel.close.tolist() == [[400.0, 90.0]] * 2


CASES = Path(__file__).parents[3] / "../shared/cases"


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases in {CASES}")
@pytest.mark.parametrize(
    "case", ["01-close-beside-adjusted-close/prices", "05-field-names-taken-for-tickers/prices"]
    + [f"23-vendor-shapes/{form}" for form in
       ("alpaca", "eodhd", "finrl", "hive", "polygon", "stooq", "wide-Date", "yfinance-history")],
)  # fmt: skip
def test_cases_have_the_closes_of_the_reference(case: str) -> None:
    wanted = ["SPY", "TLT"]
    reference = read_folder(CASES / "00-reference" / "prices", wanted)
    found = read_folder(CASES / case, wanted)
    np.testing.assert_array_equal(found.dates, reference.dates)
    np.testing.assert_allclose(found.close, reference.close, rtol=1e-6)
    if found.has_bars("SPY"):
        np.testing.assert_allclose(found.open, reference.open, rtol=1e-5)
