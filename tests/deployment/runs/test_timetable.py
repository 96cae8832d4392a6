"""The schedule against the exchange's own calendar: every session once, at its close, whatever the clocks do."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from itertools import pairwise

import exchange_calendars
import pandas as pd
import pendulum
import pytest
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from hypothesis import given, settings
from hypothesis import strategies as st

from rlpretrain.deployment.runs import timetable as module
from rlpretrain.deployment.runs.timetable import TradingDayTimetable, nightly_timetable
from rlpretrain.errors import SettingsError
from tests.conftest import PROJECT

NEW_YORK = "America/New_York"
CATCH_UP = TimeRestriction(earliest=None, latest=None, catchup=True)
calendars = {
    name: exchange_calendars.get_calendar(name, start="2020-01-01") for name in ("XNYS", "XLON", "XTKS")
}
moments = st.integers(1_610_000_000, 1_782_000_000).map(
    lambda seconds: dt.datetime.fromtimestamp(seconds, dt.UTC)
)
exchanges = st.sampled_from(sorted(calendars))


def stamp(moment: dt.datetime) -> pd.Timestamp:
    return pd.Timestamp(moment)


def plain(moment: pd.Timestamp) -> dt.datetime:
    return moment.to_pydatetime()


def after(
    last: dt.datetime | None, *, exchange: str = "XNYS", restriction: TimeRestriction = CATCH_UP
) -> DagRunInfo:
    interval = None if last is None else DataInterval.exact(pendulum.instance(last))
    info = TradingDayTimetable(exchange).next_dagrun_info(
        last_automated_data_interval=interval, restriction=restriction
    )
    assert info is not None
    return info


def new_york(*numbers: int) -> pendulum.DateTime:
    return pendulum.datetime(*numbers, tz=NEW_YORK)


def at(monkeypatch: pytest.MonkeyPatch, moment: pendulum.DateTime) -> None:
    monkeypatch.setattr(module.timezone, "utcnow", lambda: moment.in_timezone("UTC"))


@given(exchanges, moments)
@settings(max_examples=60)
def test_the_next_run_follows_the_next_close(exchange: str, moment: dt.datetime) -> None:
    calendar = calendars[exchange]
    info = after(moment, exchange=exchange)
    close = calendar.next_close(stamp(moment))
    session = calendar.minute_to_session(close, "previous")
    assert info.data_interval == (plain(calendar.session_open(session)), plain(close))
    assert info.run_after == plain(close) + dt.timedelta(minutes=150)
    assert info.logical_date == plain(calendar.session_open(session))


@given(exchanges, moments)
@settings(max_examples=60)
def test_a_manual_run_is_about_the_last_session_that_closed(exchange: str, moment: dt.datetime) -> None:
    calendar = calendars[exchange]
    interval = TradingDayTimetable(exchange).infer_manual_data_interval(run_after=pendulum.instance(moment))
    close = calendar.previous_close(stamp(moment) + pd.Timedelta(minutes=1))
    assert interval.end == plain(close)
    assert interval.start == plain(calendar.session_open(calendar.minute_to_session(close, "previous")))


def test_catching_up_takes_every_session_once() -> None:
    restriction = TimeRestriction(new_york(2024, 1, 1), new_york(2024, 12, 31, 23), catchup=True)
    interval, runs = None, []
    timetable = TradingDayTimetable()
    while info := timetable.next_dagrun_info(last_automated_data_interval=interval, restriction=restriction):
        interval = info.data_interval
        runs.append(info)
    schedule = exchange_calendars.get_calendar("XNYS", start="2024-01-01", end="2024-12-31").schedule
    sessions = zip(schedule["open"].dt.to_pydatetime(), schedule["close"].dt.to_pydatetime(), strict=True)
    assert [run.data_interval for run in runs] == list(sessions)
    assert len(runs) == 252
    assert all(earlier.run_after < later.run_after for earlier, later in pairwise(runs))


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (new_york(2025, 3, 7, 16), new_york(2025, 3, 10, 18, 30)),  # clocks go forward on Sunday
        (new_york(2025, 10, 31, 16), new_york(2025, 11, 3, 18, 30)),  # and back
        (new_york(2025, 7, 2, 16), new_york(2025, 7, 3, 15, 30)),  # a half day closes at 13:00
        (new_york(2025, 7, 3, 13), new_york(2025, 7, 7, 18, 30)),  # Independence Day and a weekend
        (new_york(2025, 11, 26, 16), new_york(2025, 11, 28, 15, 30)),  # Thanksgiving, then a half day
        (new_york(2025, 1, 8, 16), new_york(2025, 1, 10, 18, 30)),  # a day of mourning
    ],
)
def test_holidays_half_days_and_clocks(last: pendulum.DateTime, expected: pendulum.DateTime) -> None:
    assert after(last).run_after == expected


def test_after_an_outage_only_the_last_session_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    live = TimeRestriction(new_york(2025, 1, 1), None, catchup=False)
    monday = new_york(2025, 9, 15, 16)
    at(monkeypatch, new_york(2025, 9, 18, 18, 29))
    assert after(monday, restriction=live).run_after == new_york(2025, 9, 17, 18, 30)
    at(monkeypatch, new_york(2025, 9, 18, 23))
    assert after(monday, restriction=live).run_after == new_york(2025, 9, 18, 18, 30)
    # What has run is not run again.
    assert after(new_york(2025, 9, 18, 16), restriction=live).run_after == new_york(2025, 9, 19, 18, 30)


def test_the_very_first_run_waits_for_a_close(monkeypatch: pytest.MonkeyPatch) -> None:
    live = TimeRestriction(new_york(2025, 1, 1), None, catchup=False)
    at(monkeypatch, new_york(2025, 9, 18, 23))
    assert after(None, restriction=live).run_after == new_york(2025, 9, 19, 18, 30)
    # Read again in the seconds before the scheduler creates it: still tonight's.
    at(monkeypatch, new_york(2025, 9, 18, 18, 31))
    assert after(None, restriction=live).run_after == new_york(2025, 9, 18, 18, 30)


def test_start_and_end_of_the_dag_bound_the_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    timetable = TradingDayTimetable()
    opening = new_york(2025, 9, 18, 9, 30)

    def first(
        earliest: pendulum.DateTime | None, latest: pendulum.DateTime | None, *, catchup: bool
    ) -> object:
        restriction = TimeRestriction(earliest, latest, catchup)
        return timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)

    at(monkeypatch, new_york(2025, 9, 1))
    for catchup in (True, False):
        info = first(opening, opening, catchup=catchup)
        assert isinstance(info, DagRunInfo) and info.logical_date == opening
        info = first(opening.add(seconds=1), None, catchup=catchup)
        assert isinstance(info, DagRunInfo) and info.logical_date == new_york(2025, 9, 19, 9, 30)
        assert first(opening, opening.subtract(seconds=1), catchup=catchup) is None
    assert first(None, None, catchup=True) is None


def test_a_change_of_schedule_goes_on_from_the_last_run() -> None:
    """A cron schedule's interval is a moment after the close, not a session."""
    assert after(new_york(2025, 9, 18, 18, 30)).run_after == new_york(2025, 9, 19, 18, 30)


