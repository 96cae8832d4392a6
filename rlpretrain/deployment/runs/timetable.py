"""The nightly schedule: a set time after each close of a stock exchange.

A session's open and close come from `exchange_calendars`, so holidays are skipped, runs after half days start early,
and daylight saving time shifts nothing. That library imports pandas, so it is imported by the methods that the
scheduler calls: reading the DAG file, or reading the timetable back from Airflow's database, stays cheap.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import pendulum
from airflow.sdk import timezone
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

from rlpretrain.errors import SettingsError

if TYPE_CHECKING:
    from airflow.timetables.base import TimeRestriction

__all__ = ["TradingDayTimetable", "nightly_timetable"]

EXCHANGE = "XNYS"
MINUTES_AFTER_CLOSE = 150
"""Vendors correct a day's bar for up to two hours after the close; at 18:30 in New York it is final."""
GRACE = dt.timedelta(minutes=5)
"""How late the first run may be created: the file may be read again just when the scheduler is about to create it."""

log = logging.getLogger(__name__)


class Session(NamedTuple):
    """One trading day, in UTC."""

    open: dt.datetime
    close: dt.datetime


class TradingDayTimetable(Timetable):
    """One run for each session of an exchange, `minutes` after its close.

    The data interval is the session, from open to close, so the logical date is the open. Without catch-up, only the
    last of the sessions that were missed (an outage, a pause) gets its run, and a DAG that never ran waits for the
    next close. After the end of the calendar nothing is scheduled, and a warning is logged.

    Parameters
    ----------
    exchange
        Market identifier code, such as ``XNYS``.
    minutes
        Minutes from the close to the run; at least 0, less than a day.

    Raises
    ------
    SettingsError
        The exchange has no calendar, or `minutes` is out of range.
    """

    def __init__(self, exchange: str = EXCHANGE, minutes: int = MINUTES_AFTER_CLOSE) -> None:
        if not _has_calendar(exchange):
            raise SettingsError(
                f"exchange {exchange!r} has no calendar in exchange_calendars",
                hint="for example XNYS, XLON, XETR or XTKS",
            )
        if not 0 <= minutes < 24 * 60:
            raise SettingsError(f"{minutes} minutes after the close: the number must be from 0 to 1439")
        self.exchange = exchange
        self.minutes = minutes
        self.description = f"{minutes} minutes after each close of {exchange}"

    @property
    def summary(self) -> str:
        """What the UI shows as the schedule."""
        return f"{self.exchange} close + {self.minutes} min"

    def serialize(self) -> dict[str, Any]:
        """Return what Airflow stores of the timetable in its database."""
        return {"exchange": self.exchange, "minutes": self.minutes}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        """Create the timetable from the result of `serialize`."""
        return cls(data["exchange"], data["minutes"])

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """Return the last session that had closed by `run_after`; that moment itself where the calendar has none."""
        session = self._last_closed_by(run_after)
        return DataInterval.exact(run_after) if session is None else _interval(session)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next session to run for, and when; see the class for what is skipped."""
        last, earliest = last_automated_data_interval, restriction.earliest
        # Sessions are ordered by their closes: the next is the first to close after `done`.
        done: dt.datetime
        if last is not None:
            done = last.end
            missed = None if restriction.catchup else self._last_closed_by(timezone.utcnow() - self._delay)
            if missed is not None:
                done = max(done, missed.close - dt.timedelta(microseconds=1))
        elif not restriction.catchup:
            done = timezone.utcnow() - self._delay - GRACE
        elif earliest is not None:
            done = earliest
        else:
            return None
        if earliest is not None:
            done = max(done, earliest)
        candidates = _sessions_closing_after(self.exchange, done)
        if earliest is not None:
            candidates = dropwhile(lambda session: session.open < earliest, candidates)
        session = next(candidates, None)
        if session is None:
            log.warning("the calendar of %s has ended: upgrade exchange_calendars to continue", self.exchange)
            return None
        if restriction.latest is not None and session.open > restriction.latest:
            return None
        run_after = pendulum.instance(session.close + self._delay)
        return DagRunInfo(run_after=run_after, data_interval=_interval(session))

    @property
    def _delay(self) -> dt.timedelta:
        return dt.timedelta(minutes=self.minutes)

    def _last_closed_by(self, moment: dt.datetime) -> Session | None:
        for year in (moment.year + 1, moment.year, moment.year - 1):
            sessions = _sessions(self.exchange, year)
            index = bisect_right(sessions, moment, key=lambda session: session.close)
            if index:
                return sessions[index - 1]
        return None


def nightly_timetable(environment: Mapping[str, str] | None = None) -> TradingDayTimetable:
    """Return the deployment's timetable from ``RLPRETRAIN_EXCHANGE`` and ``RLPRETRAIN_MINUTES_AFTER_CLOSE``.

    Raises
    ------
    SettingsError
        A variable's value is impossible.
    """
    environment = os.environ if environment is None else environment
    minutes = environment.get("RLPRETRAIN_MINUTES_AFTER_CLOSE") or str(MINUTES_AFTER_CLOSE)
    if not minutes.isdecimal():
        raise SettingsError(f"RLPRETRAIN_MINUTES_AFTER_CLOSE: {minutes!r} is not a whole number of minutes")
    return TradingDayTimetable(environment.get("RLPRETRAIN_EXCHANGE") or EXCHANGE, int(minutes))


def _interval(session: Session) -> DataInterval:
    return DataInterval(pendulum.instance(session.open), pendulum.instance(session.close))


def _has_calendar(exchange: str) -> bool:
    """Look for the calendar's module without importing the library."""
    package = find_spec("exchange_calendars")
    if package is None or not re.fullmatch("[A-Z]{4}", exchange):
        return False
    name = f"exchange_calendar_{exchange.lower()}.py"
    return any((Path(folder) / name).is_file() for folder in package.submodule_search_locations or ())


def _sessions_closing_after(exchange: str, moment: dt.datetime) -> Iterator[Session]:
    """Yield the sessions with a close later than `moment`, in order, to the calendar's end."""
    # A session may close in the year after its own, in UTC.
    year = moment.year - 1
    while sessions := _sessions(exchange, year):
        yield from sessions[bisect_right(sessions, moment, key=lambda session: session.close) :]
        year += 1


@lru_cache(maxsize=64)
def _sessions(exchange: str, year: int) -> tuple[Session, ...]:
    """Return the sessions of a year, in order; none for a year outside the calendar."""
    import exchange_calendars

    first, last = _bounds(exchange)
    start, end = max(dt.date(year, 1, 1), first), min(dt.date(year, 12, 31), last)
    if start > end:
        return ()
    try:
        schedule = exchange_calendars.get_calendar(exchange, start=start, end=end).schedule
    except exchange_calendars.errors.NoSessionsError:
        return ()
    return tuple(
        Session(opened.to_pydatetime(), closed.to_pydatetime())
        for opened, closed in zip(schedule["open"], schedule["close"], strict=True)
    )


@lru_cache(maxsize=64)
def _bounds(exchange: str) -> tuple[dt.date, dt.date]:
    """Return the first and last day that the library knows the exchange's holidays for."""
    import exchange_calendars

    # The bounds belong to the class, which is reached through any of its calendars.
    calendar = exchange_calendars.get_calendar(exchange, start="2020-01-01", end="2020-12-31")
    first, last = calendar.bound_min(), calendar.bound_max()
    # pandas counts nanoseconds: its own range ends in 1677 and 2262.
    return (
        first.date() if first is not None else dt.date(1900, 1, 1),
        last.date() if last is not None else dt.date(2200, 12, 31),
    )
