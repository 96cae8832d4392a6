"""Reading HTTP answers: bodies up to a maximum size, and the header ``Retry-After``."""

from __future__ import annotations

import datetime as dt
from email.utils import parsedate_to_datetime

import httpx2

__all__ = ["AnswerTooLargeError", "parse_retry_after", "read_answer"]


class AnswerTooLargeError(Exception):
    """An answer has more bytes than the client reads."""

    def __init__(self, largest: int) -> None:
        super().__init__(f"the answer is larger than {largest / 2**20:g} MiB")


async def read_answer(response: httpx2.Response, largest: int) -> bytes:
    """Read a streamed answer's body, decompressed; stop as soon as it is known to be too large.

    Raises
    ------
    AnswerTooLargeError
        The body has more than `largest` bytes.
    """
    stated = response.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > largest:
        raise AnswerTooLargeError(largest)
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > largest:
            raise AnswerTooLargeError(largest)
    return bytes(body)


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
