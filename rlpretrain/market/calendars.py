"""Trading days and their closes: sessions of the New York Stock Exchange, and every calendar day for crypto assets."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from rlpretrain.market.panel import Dates

__all__ = ["calendar_days", "exchange_sessions", "first_close_after", "is_crypto"]

_NEW_YORK = ZoneInfo("America/New_York")
_CLOSE = dt.time(16)


def is_crypto(symbol: str) -> bool:
    """Return whether a ticker names a crypto asset, which trades every calendar day: those end in ``-USD``."""
    return symbol.endswith("-USD")


def calendar_days(start: dt.date, end: dt.date) -> Dates:
    """Return every day from `start` to `end`, both included, as ``datetime64[D]``."""
    return np.arange(np.datetime64(start, "D"), np.datetime64(end, "D") + 1)


@lru_cache(maxsize=8)
def exchange_sessions(start: dt.date, end: dt.date) -> Dates:
    """Return the sessions of XNYS from `start` to `end`, both included, as read-only ``datetime64[D]``."""
    # Imported here: it takes half a second, and reading prices from files never needs it.
    import exchange_calendars

    # The library rejects a span without a session, such as a weekend; a fortnight on either side contains some.
    margin = dt.timedelta(days=14)
    calendar = exchange_calendars.get_calendar("XNYS", start=start - margin, end=end + margin)
    sessions: Dates = calendar.sessions.to_numpy().astype("datetime64[D]")
    sessions = sessions[(sessions >= np.datetime64(start, "D")) & (sessions <= np.datetime64(end, "D"))]
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


@lru_cache(maxsize=8)
def _early_closes(decade: int) -> dict[dt.date, dt.time]:
    import exchange_calendars

    start, end = dt.date(decade * 10, 1, 1), dt.date(decade * 10 + 9, 12, 31)
    calendar = exchange_calendars.get_calendar("XNYS", start=start, end=end)
    return {
        session.date(): calendar.session_close(session).tz_convert(_NEW_YORK).time()
        for session in calendar.early_closes
    }
