"""Days from the ways in which files write them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.market.files.dates import read_days

DAYS = st.dates(dt.date(1975, 1, 1), dt.date(2100, 12, 31))


def day_of(value: object) -> str | None:
    (day,) = read_days(pa.chunked_array([pa.array([value])])).day.tolist()
    return None if day is None else day.isoformat()


@pytest.mark.parametrize(
    "written",
    [
        "2024-03-11", "2024/03/11", "2024-3-11", "20240311", 20240311, 20240311.0, " 2024-03-11 ",
        "2024-03-11 00:00:00",
        "2024-03-11T16:00:00", "2024-03-11 00:00:00-04:00", "2024-03-11 00:00:00+00:00", "2024-03-11T00:00:00.000Z",
        "2024-03-11 04:00:00+00:00", "2024-03-11T04:00:00Z", "2024-03-11 20:00:00 UTC", "2024-03-11T00:00:00+0900",
        "2024-03-12 00:30:00+00:00", 1710129600, "1710129600", 1710129600000, 1710129600000000, 1710129600000000000,
        "1710115200", dt.date(2024, 3, 11), dt.datetime(2024, 3, 11, 9, 30),  # noqa: DTZ001 - as files have it
        dt.datetime(2024, 3, 11, 4, tzinfo=dt.UTC), dt.datetime(2024, 3, 11, tzinfo=ZoneInfo("America/New_York")),
        dt.datetime(2024, 3, 11, tzinfo=dt.UTC), dt.datetime(2024, 3, 11, tzinfo=ZoneInfo("Asia/Tokyo")),
    ],
)  # fmt: skip
def test_one_day_in_many_ways(written: object) -> None:
    assert day_of(written) == "2024-03-11"


def test_one_moment_is_two_days_where_it_is_midnight() -> None:
    tokyo = dt.datetime(2024, 3, 11, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert day_of(tokyo.astimezone(dt.UTC)) == "2024-03-10"
    assert day_of(tokyo) == "2024-03-11"


def test_the_exchanges_midnight_moves_with_its_clock() -> None:
    assert day_of("2024-01-02 05:00:00+00:00") == "2024-01-02"
    assert day_of("2024-01-02 04:00:00+00:00") == "2024-01-01"
    assert day_of("2024-07-02 04:00:00+00:00") == "2024-07-02"


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("2023-02-30", True), ("20231301", True), ("2024-03-11 25:00", True), ("9999-12-31", True),
        ("0001-01-01", True),
        ("99999999999999999999", False), ("03/11/2024", False), ("11.03.2024", False), ("yesterday", False), (7, False),
        ("2024-03", False), (0.5, False), ("nan", False),
    ],
)  # fmt: skip
def test_what_is_no_day(written: object, known: bool) -> None:
    found = read_days(pa.chunked_array([pa.array([written])]))
    assert found.day.tolist() == [None]
    assert found.known_form.tolist() == [known] and not found.blank.any()


def test_blanks() -> None:
    found = read_days(pa.chunked_array([["2024-03-11", None, " ", ""]]))
    assert found.blank.tolist() == [False, True, True, True]
    assert found.known_form.tolist() == [True, False, False, False]
    assert len(read_days(pa.chunked_array([[]], pa.string())).day) == 0


@given(DAYS)
def test_new_yorks_midnight_is_the_day_in_every_unit(day: dt.date) -> None:
    midnight = dt.datetime.combine(day, dt.time(), ZoneInfo("America/New_York"))
    seconds = int(midnight.timestamp())
    for written in (
        midnight.isoformat(), midnight.astimezone(dt.UTC).isoformat(), midnight.astimezone(dt.UTC), f"{day:%Y%m%d}",
        seconds, seconds * 10**3, seconds * 10**6, seconds * 10**9,
    ):  # fmt: skip
        assert day_of(written) == day.isoformat()
