"""The header ``Retry-After`` of HTTP answers."""

from __future__ import annotations

import datetime as dt
from email.utils import parsedate_to_datetime

__all__ = ["parse_retry_after"]


def parse_retry_after(value: str | None, now: dt.datetime | None = None) -> float | None:
    """Read a ``Retry-After`` header, seconds or an HTTP date (RFC 9110, 10.2.3), as seconds from now.

    Returns
    -------
    float | None
        At least 0; None when the header is missing or unreadable.
    """
    if value is None:
        return None
    if value.strip().isdecimal():
        return min(float(value), 1e9)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - (now or dt.datetime.now(dt.UTC))).total_seconds())
