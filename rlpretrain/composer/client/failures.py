"""Failures of the service, and their consequences: try again, reject the symphony, or stop the run."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from rlpretrain.errors import ServiceError

__all__ = [
    "ComposerError",
    "Verdict",
    "answer_failure",
    "http_failure",
    "refused",
    "text_failure",
]

_LONGEST_QUOTE = 300
_RETRY_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_ABOUT_ALL_CALLS = frozenset({405, 407})
"""Statuses below 500 that, as 401 and 403, are about the key or the address, whichever symphony was asked for. All
others may be about the one that was: a redirect, which is not followed, or 451."""
_THROTTLE_CODES = frozenset({"too-many-requests", "rate-limited"})
_RETRY_CODES = _THROTTLE_CODES | {"timeout", "service-unavailable", "internal-error"}
_STOP_CODES = frozenset({"unauthorized", "forbidden", "invalid-credentials"})

# The official server answers failed calls with the text of the exception that it caught: an httpx time-out has
# an empty text, and a gateway's HTML page leads to the JSON decoder's "Expecting value".
_RETRY_TEXT = re.compile(
    r"too.many.requests|rate.?limit|timed?.?out|temporar|unavailable|connection|disconnected|reset by peer|"
    r"expecting value|unterminated string|name resolution|\b(429|500|502|503|504)\b",
    re.IGNORECASE,
)
_THROTTLE_TEXT = re.compile(r"too.many.requests|rate.?limit|\b429\b", re.IGNORECASE)
_STOP_TEXT = re.compile(
    r"unauthori[sz]ed|forbidden|api.key|authorization header|\b(401|403)\b", re.IGNORECASE
)


class Verdict(StrEnum):
    """What a failure means for the run."""

    RETRY = "retry"
    """The same call may succeed later."""
    REJECT = "reject"
    """This symphony is not available; the others are."""
    STOP = "stop"
    """No call can succeed until the operator changes something."""


class ComposerError(ServiceError):
    """A call to Composer failed.

    Parameters
    ----------
    message
        What failed; unprintable characters are escaped, so that it can go into any log.
    verdict
        What the failure means for the run.
    retry_after
        Seconds that the service asked the client to wait, if it did.
    throttled
        Whether the service reports that calls come too fast.
    session_lost
        Whether the connection must be reopened before the next call.

    Attributes
    ----------
    tries
        Total number of tries of the call.
    status
        HTTP status of the answer, if that is what failed.
    explained
        Whether the answer gave the service's own reason in addition to the status.
    """

    def __init__(
        self,
        message: str,
        *,
        verdict: Verdict,
        hint: str | None = None,
        retry_after: float | None = None,
        throttled: bool = False,
        session_lost: bool = False,
    ) -> None:
        super().__init__(_printable(message), hint=hint, retryable=verdict is Verdict.RETRY)
        self.verdict = verdict
        self.retry_after = retry_after
        self.throttled = throttled
        self.session_lost = session_lost
        self.tries = 1
        self.status: int | None = None
        self.explained = False


def refused(subject: str, error: Exception, *, about_symphony: bool) -> ComposerError:
    """Return the failure of a call whose answer exceeds a limit, which it would do again."""
    return ComposerError(f"{subject}: {error}", verdict=_own_fault(about_symphony))


def http_failure(
    subject: str, status: int, *, retry_after: float | None, about_symphony: bool, answer: Any = None
) -> ComposerError:
    """Classify an HTTP status that is not a success.

    Parameters
    ----------
    subject
        What was called, for the message.
    status
        HTTP status code.
    retry_after
        Seconds, from the answer's ``Retry-After``.
    about_symphony
        Whether the call named one symphony, so that a rejection is about it alone.
    answer
        The decoded body, if it is JSON; its error code is more specific than the status.
    """
    failure = _http_failure(f"{subject}: HTTP {status}", status, retry_after, about_symphony, answer)
    failure.status = status
    return failure


def _http_failure(
    subject: str, status: int, retry_after: float | None, about_symphony: bool, answer: Any
) -> ComposerError:
    stated = answer_failure(subject, answer, about_symphony=about_symphony)
    message = subject if stated is None else stated.message
    throttled = status == HTTPStatus.TOO_MANY_REQUESTS or (stated is not None and stated.throttled)
    if status in _RETRY_STATUS or throttled:
        return ComposerError(message, verdict=Verdict.RETRY, retry_after=retry_after, throttled=throttled)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _unauthorised(message)
    if status in _ABOUT_ALL_CALLS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ComposerError(message, verdict=Verdict.STOP)
    if stated is None:
        return ComposerError(message, verdict=_own_fault(about_symphony))
    stated.explained = True
    return stated


def text_failure(subject: str, text: str, *, about_symphony: bool) -> ComposerError:
    """Classify an error that the service described in words only."""
    quote = _quoted(text)
    message = f"{subject}: {quote}" if quote else f"{subject}: failed without a reason"
    if not quote or _RETRY_TEXT.search(quote):
        throttled = _THROTTLE_TEXT.search(quote) is not None
        return ComposerError(message, verdict=Verdict.RETRY, throttled=throttled)
    if _STOP_TEXT.search(quote):
        return _unauthorised(message)
    return ComposerError(message, verdict=_own_fault(about_symphony))


def answer_failure(subject: str, answer: Any, *, about_symphony: bool) -> ComposerError | None:
    """Find the failure in a normal answer: ``{"error": text}`` or ``{"errors": [{"code": ...}]}``.

    Returns
    -------
    ComposerError | None
        None when the answer reports no failure.
    """
    if not isinstance(answer, Mapping) or "step" in answer:  # a tree may have any key in addition to its step
        return None
    errors = answer.get("errors")
    if isinstance(errors, list) and errors:
        return _coded_failure(subject, errors[0], about_symphony)
    if "error" not in answer:
        return None
    error = answer["error"]
    if isinstance(error, Mapping):
        return _coded_failure(subject, error, about_symphony)
    return text_failure(subject, _words(error), about_symphony=about_symphony)


def _coded_failure(subject: str, error: Any, about_symphony: bool) -> ComposerError:
    if not isinstance(error, Mapping):
        return text_failure(subject, _words(error), about_symphony=about_symphony)
    code = _words(error.get("code", ""))
    words = _words(error.get("title") or error.get("detail") or error.get("message") or "")
    message = f"{subject}: {_quoted(f'{code} {words}')}"
    if code in _RETRY_CODES:
        return ComposerError(message, verdict=Verdict.RETRY, throttled=code in _THROTTLE_CODES)
    if code in _STOP_CODES:
        return _unauthorised(message)
    if code:
        return ComposerError(message, verdict=_own_fault(about_symphony))
    return text_failure(subject, words, about_symphony=about_symphony)


def _words(value: Any) -> str:
    """Return a text as it is, and of anything else the beginning, however deep it is nested."""
    return value if isinstance(value, str) else reprlib.repr(value)


def _quoted(text: str) -> str:
    return " ".join(text[: 10 * _LONGEST_QUOTE].split())[:_LONGEST_QUOTE]


def _printable(text: str) -> str:
    """Escape what could break a log, a file or a terminal: control characters, unpaired surrogates."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def _own_fault(about_symphony: bool) -> Verdict:
    return Verdict.REJECT if about_symphony else Verdict.STOP


def _unauthorised(message: str) -> ComposerError:
    return ComposerError(
        message,
        verdict=Verdict.STOP,
        hint="set COMPOSER_API_KEY_ID and COMPOSER_API_SECRET to a valid API key",
    )
