"""Reading the bodies of HTTP answers, up to a maximum size."""

from __future__ import annotations

import httpx2

__all__ = ["AnswerTooLargeError", "read_answer"]


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
