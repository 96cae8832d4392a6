"""Time is split by date into ordered windows that can carry a statistic."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import SettingsError
from rlpretrain.market.windows import Windows, split_windows

DAYS = np.arange(np.datetime64("2010-01-01"), np.datetime64("2030-01-01"))
SESSIONS = DAYS[np.is_busday(DAYS)]


def split(n: int = 1000, **options):
    return split_windows(SESSIONS[:n], **{"validation_split": 0.2, "test_split": 0.25, **options})


@given(n=st.integers(0, 3000), validation=st.floats(0.01, 0.89), test=st.floats(0.01, 0.89))
def test_windows_are_ordered_and_long_enough_or_refused(n: int, validation: float, test: float) -> None:
    sessions = SESSIONS[:n]
    try:
        windows = split_windows(sessions, validation_split=validation, test_split=test)
    except SettingsError as error:
        assert "fewer than 60" in str(error)
        return
    assert windows.start == sessions[0]
    assert windows.end == sessions[-1]
    assert windows.start < windows.validation_start < windows.test_start < windows.end
    edges = [windows.start, windows.validation_start, windows.test_start, windows.end + 1]
    lengths = np.diff(np.searchsorted(sessions, edges))
    assert (lengths >= 60).all()
    assert lengths.sum() == n


@given(days=st.lists(st.integers(0, 1500), min_size=2, max_size=2, unique=True))
def test_given_days_win_over_shares(days: list[int]) -> None:
    first, second = (SESSIONS[0] + day for day in sorted(days))
    try:
        windows = split(validation_start=first.astype(object), test_start=second.astype(object))
    except SettingsError:
        return
    assert windows.validation_start >= first > windows.validation_start - 5
    assert windows.test_start >= second > windows.test_start - 5


def test_shares_are_of_sessions() -> None:
    windows = split()
    assert windows.test_start == SESSIONS[750]
    assert windows.validation_start == SESSIONS[600]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"test_start": dt.date(2040, 1, 1)}, "test_start"),
        ({"test_start": dt.date(2000, 1, 1)}, "test_start: the pre-training window"),
        ({"validation_start": dt.date(2000, 1, 1)}, "validation_start"),
        (
            {"validation_start": dt.date(2013, 6, 1), "test_start": dt.date(2013, 6, 3)},
            "validation_start: the validation",
        ),
        ({"test_split": 0.05}, "test_split"),
        ({"n": 0}, "the market has 0 sessions"),
    ],
)
def test_an_impossible_window_is_named(options: dict, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        split(**options)


def test_json_round_trip() -> None:
    assert Windows.from_json(split().as_json()) == split()
