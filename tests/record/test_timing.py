"""A decision is in time before its fill, and an outcome is known after its bar."""

from __future__ import annotations

import datetime as dt

import pytest

from rlpretrain.record.timing import fill_time, why_late
from tests.record.building import decision


@pytest.mark.parametrize(
    ("symbol", "day", "fill", "expected"),
    [
        ("SPY", "2026-01-05", "next_open", "2026-01-06 14:30"),
        ("SPY", "2026-01-05", "next_close", "2026-01-06 21:00"),
        ("SPY", "2026-07-02", "next_open", "2026-07-06 13:30"),  # the 3rd is a holiday, in summer time
        ("SPY", "2026-11-26", "next_close", "2026-11-27 18:00"),  # an early close
        ("BTC-USD", "2026-01-09", "next_open", "2026-01-10 00:00"),
        ("BTC-USD", "2026-01-09", "next_close", "2026-01-11 00:00"),
    ],
)
def test_the_fill_is_that_of_the_next_bar_by_the_calendar(
    symbol: str, day: str, fill: str, expected: str
) -> None:
    filled = fill_time(symbol, dt.date.fromisoformat(day), fill)
    assert f"{filled:%Y-%m-%d %H:%M}" == expected
    facts = decision(day, symbol=symbol, fill=fill)
    assert why_late(facts, filled - dt.timedelta(microseconds=1)) == ""
    assert "is filled at" in why_late(facts, filled)
