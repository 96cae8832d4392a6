"""The header ``Retry-After``."""

import datetime as dt

from rlpretrain.retry_after import parse_retry_after


def test_retry_after_in_seconds_or_as_a_date():
    now = dt.datetime(2025, 1, 1, 12, 0, 0, tzinfo=dt.UTC)
    assert parse_retry_after("120") == 120.0
    assert parse_retry_after("Wed, 01 Jan 2025 12:00:30 GMT", now) == 30.0
    assert parse_retry_after("Wed, 01 Jan 2025 11:00:00 GMT", now) == 0.0
    assert (
        parse_retry_after("soon") is None
        and parse_retry_after("-5") is None
        and parse_retry_after(None) is None
    )
