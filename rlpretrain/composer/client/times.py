"""Points in time, as the service writes them.

``2024-03-07T12:00:00.000000-05:00[America/New_York]`` is RFC 9557: a time of RFC 3339, followed by the name of its time
zone in brackets. The offset alone says when it was; the zone is read only where the offset is missing.
"""

from __future__ import annotations

import datetime as dt
import re
import reprlib
from typing import Any
from zoneinfo import ZoneInfo

__all__ = ["parse_moment"]

_LONGEST = 200
"""Characters."""
_RFC_9557 = re.compile(
    r"(?P<time>[^\[\]]+)(?:\[!?(?P<zone>[A-Za-z0-9_+/-]+)\])?(?:\[!?[a-z0-9_-]+=[A-Za-z0-9-]+\])*"
)


def parse_moment(text: Any) -> dt.datetime:
    """Read a time with an offset or a time zone, as a time in UTC.

    Raises
    ------
    ValueError
        It is not such a text: it names neither an offset nor a known zone, for example.
    """
    found = _RFC_9557.fullmatch(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    if found is None:
        shown = text[:80] if isinstance(text, str) else reprlib.repr(text)
        raise ValueError(f"{shown!r} is not a time")
    try:
        moment = dt.datetime.fromisoformat(found["time"])
        if moment.tzinfo is None and found["zone"]:
            moment = moment.replace(tzinfo=ZoneInfo(found["zone"]))
        if moment.tzinfo is None:
            raise ValueError("it has neither an offset nor a time zone")
        return moment.astimezone(dt.UTC)
    except (ValueError, KeyError, OSError, OverflowError) as error:
        raise ValueError(f"{text[:80]!r} is not a time: {error}") from None
