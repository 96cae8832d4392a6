"""Trading days: sessions of the New York Stock Exchange, and every calendar day for crypto assets."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

import numpy as np

from rlpretrain.market.panel import Dates

__all__ = ["calendar_days", "exchange_sessions", "is_crypto"]


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
