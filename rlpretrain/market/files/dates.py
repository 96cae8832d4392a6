"""Days from the ways in which files write them.

A moment is the day on which it lies at the exchange. A midnight stands for its own date, whatever its zone: that is
how daily bars are stamped where no zone is meant.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rlpretrain.market.panel import Dates

__all__ = ["FORMS", "Days", "is_date", "read_days"]

FORMS = (
    "YYYY-MM-DD, YYYY/MM/DD or YYYYMMDD, also with a time and a zone, or seconds since 1970 (also ms, us, ns)"
)

_EXCHANGE = ZoneInfo("America/New_York")
_WRITTEN = re.compile(
    r"(?:(\d{4})([-/])(\d{1,2})\2(\d{1,2})|(\d{4})(\d{2})(\d{2}))"
    r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
    r"\s*(?:(Z|UTC)|([+-])(\d{2}):?(\d{2})?)?",
    re.IGNORECASE,
)
_STAMP = re.compile(r"-?\d{9,19}")
_EPOCH = dt.date(1970, 1, 1)
_NEVER = np.iinfo(np.int64).min
"""The number by which numpy stores that there is no day."""
_FIRST, _LAST = dt.date(1700, 1, 1), dt.date(2199, 12, 31)
"""Days of any market. What lies outside is a mistake, and some calendars can't reach it."""


@dataclass(frozen=True)
class Days:
    """What a column of dates says, (n,) each."""

    day: Dates
    """NaT where there is none."""
    blank: NDArray[np.bool_]
    known_form: NDArray[np.bool_]
    """Whether the text has one of the forms, though the calendar may not have the day."""


def read_days(column: pa.ChunkedArray, *, month_first: bool = False) -> Days:
    """Read a column of text, numbers, dates or timestamps.

    Parameters
    ----------
    column
        The cells.
    month_first
        Whether MM/DD/YYYY is a form too; nothing in such a date says that the month comes first.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    # A day appears once for each ticker, so each distinct value is read once.
    encoded = column.combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_pylist()
    read = [_read(_year_first(value) if month_first else value) for value in values]
    # Row -1 is what a missing value points to.
    day = np.array([*(found for found, _ in read), _NEVER], dtype=np.int64).view("datetime64[D]")
    known = np.array([*(form for _, form in read), False])
    empty = np.array([*(isinstance(value, str) and not value.strip() for value in values), True])
    code = np.asarray(encoded.indices.fill_null(-1), dtype=np.intp)
    return Days(day[code], empty[code], known[code])


def is_date(text: str) -> bool:
    """Return whether a text has one of the forms of a date."""
    return _read(text)[1]


def _year_first(value: object) -> object:
    return (
        re.sub(r"^\s*(\d{1,2})/(\d{1,2})/(\d{4})\b", r"\3-\1-\2", value) if isinstance(value, str) else value
    )


def _read(value: object) -> tuple[int, bool]:
    """Return the day of a value, counted from 1970, and whether the value has a known form."""
    if isinstance(value, dt.datetime):
        return _counted(_day_of(value)), True
    if isinstance(value, dt.date):
        return _counted(value), True
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _read_text(str(value).strip())


@lru_cache(maxsize=100_000)  # The files of a folder have the same days.
def _read_text(text: str) -> tuple[int, bool]:
    if _STAMP.fullmatch(text):
        return _counted(_from_stamp(int(text))), True
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return _NEVER, False
    try:
        return _counted(_from_parts(*written.groups())), True
    except ValueError:  # The calendar has no such day, or the day no such time.
        return _NEVER, True


def _from_parts(*parts: str | None) -> dt.date:
    numbers = [int(part) for part in (*parts[:1], *parts[2:7]) if part is not None]
    hour, minute, second, utc, sign, zone_hours, zone_minutes = parts[7:]
    zone = None
    if utc or sign:
        offset = dt.timedelta(hours=int(zone_hours or 0), minutes=int(zone_minutes or 0))
        zone = dt.timezone(-offset if sign == "-" else offset)
    time = dt.time(int(hour or 0), int(minute or 0), int(second or 0), tzinfo=zone)
    return _day_of(dt.datetime.combine(dt.date(*numbers), time))


def _from_stamp(number: int) -> dt.date:
    """Read seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size."""
    unit = next(unit for limit, unit in ((11, 0), (14, 3), (17, 6), (20, 9)) if abs(number) < 10**limit)
    seconds = number // 10**unit
    return _day_of(dt.datetime.combine(_EPOCH, dt.time(), dt.UTC) + dt.timedelta(seconds=seconds))


def _day_of(moment: dt.datetime) -> dt.date:
    midnight = moment.time() == dt.time()
    return moment.date() if moment.tzinfo is None or midnight else moment.astimezone(_EXCHANGE).date()


def _counted(day: dt.date) -> int:
    return (day - _EPOCH).days if _FIRST <= day <= _LAST else _NEVER
