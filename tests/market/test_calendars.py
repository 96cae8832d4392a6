import datetime as dt

import numpy as np
import pytest

from rlpretrain.market import calendar_days, exchange_sessions, is_crypto


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "D")


def test_known_closures_and_sessions() -> None:
    sessions = exchange_sessions(dt.date(2012, 10, 1), dt.date(2018, 12, 31))
    for closed in ("2012-10-29", "2012-10-30", "2018-12-05", "2015-04-03", "2016-07-04"):
        assert day(closed) not in sessions, closed
    for trading in ("2012-10-31", "2015-04-02", "2018-12-31"):
        assert day(trading) in sessions, trading


def test_a_year_has_252_sessions_give_or_take() -> None:
    years = exchange_sessions(dt.date(1991, 1, 1), dt.date(2023, 12, 31)).astype("datetime64[Y]")
    counts = np.unique(years, return_counts=True)[1]
    assert len(counts) == 33
    assert counts.min() >= 248
    assert counts.max() <= 254


def test_a_weekend_has_none() -> None:
    assert len(exchange_sessions(dt.date(2024, 1, 6), dt.date(2024, 1, 7))) == 0


def test_a_longer_span_only_adds_days() -> None:
    short = exchange_sessions(dt.date(2020, 1, 1), dt.date(2020, 6, 30))
    long = exchange_sessions(dt.date(2019, 1, 1), dt.date(2021, 6, 30))
    inside = (long >= day("2020-01-01")) & (long <= day("2020-06-30"))
    np.testing.assert_array_equal(short, long[inside])


def test_calendar_days_are_all_days() -> None:
    days = calendar_days(dt.date(2024, 2, 27), dt.date(2024, 3, 2))
    assert [str(d) for d in days] == ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]


@pytest.mark.parametrize(
    ("symbol", "crypto"), [("BTC-USD", True), ("SPY", False), ("BRK-B", False), ("USD", False)]
)
def test_crypto_is_told_by_its_name(symbol: str, crypto: bool) -> None:
    assert is_crypto(symbol) is crypto
