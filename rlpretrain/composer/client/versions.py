"""Versions of symphonies: the service's list of them, and whether the service offers such calls at all.

The endpoints of versions are not as well known as the others. A service may lack them, or keep them from callers
without a key, and a run goes on without them.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from rlpretrain.composer.client.failures import ComposerError, Verdict
from rlpretrain.composer.client.times import parse_moment
from rlpretrain.composer.protocol.calls import IDENTIFIER
from rlpretrain.errors import DataError, described
from rlpretrain.limits import VERSIONS

__all__ = [
    "MCP_HAS_NO_VERSIONS",
    "AbsentEndpointError",
    "OptionalEndpoint",
    "SymphonyVersion",
    "VersionList",
    "may_be_about_endpoint",
    "parse_versions",
]

MCP_HAS_NO_VERSIONS = "MCP has no versions of symphonies; REST has"

_NOT_OFFERED = (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)
"""Statuses that are about the endpoint, whichever symphony was asked for."""
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
"""Statuses that may be about the endpoint."""
_MOST_MISSES = 3
"""Calls that find nothing, before any is answered, after which there is no such endpoint."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SymphonyVersion:
    """One version of a symphony; its tree never changes."""

    version_id: str
    created_at: dt.datetime
    """In UTC."""


@dataclass(frozen=True)
class VersionList:
    """The versions of a symphony, in the service's order, which means nothing."""

    versions: tuple[SymphonyVersion, ...]
    unreadable: tuple[str, ...] = ()
    """Reasons why rows were left out."""


def parse_versions(answer: Any, symphony_id: str) -> VersionList:
    """Read an answer of ``list_symphony_versions``: a list of rows, or one under ``versions``.

    Raises
    ------
    ComposerError
        The answer is not a list, or a list of too many; one bad row is left out, with its reason in `unreadable`.
    """
    rows = answer.get("versions") if isinstance(answer, Mapping) else answer
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise ComposerError(
            f"list_symphony_versions {symphony_id}: the answer is not a list of versions",
            verdict=Verdict.REJECT,
        )
    try:
        VERSIONS.check(len(rows))
    except DataError as error:
        raise ComposerError(
            f"list_symphony_versions {symphony_id}: {error}", verdict=Verdict.REJECT
        ) from None
    versions, unreadable = [], []
    for number, row in enumerate(rows):
        try:
            versions.append(_version(row))
        except ValueError as error:
            unreadable.append(f"row {number}: {error}")
        except Exception as error:  # whatever one row contains, the others are read
            unreadable.append(f"row {number}: {described(error)}")
    return VersionList(tuple(versions), tuple(unreadable))


def _version(row: Any) -> SymphonyVersion:
    if not isinstance(row, Mapping):
        raise ValueError("it is not an object")
    version_id = str(row.get("version_id"))
    if row.get("version_id") is None or not IDENTIFIER.fullmatch(version_id):
        raise ValueError(f"{version_id[:80]!r} is not a version's id")
    return SymphonyVersion(version_id, parse_moment(row.get("created_at")))


class AbsentEndpointError(ComposerError):
    """The service does not offer an endpoint; asking for another symphony would not help."""


def may_be_about_endpoint(error: ComposerError) -> bool:
    """Return whether a failure may mean that the service lacks an endpoint, or keeps it from this caller."""
    return error.status in _REFUSED or (error.status == HTTPStatus.NOT_FOUND and not error.explained)


class OptionalEndpoint:
    """An endpoint that a service may lack, and what its answers have shown so far.

    A 405 or 501 is about the endpoint. A 401, 403 or 404 is about the one symphony if the endpoint is known to exist,
    or if the service explains its 404; after three others, the endpoint is taken to be absent. Calls are made one at a
    time until this is known.

    Parameters
    ----------
    tool
        Name of the call.
    absent
        Why it is known to be absent, if it is.
    """

    def __init__(self, tool: str, absent: str | None = None) -> None:
        self._tool, self._absent = tool, absent
        self._exists = False
        self._misses = 0
        self._unknown = asyncio.Lock()

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Wait until the block may call the endpoint, and learn from how the block ends.

        Raises
        ------
        AbsentEndpointError
            There is no such endpoint; before the block if that is known, or after it.
        ComposerError
            The block's failure, which stops no run: it goes on without versions.
        """
        async with AsyncExitStack() as turn:
            if not self._exists:
                await turn.enter_async_context(self._unknown)
            if self._exists:
                await turn.aclose()
            self._check()
            try:
                yield
            except ComposerError as error:
                self._learn(error)
                if error.status is not None and error.verdict is Verdict.STOP:
                    rejection = ComposerError(error.message, verdict=Verdict.REJECT)
                    rejection.status = error.status
                    raise rejection from error
                raise
            self._exists = True

    def _check(self) -> None:
        if self._absent is not None:
            raise AbsentEndpointError(f"{self._tool}: {self._absent}", verdict=Verdict.REJECT)

    def _learn(self, error: ComposerError) -> None:
        if error.status in _NOT_OFFERED:
            self._misses = _MOST_MISSES
        elif not self._exists and may_be_about_endpoint(error):
            self._misses += 1
        else:
            self._exists = True
        if self._misses >= _MOST_MISSES and self._absent is None:
            self._absent = f"the service does not offer it (HTTP {error.status})"
            logger.warning("%s: %s", self._tool, self._absent)
        self._check()
