"""One spelling of tickers, whatever the source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.market.tickers import normal_ticker


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SPY", "SPY"),
        (" spy ", "SPY"),
        ("SPY.US", "SPY"),
        ("EQUITIES::SPY//USD", "SPY"),
        ("EQUITIES::BRK/B//USD", "BRK-B"),
        ("BRK.B", "BRK-B"),
        ("BRK/B", "BRK-B"),
        ("BRK-B.US", "BRK-B"),
        ("CRYPTO::BTC//USD", "BTC-USD"),
        ("BTC/USD", "BTC-USD"),
        ("btc-usd", "BTC-USD"),
        ("BTC-USD.CC", "BTC-USD"),
        ("X:BTCUSD", "BTC-USD"),
        ("^VIX", "^VIX"),
        ("ES=F", "ES=F"),
        ("BTCUSD", "BTCUSD"),
        ("", None),
        ("Unnamed: 0", None),
        ("N/A?", None),
        ("-", None),
        ("A" * 21, None),
    ],
)
def test_spellings(text: str, expected: str | None) -> None:
    assert normal_ticker(text) == expected


@given(st.text(alphabet="ABCSPYUSDX019.-/:^= ccus", max_size=24))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normal_ticker(text)
    assert once is None or normal_ticker(once) == once
