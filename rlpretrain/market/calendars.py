"""Trading days and their closes: sessions of the New York Stock Exchange, and every calendar day for crypto assets."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "bar_end",
    "bar_start",
    "calendar_days",
    "exchange_sessions",
    "first_close_after",
    "is_crypto",
    "is_session",
    "next_bar",
]

_NEW_YORK = ZoneInfo("America/New_York")
_OPEN, _CLOSE = dt.time(9, 30), dt.time(16)
_FIRST, _LAST = dt.date(1900, 1, 1), dt.date(2100, 12, 31)
"""Span of the exchange's calendar; no other day is a session."""


def is_crypto(symbol: str) -> bool:
    """Return whether a ticker names a crypto asset, which trades every calendar day: those end in ``-USD``."""
    return symbol.endswith("-USD")


def calendar_days(start: dt.date, end: dt.date) -> NDArray[np.datetime64]:
    """Return every day from `start` to `end`, both included, as ``datetime64[D]``."""
    return np.arange(np.datetime64(start, "D"), np.datetime64(end, "D") + 1)


def exchange_sessions(start: dt.date, end: dt.date) -> NDArray[np.datetime64]:
    """Return the sessions of XNYS from `start` to `end`, both included, as read-only ``datetime64[D]``."""
    sessions = _all_sessions()
    first, stop = np.searchsorted(sessions, [np.datetime64(start, "D"), np.datetime64(end, "D") + 1])
    return sessions[first:stop]


def is_session(dates: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Return for each day whether XNYS has a session on it."""
    sessions = _all_sessions()
    place = np.minimum(np.searchsorted(sessions, dates), len(sessions) - 1)
    found: NDArray[np.bool_] = sessions[place] == dates
    return found


@lru_cache(maxsize=1)
def _all_sessions() -> NDArray[np.datetime64]:
    """Return every session once for all: the library takes as long for a year as for a century."""
    # Imported here: it takes half a second, and a panel of crypto assets never needs it.
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("XNYS", start=_FIRST, end=_LAST)
    sessions: NDArray[np.datetime64] = calendar.sessions.to_numpy().astype("datetime64[D]")
    sessions.setflags(write=False)
    return sessions


def first_close_after(moment: dt.datetime) -> dt.date:
    """Return the first calendar day that closes after a point in time.

    A day closes at 16:00 in New York, or earlier if the exchange does. Days without a session close too, because
    crypto assets have a price then; what happens at a close itself comes too late for it.

    Parameters
    ----------
    moment
        With an offset or a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a point in time needs a time zone")
    local = moment.astimezone(_NEW_YORK)
    close = _early_closes(local.year // 10).get(local.date(), _CLOSE)
    return local.date() if local.time() < close else local.date() + dt.timedelta(days=1)


def next_bar(symbol: str, day: dt.date) -> dt.date:
    """Return the day of the bar that follows the one of `day`: the next session, or the next day for crypto."""
    following = day + dt.timedelta(days=1)
    if is_crypto(symbol):
        return following
    # No closure of the exchange has been longer than that of 1914, which lasted four months.
    found: dt.date = exchange_sessions(following, day + dt.timedelta(days=150))[0].astype(object)
    return found


def bar_start(symbol: str, day: dt.date) -> dt.datetime:
    """Return the time, in UTC, at which the bar of a day opens: 9:30 in New York, or midnight UTC for crypto."""
    if is_crypto(symbol):
        return dt.datetime.combine(day, dt.time(0), dt.UTC)
    return dt.datetime.combine(day, _OPEN, _NEW_YORK).astimezone(dt.UTC)


def bar_end(symbol: str, day: dt.date) -> dt.datetime:
    """Return the time, in UTC, at which the bar of a day closes: the exchange's close, or the next midnight UTC."""
    if is_crypto(symbol):
        return bar_start(symbol, day + dt.timedelta(days=1))
    close = _early_closes(day.year // 10).get(day, _CLOSE)
    return dt.datetime.combine(day, close, _NEW_YORK).astimezone(dt.UTC)


@lru_cache(maxsize=8)
def _early_closes(decade: int) -> dict[dt.date, dt.time]:
    import exchange_calendars

    start, end = dt.date(decade * 10, 1, 1), dt.date(decade * 10 + 9, 12, 31)
    calendar = exchange_calendars.get_calendar("XNYS", start=start, end=end)
    return {
        session.date(): calendar.session_close(session).tz_convert(_NEW_YORK).time()
        for session in calendar.early_closes
    }
