"""Points in time as the service writes them."""

import contextlib
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.composer.client.times import parse_moment

NOON = dt.datetime(2024, 3, 7, 17, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-07T12:00:00.000000-05:00[America/New_York]",
        "2024-03-07T12:00:00-05:00[!America/New_York]",
        "2024-03-07T12:00:00-05:00[America/New_York][u-ca=iso8601]",
        "2024-03-07T12:00[America/New_York]",
        "2024-03-07T17:00:00Z",
        "2024-03-07T17:00:00.000000000Z",
        "2024-03-07 18:00:00+01:00",
        # The offset says when it was; a zone that nobody knows, or that has another offset, changes nothing.
        "2024-03-07T12:00:00-05:00[Mars/Olympus]",
        "2024-03-07T12:00:00-05:00[Europe/Paris]",
    ],
)
def test_one_moment_in_many_spellings(text):
    moment = parse_moment(text)
    assert moment == NOON and moment.tzinfo is dt.UTC


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-07T12:00:00",
        "2024-03-07",
        "2024-03-07T12:00:00[Mars/Olympus]",
        "2024-03-07T12:00:00[../../etc/passwd]",
        "2024-13-07T12:00:00Z",
        "2024-03-07T12:00:00-05:00[America/New_York",
        "2024-03-07T12:00:00-05:00[]",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "yesterday",
        "",
        None,
        1709830800,
        ["2024-03-07T17:00:00Z"],
    ],
)
def test_what_names_no_moment_is_refused(text):
    with pytest.raises(ValueError, match="is not a time"):
        parse_moment(text)


@given(
    st.integers(0, 4_000_000_000_000).map(lambda ms: dt.datetime.fromtimestamp(ms / 1000, dt.UTC)),
    st.sampled_from(["America/New_York", "Europe/Berlin", "Asia/Kolkata", "UTC"]),
)
def test_a_moment_survives_being_written_with_its_zone(moment, zone):
    local = moment.astimezone(ZoneInfo(zone))
    assert parse_moment(f"{local.isoformat(timespec='microseconds')}[{zone}]") == moment


@given(st.text(max_size=40))
def test_no_text_does_more_than_being_refused(text):
    with contextlib.suppress(ValueError):
        assert parse_moment(text).tzinfo is dt.UTC
