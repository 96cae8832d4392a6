import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.market import calendar_days, exchange_sessions, first_close_after, is_crypto

NEW_YORK = ZoneInfo("America/New_York")


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


@pytest.mark.parametrize(
    ("local", "day"),
    [
        ("2024-03-07T00:00:00", "2024-03-07"),
        ("2024-03-07T15:59:59.999999", "2024-03-07"),
        ("2024-03-07T16:00:00", "2024-03-08"),  # at the close is too late for it
        ("2024-03-07T23:59:59", "2024-03-08"),
        ("2024-03-08T16:00:00", "2024-03-09"),  # a Saturday: crypto has a close then
        ("2024-07-04T15:59:59", "2024-07-04"),  # a holiday likewise
        ("2024-11-29T12:59:59", "2024-11-29"),  # the exchange closes at 13:00
        ("2024-11-29T13:00:00", "2024-11-30"),
        ("2024-12-31T16:00:00", "2025-01-01"),
        ("2024-03-10T02:30:00", "2024-03-10"),  # an hour that the clock left out
        ("2024-11-03T01:30:00", "2024-11-03"),  # one that it repeated
    ],
)
def test_the_first_close_after_a_moment(local: str, day: str) -> None:
    moment = dt.datetime.fromisoformat(local).replace(tzinfo=NEW_YORK)
    assert first_close_after(moment) == dt.date.fromisoformat(day)
    assert first_close_after(moment.astimezone(dt.UTC)) == dt.date.fromisoformat(day)


def test_a_moment_without_a_zone_has_no_close() -> None:
    with pytest.raises(ValueError, match="time zone"):
        first_close_after(dt.datetime.fromisoformat("2024-03-07T12:00:00"))


@given(
    st.integers(1_420_000_000, 1_735_000_000).map(lambda second: dt.datetime.fromtimestamp(second, dt.UTC))
)
def test_the_close_comes_after_the_moment_and_the_one_before_does_not(moment: dt.datetime) -> None:
    day = first_close_after(moment)
    closes = exchange_closes()

    def close(date: dt.date) -> dt.datetime:
        return closes.get(date, dt.datetime.combine(date, dt.time(16), NEW_YORK))

    assert close(day) > moment >= close(day - dt.timedelta(days=1))


@cache
def exchange_closes() -> dict[dt.date, dt.datetime]:
    """Every session's close, from the exchange's calendar itself."""
    calendar = exchange_calendars.get_calendar("XNYS", start="2014-12-01", end="2025-01-31")
    return {day.date(): calendar.session_close(day).to_pydatetime() for day in calendar.sessions}
