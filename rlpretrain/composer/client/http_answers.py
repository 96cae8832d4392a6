"""Reading the bodies of HTTP answers, as far as they are small enough."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

from rlpretrain.documents import count_marks
from rlpretrain.limits import ANSWER_BYTES, ANSWER_MARKS

__all__ = ["AnswerTooLargeError", "bounded_events", "read_answer"]

_EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
_UNREAD_HEADERS = ("content-encoding", "content-length", "transfer-encoding")
"""Headers of a body that has been decompressed and joined."""


class AnswerTooLargeError(Exception):
    """An answer has more bytes, or more values, than the client reads."""


async def read_answer(response: httpx2.Response, largest: int = ANSWER_BYTES.most) -> bytes:
    """Read a streamed answer's body, decompressed; stop as soon as it is known to be too large.

    Raises
    ------
    AnswerTooLargeError
        The body has more than `largest` bytes, or asks for too many values.
    """
    stated = response.headers.get("content-length", "")
    if stated.isdecimal() and int(stated[:20]) > largest:
        raise _too_many_bytes(largest)
    body, marks = bytearray(), 0
    async for part in response.aiter_bytes():
        body += part
        if len(body) > largest:
            raise _too_many_bytes(largest)
        marks += count_marks(part)
        _check_marks(marks)
    return bytes(body)


def bounded_events(response: httpx2.Response) -> httpx2.Response:
    """Return a stream of events that ends with `AnswerTooLargeError` at an event that asks for too many values."""
    return httpx2.Response(
        response.status_code,
        headers=kept_headers(response),
        stream=_Events(response),
        request=response.request,
    )


def kept_headers(response: httpx2.Response) -> list[tuple[str, str]]:
    """Return the headers that still hold once the body has been decompressed."""
    return [
        (name, value) for name, value in response.headers.multi_items() if name.lower() not in _UNREAD_HEADERS
    ]


class _Events(httpx2.AsyncByteStream):
    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        marks = 0
        async for part in self._response.aiter_bytes():
            end = max(part.rfind(mark) for mark in _EVENT_ENDS)
            marks = count_marks(part[max(end, 0) :]) + (marks if end < 0 else 0)
            _check_marks(marks)
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()


def _check_marks(marks: int) -> None:
    if marks > ANSWER_MARKS.most:
        raise AnswerTooLargeError(f"the answer has more than {ANSWER_MARKS.most:,} {ANSWER_MARKS.what}")


def _too_many_bytes(largest: int) -> AnswerTooLargeError:
    return AnswerTooLargeError(f"the answer is larger than {largest / 2**20:g} MiB")
