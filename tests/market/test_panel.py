import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.market import PricePanel


@pytest.fixture
def panel() -> PricePanel:
    """Friday to Monday: SPY rests on the weekend, BTC-USD doesn't, NEW starts on Monday with closes only."""
    nan = np.nan
    close = np.array([[10.0, 100.0, nan], [nan, 101.0, nan], [nan, 102.0, nan], [11.0, 103.0, 5.0]])
    bars = np.where(np.array([True, True, False]), close, nan)
    return PricePanel(
        symbols=("SPY", "BTC-USD", "NEW"),
        dates=np.arange(np.datetime64("2024-01-05"), np.datetime64("2024-01-09")),
        open=bars,
        high=bars,
        low=bars,
        close=close,
        volume=bars,
        crypto=np.array([False, True, False]),
        source="test",
    )


def test_sessions_are_the_exchange_days(panel: PricePanel) -> None:
    assert panel.sessions.tolist() == [0, 3]
    assert panel.select(["BTC-USD"]).sessions.tolist() == [0, 1, 2, 3]
    panel.close[1:3, 0] = 10.0  # A share on a weekend makes no session, whoever put it there.
    assert panel.sessions.tolist() == [0, 3]


def test_series_has_no_holes(panel: PricePanel) -> None:
    spy, btc = panel.series("SPY"), panel.series("BTC-USD")
    assert spy.close.tolist() == [10.0, 11.0]
    assert (len(btc), btc.bars_per_year, spy.bars_per_year) == (4, 365, 252)


def test_closes_alone_are_told_from_bars(panel: PricePanel) -> None:
    assert panel.has_bars("SPY")
    assert not panel.has_bars("NEW")


def test_cuts_by_date_and_symbol(panel: PricePanel) -> None:
    assert len(panel.until(np.datetime64("2024-01-06")).dates) == 2
    weekend = panel.between(np.datetime64("2024-01-06"), np.datetime64("2024-01-07"))
    assert weekend.close[:, 1].tolist() == [101.0, 102.0]
    assert panel.between(None, None).digest == panel.digest
    assert panel.select(["NEW", "SPY"]).close.tolist()[1] == [5.0, 11.0]
    assert len(panel.select(["NEW"]).dates) == 1


def test_unknown_asset_is_named(panel: PricePanel) -> None:
    with pytest.raises(DataError, match="ZZZ"):
        panel.series("ZZZ")


def test_digest_sees_one_price(panel: PricePanel) -> None:
    same, other = panel.until(panel.dates[-1]), panel.until(panel.dates[-1])
    other.close[0, 0] += 1e-9
    assert same.digest == panel.digest
    assert other.digest != panel.digest


def test_refuses_disorder(panel: PricePanel) -> None:
    fields = {name: getattr(panel, name) for name in ("open", "high", "low", "close", "volume", "crypto")}
    with pytest.raises(DataError, match="ascending"):
        PricePanel(symbols=panel.symbols, dates=panel.dates[::-1], source="x", **fields)
    with pytest.raises(DataError, match="twice"):
        PricePanel(symbols=("A", "A", "B"), dates=panel.dates, source="x", **fields)
    with pytest.raises(DataError, match="shape"):
        PricePanel(symbols=("A", "B"), dates=panel.dates, source="x", **fields)