def test_behind_the_calendars_end_nothing_is_scheduled(caplog: pytest.LogCaptureFixture) -> None:
    last = exchange_calendars.get_calendar("XSHG", start="2020-01-01", end="2020-12-31").bound_max()
    timetable = TradingDayTimetable("XSHG")
    end = pendulum.instance(last.to_pydatetime(), tz="UTC").add(days=1)
    info = timetable.next_dagrun_info(
        last_automated_data_interval=DataInterval.exact(end), restriction=CATCH_UP
    )
    assert info is None
    before = timetable.infer_manual_data_interval(run_after=end.add(years=3))
    assert before == DataInterval.exact(end.add(years=3))
    ancient = pendulum.datetime(1950, 1, 1)
    assert timetable.infer_manual_data_interval(run_after=ancient) == DataInterval.exact(ancient)


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"RLPRETRAIN_EXCHANGE": "NYSE"}, "NYSE"),
        ({"RLPRETRAIN_EXCHANGE": "../X"}, "no calendar"),
        ({"RLPRETRAIN_MINUTES_AFTER_CLOSE": "soon"}, "RLPRETRAIN_MINUTES_AFTER_CLOSE"),
        ({"RLPRETRAIN_MINUTES_AFTER_CLOSE": "-5"}, "RLPRETRAIN_MINUTES_AFTER_CLOSE"),
        ({"RLPRETRAIN_MINUTES_AFTER_CLOSE": "1440"}, "1439"),
    ],
)
def test_impossible_settings_are_refused(variables: dict[str, str], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        nightly_timetable(variables)


def test_settings_come_from_the_environment() -> None:
    timetable = nightly_timetable({"RLPRETRAIN_EXCHANGE": "XLON", "RLPRETRAIN_MINUTES_AFTER_CLOSE": "30"})
    assert (timetable.exchange, timetable.minutes) == ("XLON", 30)
    assert timetable.summary == "XLON close + 30 min"
    assert nightly_timetable({}).serialize() == {"exchange": "XNYS", "minutes": 150}


def test_reading_it_back_imports_nothing_heavy() -> None:
    code = (
        "import airflow.sdk, sys\n"
        "from rlpretrain.deployment.runs.timetable import TradingDayTimetable as T\n"
        "assert T.deserialize(T('XLON', 9).serialize()).serialize() == {'exchange': 'XLON', 'minutes': 9}\n"
        "print(*sorted({'pandas', 'numpy', 'exchange_calendars'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == []


@pytest.mark.airflow
def test_airflow_knows_it_by_the_plugin_alone() -> None:
    from airflow.serialization.decoders import decode_timetable
    from airflow.serialization.encoders import encode_timetable

    encoded = encode_timetable(TradingDayTimetable("XLON", 30))
    again = decode_timetable(encoded)
    assert isinstance(again, TradingDayTimetable) and again.serialize() == {"exchange": "XLON", "minutes": 30}
    code = (
        "from airflow.serialization.encoders import encode_timetable as e\n"
        "from rlpretrain.deployment.runs.timetable import TradingDayTimetable as T\n"
        "e(T())"
    )
    without = {"AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "no-plugins")}
    finished = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **without},
        check=False,
    )
    assert "is not registered" in finished.stderr
