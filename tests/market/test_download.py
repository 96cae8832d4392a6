"""A folder of prices kept up to date: what is fetched, what is refused, what stays."""

import datetime as dt
import threading
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.market import AssetSeries, exchange_sessions, load_market
from rlpretrain.market.calendars import calendar_days, is_crypto
from rlpretrain.market.download import last_bar_due, update_prices

THURSDAY = dt.datetime(2024, 3, 28, 21, 0, tzinfo=dt.UTC)  # After the close; Good Friday follows.


def series(symbol: str, last: dt.date, *, seed: int = 1, factor: float = 1.0) -> AssetSeries:
    days = (calendar_days if is_crypto(symbol) else exchange_sessions)(dt.date(2023, 1, 2), last)
    rng = np.random.default_rng(seed)
    close = factor * 100 * np.exp(np.cumsum(0.01 * rng.standard_normal(len(days))))
    return AssetSeries(
        symbol,
        is_crypto(symbol),
        days,
        close * 0.999,
        close * 1.01,
        close * 0.99,
        close,
        close * 0 + 1e6,
        close * 2,
    )


class Source:
    """Gives the same history up to a last day, and counts who asked."""

    def __init__(self, last: dt.date, **changed: AssetSeries) -> None:
        self.last, self.changed = last, changed
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, symbol: str) -> AssetSeries:
        with self._lock:
            self.asked.append(symbol)
        if symbol == "GONE":
            raise DataError("GONE: delisted")
        return self.changed.get(symbol) or series(symbol, self.last)


@pytest.mark.parametrize(
    ("now", "equity", "crypto"),
    [
        (
            dt.datetime(2024, 3, 28, 19, 59, tzinfo=dt.UTC),
            "2024-03-27",
            "2024-03-27",
        ),  # A minute before four.
        (dt.datetime(2024, 3, 28, 20, 0, tzinfo=dt.UTC), "2024-03-28", "2024-03-27"),
        (dt.datetime(2024, 3, 30, 0, 30, tzinfo=dt.UTC), "2024-03-28", "2024-03-29"),  # Good Friday is none.
        (
            dt.datetime(2024, 7, 3, 17, 0, tzinfo=dt.UTC),
            "2024-07-03",
            "2024-07-02",
        ),  # A half day ends at one.
    ],
)
def test_the_last_bar_due(now: dt.datetime, equity: str, crypto: str) -> None:
    assert str(last_bar_due("SPY", now)) == equity
    assert str(last_bar_due("BTC-USD", now)) == crypto


def test_the_market_reads_what_was_written(tmp_path: Path) -> None:
    source = Source(THURSDAY.date())
    update = update_prices(tmp_path, ["SPY", "BTC-USD", "GONE"], source, now=THURSDAY)
    assert update.updated == ("BTC-USD", "SPY")
    assert update.rejected == {"GONE": "GONE: delisted"}
    panel = load_market(f"files:{tmp_path}")
    expected = series("SPY", THURSDAY.date())
    got = panel.series("SPY")
    for name in ("dates", "open", "high", "low", "close", "volume", "raw_close"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
    # Thursday's crypto bar is not over yet.
    assert str(panel.series("BTC-USD").dates[-1]) == "2024-03-27"


def test_only_what_lacks_its_last_bar_is_fetched(tmp_path: Path) -> None:
    update_prices(tmp_path, ["SPY", "BTC-USD"], Source(THURSDAY.date()), now=THURSDAY)
    later = THURSDAY + dt.timedelta(days=1)
    source = Source(later.date())
    update = update_prices(tmp_path, ["SPY", "BTC-USD", "QQQ"], source, now=later)
    assert sorted(source.asked) == ["BTC-USD", "QQQ"]
    assert update.current == ("SPY",)
    again = update_prices(tmp_path, ["SPY", "BTC-USD", "QQQ"], source, now=later, refresh=True)
    assert again.updated == ("BTC-USD", "QQQ", "SPY")
    assert again.revised == {}


def test_a_dividend_rescales_the_past_and_is_no_revision(tmp_path: Path) -> None:
    update_prices(tmp_path, ["SPY"], Source(THURSDAY.date()), now=THURSDAY)
    later = THURSDAY + dt.timedelta(days=5)
    rescaled = series("SPY", later.date(), factor=0.98)
    update = update_prices(tmp_path, ["SPY"], Source(later.date(), SPY=rescaled), now=later)
    assert update.updated == ("SPY",)
    assert update.revised == {}
    close = rescaled.close.copy()
    close[100] *= 1.01
    changed = AssetSeries(
        "SPY", False, rescaled.dates, close * 0.999, close * 1.01, close * 0.99, close, rescaled.volume
    )
    update = update_prices(tmp_path, ["SPY"], Source(later.date(), SPY=changed), now=later, refresh=True)
    assert update.revised == {"SPY": 2}  # Into the changed close, and out of it.


def test_a_history_that_lost_days_does_not_replace_a_whole_one(tmp_path: Path) -> None:
    update_prices(tmp_path, ["SPY"], Source(THURSDAY.date()), now=THURSDAY)
    before = (tmp_path / "SPY.parquet").read_bytes()
    short = series("SPY", dt.date(2023, 6, 1))
    update = update_prices(tmp_path, ["SPY"], Source(THURSDAY.date(), SPY=short), now=THURSDAY, refresh=True)
    assert "SPY: the source has 104 of the 311 days" in update.rejected["SPY"]
    assert (tmp_path / "SPY.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("bad", "value"),
    [
        ("close", -1.0),
        ("close", np.nan),
        ("close", np.inf),
        ("high", 0.1),
        ("high", np.inf),
        ("raw_close", 0.0),
    ],
)
def test_impossible_bars_are_refused(tmp_path: Path, bad: str, value: float) -> None:
    good = series("SPY", THURSDAY.date())
    bars = {
        name: getattr(good, name).copy() for name in ("open", "high", "low", "close", "volume", "raw_close")
    }
    bars[bad][50] = value
    update = update_prices(
        tmp_path,
        ["SPY", "QQQ"],
        Source(THURSDAY.date(), SPY=AssetSeries("SPY", False, good.dates, **bars)),
        now=THURSDAY,
    )
    assert update.updated == ("QQQ",)
    assert bad in update.rejected["SPY"]
    assert not (tmp_path / "SPY.parquet").exists()


def test_a_ticker_is_never_a_path(tmp_path: Path) -> None:
    source = Source(THURSDAY.date())
    update = update_prices(tmp_path / "prices", ["../SPY", "A/B", "", "SPY"], source, now=THURSDAY)
    assert update.updated == ("SPY",) and source.asked == ["SPY"]
    assert update.rejected == {name: f"{name!r} is not a ticker" for name in ("", "../SPY", "A/B")}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["SPY.parquet", "prices"]


def test_a_damaged_file_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "QQQ.parquet").write_bytes(b"torn")
    update = update_prices(tmp_path, ["QQQ", "SPY"], Source(THURSDAY.date()), now=THURSDAY)
    assert update.updated == ("SPY",)
    assert f"{tmp_path / 'QQQ.parquet'} cannot be read" in update.rejected["QQQ"]
    assert (tmp_path / "QQQ.parquet").read_bytes() == b"torn"
